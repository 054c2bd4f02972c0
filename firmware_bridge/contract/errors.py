"""The root of the error tree, and the refusals of the wire decoder.

An error says what happened in one sentence, carries the offending value, names whose fault it is,
and whether trying again can help. `code` is stable: it is stored and printed, and never renamed.
Expected findings are values with codes of their own, not exceptions.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, ClassVar


class Fault(StrEnum):
    """Whose mistake an error is, and so who can mend it."""

    DEVICE = "device"
    PEER = "peer"
    CONFIGURATION = "configuration"
    OPERATOR = "operator"
    ENVIRONMENT = "environment"
    PRODUCT = "product"


_CORRECT = "Correct it, then run the command again."
_ADVICE = {
    Fault.DEVICE: "Look at the meter and the line to it.",
    Fault.PEER: _CORRECT,
    Fault.CONFIGURATION: _CORRECT,
    Fault.OPERATOR: _CORRECT,
    Fault.ENVIRONMENT: "Try again when it works.",
    Fault.PRODUCT: "Report it, with what the log says.",
}
"""What to do where an error has no remedy of its own."""


class MeterlineError(Exception):
    """Root of every error that Meterline raises on purpose.

    Args:
        message: One sentence that says what happened.
        value: The offending value, as it came.
        remedy: What the reader can do about it; None takes what the class says.
    """

    code: ClassVar[str] = "METERLINE"
    default_remedy: ClassVar[str | None] = None
    fault: ClassVar[Fault] = Fault.PRODUCT
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, value: object | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.value = value
        self.remedy = self.default_remedy if remedy is None else remedy

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message} {self.remedy}"

    @property
    def advice(self) -> str:
        """What to do: the remedy, or what goes for every fault of its kind."""
        return _ADVICE[self.fault] if self.remedy is None else self.remedy

    def as_text(self) -> str:
        """In words: code, what happened, and what to do."""
        return f"{self.code}: {self.message} {self.advice}"

    def as_object(self) -> dict[str, Any]:
        """The same, as JSON has it."""
        fields: dict[str, Any] = {"code": self.code, "message": self.message, "remedy": self.advice}
        if isinstance(self.value, bool | int | str):
            fields["value"] = self.value
        elif isinstance(self.value, date):
            fields["value"] = self.value.isoformat()
        return fields


class DeviceError(MeterlineError):
    """A meter answered wrongly, late or not at all."""

    code = "DEVICE"
    fault = Fault.DEVICE


class ConfigurationError(MeterlineError):
    """A setting or file given by a person cannot be used."""

    code = "CONFIGURATION"
    fault = Fault.CONFIGURATION


class EnvironmentFaultError(MeterlineError):
    """Disk, network or a server below us failed; the same call may go through later."""

    code = "ENVIRONMENT"
    fault = Fault.ENVIRONMENT
    retryable = True
    default_remedy = "Try again when it works."


class OperatorError(MeterlineError):
    """A person asked for something that the data or the rules do not allow."""

    code = "OPERATOR"
    fault = Fault.OPERATOR
    default_remedy = "Ask for something else, or change what stands in its way."


class InvalidValueError(MeterlineError, ValueError):
    """A value cannot exist in the vocabulary (an OBIS code with seven groups, a naive time)."""

    code = "INVALID_VALUE"
    fault = Fault.PEER


class MessageError(MeterlineError):
    """Root of the decoder's refusals: a message from the other side that cannot be read."""

    code = "MESSAGE"
    fault = Fault.PEER


class TruncatedError(MessageError):
    """The message ends before its header or body does."""

    code = "TRUNCATED"


class OversizeError(MessageError):
    """The message, its decompressed columns or its row count exceed the format's bound."""

    code = "OVERSIZE"


class BadMagicError(MessageError):
    """The message does not begin as any Meterline message does."""

    code = "BAD_MAGIC"


class HashMismatchError(MessageError):
    """The SHA-256 in the header is not that of gateway, version, epoch, sequence and body.

    A batch published under another gateway's topic fails here too, since the hash binds it.
    """

    code = "HASH_MISMATCH"


class UnknownVersionError(MessageError):
    """The message is intact, but of a format version that this release does not know."""

    code = "UNKNOWN_VERSION"


class MalformedError(MessageError):
    """The body is not msgpack, not a zstd frame, or has bytes left over."""

    code = "MALFORMED"


class DuplicateKeyError(MessageError):
    """A map holds the same key twice, so that two readers could see two messages."""

    code = "DUPLICATE_KEY"


class NotANumberError(MessageError):
    """A NaN or an infinity stands where a number should."""

    code = "NOT_A_NUMBER"


class NestingError(MessageError):
    """A list or map is nested deeper than the format has levels."""

    code = "NESTING"


class SchemaError(MessageError):
    """A field is missing, unknown, of a wrong type, or outside its range."""

    code = "SCHEMA"


class BadTextError(SchemaError):
    """A text holds NUL, an unpaired surrogate or a control character."""

    code = "BAD_TEXT"

"""What every decoder gives: telegrams with observations, or a named reason why there are none.

How it works: each protocol has a *scanner* that is fed bytes in any portions and gives back one
`Telegram` per frame it met, good or bad. Scanners hold a bounded buffer, so an endless stream
without a terminator costs neither memory nor time. A telegram that does not decode keeps its bytes
and its error; only one whose checksum holds has observations.

Nothing here knows of a socket or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from firmware_bridge.contract.errors import DeviceError, InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, Quality
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

UNKNOWN = "unknown"
RAW_KEPT_MAX = 4096


class TelegramError(DeviceError):
    """Root of the refusals of the telegram decoders."""

    code = "TELEGRAM"


class TelegramTruncatedError(TelegramError):
    """The telegram ends before its own lengths say so."""

    code = "TELEGRAM_TRUNCATED"
    default_remedy = "Check the line: its speed, its length, and that no other program reads it."


class TelegramSyntaxError(TelegramError):
    """The bytes do not follow the standard."""

    code = "TELEGRAM_SYNTAX"
    default_remedy = "Check that `protocol` and the settings of the line are those of this meter."


class TelegramTooLargeError(TelegramError):
    """The telegram, or a part of it, is larger or deeper than any real one."""

    code = "TELEGRAM_TOO_LARGE"
    default_remedy = "Check that `protocol` and the settings of the line are those of this meter."


class TelegramEmptyError(TelegramError):
    """The telegram is sound, and nothing that it says is a value we read."""

    code = "TELEGRAM_EMPTY"
    default_remedy = "Set the meter to send its counters, or wait for a telegram that has them."


class ChecksumError(TelegramError):
    """The checksum that the telegram carries is not that of its bytes."""

    code = "CHECKSUM"
    default_remedy = (
        "One now and then is noise; "
        "if all are, check cable, reading head and the settings of the line."
    )


class AuthenticationError(TelegramError):
    """The telegram was decrypted, but its tag or check bytes say that the key is wrong."""

    code = "AUTHENTICATION"
    default_remedy = "Set the key to that of this meter; its network operator or supplier has it."


class KeyMissingError(TelegramError):
    """The telegram is encrypted and no key was given for it."""

    code = "KEY_MISSING"
    default_remedy = "Set the key of this meter; its network operator or supplier has it."


class TelegramUnsupportedError(TelegramError):
    """The telegram is sound, but of a kind that carries no values we can read."""

    code = "TELEGRAM_UNSUPPORTED"
    default_remedy = (
        "Set the meter to send its counters in a standard form, or report the telegram."
    )


class DeviceReportError(TelegramError):
    """The device answered with an error of its own instead of values."""

    code = "DEVICE_REPORT"


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of a telegram, in the device's own words.

    Args:
        meter: The device that counted.
        obis: The code as sent, or as the protocol's standard maps the record; None where the
            standard has no code for it.
        value: Exact. [unit]
        unit: A `Unit` where the vocabulary has the unit, else the device's own spelling.
        quality: What the device says of the value.
        meter_time: The device's own time of the value, aware; None where it gives none.
        kind: A counter or momentary value, or the consumption of an interval.
        period_s: Length of an interval, or how often the device renews the value; 0 unknown. [s]
        commodity_obis: The code of the same quantity without the port's channel number, where
            `obis` only says on which channel of a port a sub-meter hangs (0-1:24.2.1).
        storage: 0 for the present value, above for stored ones.
        approximate: Whether it was sent as a float, so that an integer beside it says more.
        label: What the value is, for people.
        sampled: `meter_time` is when the value was sampled, maybe long ago, and not the meter's
            clock as it stood when the telegram was sent.
        kept: As `MeterValue.kept`.
        port: Channel of the port on which a sub-meter hangs; 0 for the port's own meter.
        of_last_contact: `meter_time` is when the device was last heard, by whoever heard it.
        sender: As `MeterValue.sender`.
    """

    meter: MeterIdentity
    obis: Obis | None
    value: Decimal
    unit: str
    quality: Quality = Quality.ACTUAL
    meter_time: datetime | None = None
    kind: Kind = Kind.REGISTER
    period_s: int = 0
    commodity_obis: Obis | None = None
    storage: int = 0
    approximate: bool = False
    label: str = ""
    sampled: bool = False
    kept: bool = False
    port: int = 0
    of_last_contact: bool = False
    sender: str = ""

    def meter_value(self) -> MeterValue | None:
        """The value in the shared vocabulary; None where code, unit or digits have no place."""
        code = self.commodity_obis or self.obis
        if code is None or self.storage:
            return None
        try:
            quantity = Quantity.from_decimal(self.value, Unit(self.unit))
        except ValueError:  # InvalidValueError is one
            return None
        return MeterValue(
            self.meter,
            code,
            self.kind,
            quantity,
            self.quality,
            self.meter_time,
            self.period_s,
            approximate=self.approximate,
            sampled=self.sampled,
            kept=self.kept,
            sender=self.sender,
        )


def meter_values(seen: Sequence[Observation]) -> tuple[tuple[Observation, MeterValue], ...]:
    """What was observed at once and has a place in the shared vocabulary, with its value there.

    Sampled values know the clock as it stood then.
    """
    clock = next((o.meter_time for o in seen if o.meter_time and not o.sampled), None)
    values = ((one, value) for one in seen if (value := one.meter_value()) is not None)
    return tuple(
        (one, replace(value, meter_clock=clock) if value.sampled else value)
        for one, value in values
    )


@dataclass(frozen=True, slots=True)
class Telegram:
    """One frame that a scanner met.

    Args:
        raw: Its bytes, of a refused one at most `RAW_KEPT_MAX`.
        observations: What it says; empty where it was refused.
        error: Why it was refused.
        rest: Why what follows the observations could not be read, in a telegram that is vouched
            for and ends too early.
        sender: The topic that a refused one came from, as `MeterValue.sender`.
    """

    raw: bytes
    observations: tuple[Observation, ...] = ()
    error: TelegramError | None = None
    rest: TelegramError | None = None
    sender: str = ""

    @classmethod
    def refused(cls, raw: bytes | bytearray, error: TelegramError) -> Telegram:
        """A telegram that gave no values, with its bytes up to the bound."""
        # Tracebacks keep the decoder's frames, and with them buffers, for as long as this lives.
        error.__cause__ = error.__context__ = None
        return cls(bytes(raw[:RAW_KEPT_MAX]), (), error.with_traceback(None))

    @property
    def silence(self) -> TelegramEmptyError | None:
        """Why a sound telegram gives no reading; None where it does, or was refused."""
        if self.error is not None or any(item.meter_value() for item in self.observations):
            return None
        labels = sorted({item.label or str(item.obis) for item in self.observations})
        content = f"only {', '.join(labels)}, which have no code here" if labels else "no value"
        return TelegramEmptyError(f"The telegram is sound and holds {content}.", value=self.raw)


class Scanner(Protocol):
    """Bytes in any portions in, telegrams out. Bounded; never raises for what a device sent."""

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete, in order."""
        ...

    def close(self) -> Iterator[Telegram]:
        """What is left when no more bytes come: telegrams that need no terminator, or refusals."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of an encrypted meter.

    Args:
        encryption: 16 bytes; the global unicast key of DLMS, the OMS key of M-Bus.
        authentication: 16 bytes; DLMS only. Without it the tag of an authenticated and encrypted
            telegram cannot be checked.
    """

    encryption: bytes | None = field(default=None, repr=False)
    authentication: bytes | None = field(default=None, repr=False)


# Group F of what is shown now; what ended with an earlier period has another.
_PRESENT = 255


def storage_of(code: Obis) -> int:
    """The storage number that a code's last group says: 0 for what is shown now."""
    period = code.code[5]
    return 0 if period == _PRESENT else max(1, period)


# Spellings of units, the vocabulary's unit, and the power of ten between them.
_UNITS: dict[str, tuple[Unit, int]] = {
    "wh": (Unit.WATT_HOUR, 0),
    "kwh": (Unit.WATT_HOUR, 3),
    "mwh": (Unit.WATT_HOUR, 6),
    "gwh": (Unit.WATT_HOUR, 9),
    "varh": (Unit.VAR_HOUR, 0),
    "kvarh": (Unit.VAR_HOUR, 3),
    "mvarh": (Unit.VAR_HOUR, 6),
    "vah": (Unit.VOLT_AMPERE_HOUR, 0),
    "kvah": (Unit.VOLT_AMPERE_HOUR, 3),
    "mvah": (Unit.VOLT_AMPERE_HOUR, 6),
    "w": (Unit.WATT, 0),
    "kw": (Unit.WATT, 3),
    "mw": (Unit.WATT, 6),
    "var": (Unit.VAR, 0),
    "kvar": (Unit.VAR, 3),
    "mvar": (Unit.VAR, 6),
    "va": (Unit.VOLT_AMPERE, 0),
    "kva": (Unit.VOLT_AMPERE, 3),
    "mva": (Unit.VOLT_AMPERE, 6),
    "v": (Unit.VOLT, 0),
    "kv": (Unit.VOLT, 3),
    "a": (Unit.AMPERE, 0),
    "ka": (Unit.AMPERE, 3),
    "hz": (Unit.HERTZ, 0),
    "l": (Unit.LITRE, 0),
    "m3": (Unit.LITRE, 3),
    "dm3": (Unit.LITRE, 0),
    "l/h": (Unit.LITRE_PER_HOUR, 0),
    "m3/h": (Unit.LITRE_PER_HOUR, 3),
    "j": (Unit.JOULE, 0),
    "kj": (Unit.JOULE, 3),
    "mj": (Unit.JOULE, 6),
    "gj": (Unit.JOULE, 9),
    "tj": (Unit.JOULE, 12),
    "degc": (Unit.CELSIUS, 0),
    "°c": (Unit.CELSIUS, 0),
    "": (Unit.COUNT, 0),
    "1": (Unit.COUNT, 0),
}
# A small m before a unit is a thousandth; of all others makers spell the case as they like.
_THOUSANDTHS: dict[str, tuple[Unit, int]] = {
    "mWh": (Unit.WATT_HOUR, -3),
    "mW": (Unit.WATT, -3),
    "mVA": (Unit.VOLT_AMPERE, -3),
    "mV": (Unit.VOLT, -3),
    "mA": (Unit.AMPERE, -3),
    "mHz": (Unit.HERTZ, -3),
    "mL": (Unit.LITRE, -3),
    "ml": (Unit.LITRE, -3),
    "cm3": (Unit.LITRE, -3),
}


def normalise(value: Decimal, unit: str) -> tuple[Decimal, str]:
    """The value in the vocabulary's unit, exactly; unknown units come back as they are.

    Args:
        value: As sent. [unit]
        unit: As spelled by the device; case does not count but for a small m, and ^3 is 3.
    """
    spelled = unit.strip().replace("^", "").replace("³", "3")
    known = _THOUSANDTHS.get(spelled) or _UNITS.get(spelled.lower())
    if known is None:
        return value, unit
    base, power = known
    return shift(value, power), base.value


def shift(value: Decimal, power: int) -> Decimal:
    """`value * 10 ** power` with every digit kept."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        message = f"{value} is not a finite number."
        raise InvalidValueError(message, value=value)
    return Decimal((sign, digits, exponent + power))


def plain(value: Decimal) -> str:
    """An exact decimal string without an exponent."""
    return f"{value:f}"


def flag_id(code: int) -> str:
    """The three letters of a manufacturer's FLAG code. Source: EN 62056-21, EN 13757-7."""
    return "".join(chr(64 + (code >> place & 0x1F)) for place in (10, 5, 0))

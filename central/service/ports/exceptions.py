"""What the queue of exceptions needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

from central.domain.vee.finding import Severity
from central.service.ports.exception_notes import ActionNote
from central.service.views.paging import Page
from firmware_bridge.contract.errors import OperatorError

_BIGINT_MAX = 2**63 - 1


class NoSuchExceptionError(OperatorError):
    """Nothing of that key waits."""

    code = "NO_SUCH_EXCEPTION"
    default_remedy = "`exceptions list` shows what waits."


class ExceptionKind(StrEnum):
    """Where an exception comes from. Stored: never renamed."""

    BILL = "bill"
    """A bill that is held."""
    CANDIDATE = "candidate"
    """Issued bills that would say something else today."""
    CONFLICT = "conflict"
    """A reading with two values."""
    FINDING = "finding"
    """A finding of validation."""
    METER = "meter"
    """A meter that is installed nowhere."""
    QUARANTINE = "quarantine"
    """A batch that could not be read."""
    REPORT = "report"
    """A finding of ingest."""
    SUBJECT = "subject"
    """A subject of whose usage events some belong to nobody."""


_LETTERS = {
    ExceptionKind.BILL: "b",
    ExceptionKind.CANDIDATE: "d",
    ExceptionKind.CONFLICT: "c",
    ExceptionKind.FINDING: "v",
    ExceptionKind.METER: "m",
    ExceptionKind.QUARANTINE: "q",
    ExceptionKind.REPORT: "i",
    ExceptionKind.SUBJECT: "s",
}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}


class ExceptionKey(NamedTuple):
    """What an exception is called: v12, b7.

    Args:
        kind: Where it comes from.
        number: Its number there.
    """

    kind: ExceptionKind
    number: int

    def __str__(self) -> str:
        return f"{_LETTERS[self.kind]}{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that a text says.

        Raises:
            NoSuchExceptionError: It says none.
        """
        kind, digits = _KINDS.get(text[:1]), text[1:]
        number = int(digits) if digits.isascii() and digits.isdecimal() else 0
        if kind is None or not 0 < number <= _BIGINT_MAX:
            message = f"{text!r} is not the key of an exception, such as v12 or b7."
            raise NoSuchExceptionError(message, value=text)
        return cls(kind, number)


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """Something that waits for a clerk.

    Args:
        key: What it is called.
        severity: What it does.
        raised_at: Since when.
        subject: Service point, gateway, meter, account and period, or subject of events.
        code: What it is.
        message: One sentence.
        owner: Who has it; None for nobody.
        due_on: Until when it is to be done; None where nobody said.
        hidden_until: Until which day it is hidden from the queue.
    """

    key: ExceptionKey
    severity: Severity
    raised_at: datetime
    subject: str
    code: str
    message: str
    owner: str | None = None
    due_on: date | None = None
    hidden_until: date | None = None


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Which exceptions are asked for; None for any.

    Args:
        kinds: Where they come from; all where it is empty.
        severity: What they do.
        code: What they are.
        owner: Who has them; "" for those that nobody has.
        raised_before: Since when they wait, at the latest. Aware.
        subject: Of what.
        shown_on: The day of today: what is hidden until a later one is left out; None for all.
    """

    kinds: tuple[ExceptionKind, ...] = ()
    severity: Severity | None = None
    code: str | None = None
    owner: str | None = None
    raised_before: datetime | None = None
    subject: str | None = None
    shown_on: date | None = None


class ExceptionCount(NamedTuple):
    """How many exceptions of a code wait.

    Args:
        kind: Where they come from.
        code: What they are.
        severity: What they do.
        waiting: How many.
        oldest: Since when the oldest waits.
    """

    kind: ExceptionKind
    code: str
    severity: Severity
    waiting: int
    oldest: datetime


class Assignment(NamedTuple):
    """What is said of an exception beside what it is.

    Args:
        owner: Who has it; None for nobody.
        due_on: Until when it is to be done.
        hidden_until: Until which day it is hidden.
    """

    owner: str | None = None
    due_on: date | None = None
    hidden_until: date | None = None


class ExceptionStore(Protocol):
    """Where exceptions are listed, and who has them is kept."""

    async def page(
        self, asked: ExceptionFilter, after: str | None, limit: int
    ) -> Page[ExceptionRow]:
        """What waits, the oldest first.

        Raises:
            CursorError: The cursor is not of this list.
        """

    async def counts(self) -> Sequence[ExceptionCount]:
        """How many of each code wait, most of them first."""

    async def one(self, key: ExceptionKey) -> ExceptionRow | None:
        """An exception that waits; None where it does not."""

    async def assign(self, key: ExceptionKey, given: Assignment, answer: ActionNote) -> bool:
        """Keep who has an exception, and log it; whether it waits."""

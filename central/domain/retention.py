"""What is deleted when its term is over: rules, legal holds and receipts.

A rule is of everybody or of a named group, such as the accounts of a country; a group's rule takes
the place of everybody's, and of several groups the longest term holds. A legal hold keeps what
belongs to an account, a service point or a meter whatever rules say, until somebody lifts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from firmware_bridge.contract.errors import InvalidValueError, OperatorError

MONTHS_MIN = 15
"""A shorter term would take what checks of the year before read. [months]"""
MONTHS_MAX = 1_200
LEAST_AGE = timedelta(days=450)
"""Nothing younger lies below a floor."""
TEXT_MAX = 500


class RetentionKind(StrEnum):
    """What rules are about. Stored: never renamed."""

    READINGS = "readings"
    """Readings below the floor of their point, from when they were read; validated days stay."""
    DOCUMENTS = "documents"
    """Bytes of rendered invoices, from the day of issue; what the bill says stays."""
    SIGNATURES = "signatures"
    """Signed bytes of batches, from when they were stored; hashes and their chain stay."""


class HoldOf(StrEnum):
    """What a legal hold is of. Stored: never renamed."""

    ACCOUNT = "account"
    POINT = "point"
    METER = "meter"


class OnHoldError(OperatorError):
    """A legal hold keeps what somebody would delete or erase."""

    code = "ON_LEGAL_HOLD"
    default_remedy = "`retention holds` says which; it is lifted with `retention lift`."


class HoldExistsError(OperatorError):
    """The same is held for the same case already."""

    code = "HOLD_EXISTS"
    default_remedy = "Lift the one that is there, or name another case."


class NoSuchHoldError(OperatorError):
    """No hold that is not lifted has that identifier."""

    code = "NO_SUCH_HOLD"
    default_remedy = "`retention holds` lists them."


class RetentionPausedError(OperatorError):
    """The database was restored: rules and holds of after the backup are missing in it."""

    code = "RETENTION_PAUSED"
    default_remedy = (
        "Enter rules and holds that are missing (`retention rules`, `retention holds`); then"
        " `retention resume --reason WHY`."
    )


class BelowFloorError(OperatorError):
    """A day is closed for good: nothing of it is validated, estimated or edited any more."""

    code = "BELOW_FLOOR"
    default_remedy = "It stays as it is: floors only rise. `retention floors` says why."


@dataclass(frozen=True, slots=True)
class FloorStep:
    """What raising the floor of a service point came to.

    Args:
        point: Name of the service point.
        before: Its floor before; None for none.
        refusal: Why it stays: ON_LEGAL_HOLD, NOT_CLOSED (days that validation has not closed),
            NOT_ISSUED (days without an issued bill) or TO_CORRECT (a candidate waits for a
            decision); None where it rose.
    """

    point: str
    before: date | None
    refusal: str | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "point": self.point,
            "before": None if self.before is None else self.before.isoformat(),
            "refusal": self.refusal,
        }


@dataclass(frozen=True, slots=True)
class FloorEntry:
    """Floors that were raised together.

    Args:
        day: The first day that may still be validated.
        points: Of how many service points.
        reason: Why.
        actor: Key of who raised them.
        recorded_at: When.
    """

    day: date
    points: int
    reason: str
    actor: str
    recorded_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "floor": self.day.isoformat(),
            "points": self.points,
            "reason": self.reason,
            "actor": self.actor,
            "recorded_at": self.recorded_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class RetentionTerm:
    """A rule to be entered.

    Args:
        kind: What it is about.
        months: How long it is kept; None for without an end. [months]
        source: Where it stands, such as a law and its article.
        group: Name of a group of accounts or service points; None for everybody.

    Raises:
        InvalidValueError: The months are out of range, or there is no source.
    """

    kind: RetentionKind
    months: int | None
    source: str
    group: str | None = None

    def __post_init__(self) -> None:
        if self.months is not None and not MONTHS_MIN <= self.months <= MONTHS_MAX:
            message = f"{self.months} months are not {MONTHS_MIN} to {MONTHS_MAX}."
            raise InvalidValueError(message, value=self.months)
        if not 1 <= len(self.source.strip()) <= TEXT_MAX:
            message = f"A rule says where it stands, in 1 to {TEXT_MAX} characters."
            raise InvalidValueError(message, value=self.source)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "kind": self.kind.value,
            "group": self.group,
            "months": self.months,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A rule as somebody entered it.

    Args:
        id: Its number; receipts name it.
        term: What it says.
        revision: Of that kind and group, from 1 on; the newest holds.
        reason: Why it was entered.
        actor: Key of who did.
        recorded_at: When.
    """

    id: int
    term: RetentionTerm
    revision: int
    reason: str
    actor: str
    recorded_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rule": self.id,
            **self.term.to_json(),
            "revision": self.revision,
            "reason": self.reason,
            "actor": self.actor,
            "recorded_at": self.recorded_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold as somebody placed it.

    Args:
        uid: Identifier.
        of: What it is of.
        name: Number of the account, name of the point, or MANUFACTURER/SERIAL of the meter.
        case: For which case, such as a court's file number.
        reason: Why.
        placed_by: Key of who placed it.
        placed_at: When.
        lifted_by: Key of who lifted it; None while it holds.
        lifted_at: When.
        lifted_reason: Why.
    """

    uid: UUID
    of: HoldOf
    name: str
    case: str
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lifted_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "hold": str(self.uid),
            "of": self.of.value,
            "name": self.name,
            "case": self.case,
            "reason": self.reason,
            "placed_by": self.placed_by,
            "placed_at": self.placed_at.isoformat(),
            "lifted_by": self.lifted_by,
            "lifted_at": None if self.lifted_at is None else self.lifted_at.isoformat(),
            "lifted_reason": self.lifted_reason,
        }


@dataclass(frozen=True, slots=True)
class PastTerm:
    """What of a month is past its term and still there.

    Args:
        kind: What.
        rule: Number of the rule.
        first: First day of the month.
        end: The day after its last.
        due: Rows that would be deleted.
        on_hold: Rows that legal holds keep.
    """

    kind: RetentionKind
    rule: int
    first: date
    end: date
    due: int
    on_hold: int

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "kind": self.kind.value,
            "rule": self.rule,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "due": self.due,
            "on_hold": self.on_hold,
        }


@dataclass(frozen=True, slots=True)
class RetentionReceipt:
    """What was deleted at a time, of a month under a rule.

    Args:
        uid: Identifier; the audit log has it.
        kind: What.
        rule: Number of the rule.
        first: First day of the month.
        end: The day after its last.
        deleted: How many rows.
        actor: Key of who did.
        deleted_at: When.
    """

    uid: UUID
    kind: RetentionKind
    rule: int
    first: date
    end: date
    deleted: int
    actor: str
    deleted_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "receipt": str(self.uid),
            "kind": self.kind.value,
            "rule": self.rule,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "deleted": self.deleted,
            "actor": self.actor,
            "deleted_at": self.deleted_at.isoformat(),
        }

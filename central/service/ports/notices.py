"""What notices need of a store, and of what sends them.

A notice is written by the transaction of what it tells. A worker makes a delivery of it for each
endpoint that a rule names, and tries these until they are taken or given up. A delivery is leased
while it is sent, so that of many workers one sends it; who dies meanwhile leaves it to another, so
a receiver may hear a notice twice, under one identifier.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from central.domain.notices.notice import Notice
from central.domain.notices.rule import NoticeEndpoint, NoticeRule
from central.service.ports.decisions import DecisionNote
from central.service.views.paging import Page
from firmware_bridge.contract.errors import OperatorError


class NoSuchEndpointError(OperatorError):
    """There is no such endpoint."""

    code = "NO_SUCH_ENDPOINT"
    default_remedy = "`notice endpoints` shows which there are."


class NoSuchDeliveryError(OperatorError):
    """There is no such delivery."""

    code = "NO_SUCH_DELIVERY"
    default_remedy = "`notice list` shows which there are."


class DeliveryState(StrEnum):
    """Where a delivery stands. Stored: never renamed."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """It was given up; somebody may send it again."""


@dataclass(frozen=True, slots=True)
class EndpointVersion:
    """A version of an endpoint.

    Args:
        name: Of the endpoint.
        version: From 1.
        endpoint: What it says.
        recorded_by: Key of who wrote it.
        recorded_at: When.
        reason: Why.
        secrets: How many secrets sign for it now.
    """

    name: str
    version: int
    endpoint: NoticeEndpoint
    recorded_by: str
    recorded_at: datetime
    reason: str
    secrets: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; no secret is in it."""
        return {
            "endpoint": self.name,
            "version": self.version,
            **self.endpoint.to_json(),
            "secrets": self.secrets,
            "recorded_by": self.recorded_by,
            "recorded_at": self.recorded_at.isoformat(),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A version of a rule.

    Args:
        name: Of the rule.
        version: From 1.
        rule: What it says.
        recorded_by: Key of who wrote it.
        recorded_at: When.
        reason: Why.
    """

    name: str
    version: int
    rule: NoticeRule
    recorded_by: str
    recorded_at: datetime
    reason: str

    @property
    def key(self) -> str:
        """Name and version, such as `late@2`."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rule": self.name,
            "version": self.version,
            "date": None,
            **self.rule.to_json(),
            "recorded_by": self.recorded_by,
            "recorded_at": self.recorded_at.isoformat(),
            "reason": self.reason,
        }


class SortedNotice(NamedTuple):
    """A notice for which no deliveries were made yet.

    Args:
        id: Its key.
        notice: What it says.
    """

    id: int
    notice: Notice


class NewDelivery(NamedTuple):
    """A delivery to be made.

    Args:
        notice_id: Key of the notice.
        endpoint: Name.
        rule: Name and version; "" where a person asked for it.
    """

    notice_id: int
    endpoint: str
    rule: str


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """A delivery that is ours to send for a while.

    Args:
        id: Its key.
        attempts: Made before.
        notice: What is sent.
        name: Of the endpoint.
        endpoint: Where to, as it is now.
        secrets: That sign it, the newest first.
    """

    id: int
    attempts: int
    notice: Notice
    name: str
    endpoint: NoticeEndpoint
    secrets: tuple[str, ...]


class SendOutcome(StrEnum):
    """What became of an attempt. Stored: never renamed."""

    TAKEN = "taken"
    REFUSED = "refused"
    """The receiver answered that it does not take it now."""
    GONE = "gone"
    """The receiver wants no more of it; nobody tries again."""
    UNREACHABLE = "unreachable"
    """Nobody answered, or not in time."""


@dataclass(frozen=True, slots=True)
class SendAttempt:
    """An attempt to send.

    Args:
        outcome: What became of it.
        status: Code of the answer; None where there was none.
        detail: What the receiver or the connection said, cut.
        wait_s: How long the receiver asks to be left alone. [s]
    """

    outcome: SendOutcome
    status: int | None = None
    detail: str = ""
    wait_s: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt as it is kept.

    Args:
        number: From 1.
        at: When it began.
        ms: How long it took. [ms]
        attempt: What became of it.
    """

    number: int
    at: datetime
    ms: int
    attempt: SendAttempt

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "ms": self.ms,
            "outcome": self.attempt.outcome.value,
            "status": self.attempt.status,
            "detail": self.attempt.detail,
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is kept.

    Args:
        uid: Its identifier.
        notice: What is told.
        endpoint: Name.
        rule: Name and version; "" where a person asked for it.
        state: Where it stands.
        attempts: How many were made.
        created_at: When it was made.
        due_at: When it is tried next; None where it is not.
        ended_at: When it was taken or given up.
        log: Every attempt, where they were asked for.
    """

    uid: UUID
    notice: Notice
    endpoint: str
    rule: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    log: tuple[AttemptRow, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "delivery": str(self.uid),
            "notice": str(self.notice.uid),
            "kind": self.notice.kind.value,
            "subject": self.notice.subject,
            "at": self.notice.at.isoformat(),
            "endpoint": self.endpoint,
            "rule": self.rule,
            "state": self.state.value,
            "attempts": self.attempts,
            "created_at": self.created_at.isoformat(),
            "due_at": None if self.due_at is None else self.due_at.isoformat(),
            "ended_at": None if self.ended_at is None else self.ended_at.isoformat(),
        }

    def with_log_json(self) -> dict[str, Any]:
        """The same with what it says and every attempt."""
        log = [row.to_json() for row in self.log]
        return {**self.to_json(), "facts": dict(self.notice.facts), "log": log}


class NoticeTransaction(Protocol):
    """One transaction of who decides about rules, endpoints and deliveries."""

    async def endpoint(self, name: str) -> EndpointVersion | None:
        """The newest version of an endpoint, held until the end."""

    async def add_endpoint(self, name: str, endpoint: NoticeEndpoint, note: DecisionNote) -> int:
        """Add a version of an endpoint; which."""

    async def add_secret(
        self, name: str, secret: str, note: DecisionNote, others_until: datetime
    ) -> None:
        """Add a secret of an endpoint; those there are sign until a time beside it."""

    async def rule(self, name: str) -> RuleVersion | None:
        """The newest version of a rule, held until the end."""

    async def add_rule(self, name: str, rule: NoticeRule, note: DecisionNote) -> int:
        """Add a version of a rule; which."""

    async def again(self, delivery: UUID, note: DecisionNote) -> UUID:
        """Make another delivery of the same notice to the same endpoint; which.

        Raises:
            NoSuchDeliveryError: There is no such delivery.
        """

    async def test(self, endpoint: str, note: DecisionNote) -> UUID:
        """Write a notice that tries an endpoint, with its delivery; which."""


class NoticeSource(Protocol):
    """What a worker takes and gives back; each call is a transaction."""

    async def waits(self, at: datetime) -> bool:
        """Whether a notice waits for its deliveries, or a delivery is due."""

    async def rules(self) -> Sequence[RuleVersion]:
        """The newest version of every rule, by name."""

    async def unsorted(self, limit: int) -> Sequence[SortedNotice]:
        """Notices for which no deliveries were made, the oldest first."""

    async def sort(
        self, notices: Collection[int], deliveries: Sequence[NewDelivery], at: datetime
    ) -> None:
        """Make deliveries of notices, but for those that another worker sorted meanwhile."""

    async def lease(self, at: datetime, until: datetime, limit: int) -> Sequence[LeasedDelivery]:
        """Deliveries that are due, which nobody else sends until a time."""

    async def attempted(
        self, delivery: LeasedDelivery, attempt: AttemptRow, next_at: datetime | None
    ) -> None:
        """Keep an attempt; where it was not taken, the delivery is due again, or given up."""


class NoticeStore(NoticeSource, Protocol):
    """Where notices are kept."""

    def transaction(self, now: datetime) -> AbstractAsyncContextManager[NoticeTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""

    async def endpoints(self, at: datetime) -> Sequence[EndpointVersion]:
        """The newest version of every endpoint, by name, with how many secrets sign now."""

    async def deliveries(
        self,
        after: str | None,
        limit: int,
        state: DeliveryState | None = None,
        endpoint: str | None = None,
    ) -> Page[Delivery]:
        """Deliveries, the newest first.

        Raises:
            CursorError: The cursor is not one of this list.
        """

    async def delivery(self, uid: UUID) -> Delivery | None:
        """A delivery with its log."""


class NoticeSender(Protocol):
    """Sends to an endpoint, whatever its kind."""

    async def __call__(self, delivery: LeasedDelivery, at: datetime) -> SendAttempt:
        """Send once; what goes wrong is said, not raised."""

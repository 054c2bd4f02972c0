"""What finding issued bills that would say something else needs of a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from central.domain.billing.candidate import CandidateCause, CandidateEnd, CandidateHold
from central.service.ports.bill_shard import NewBill
from central.service.ports.corrections import TailTransaction


class DifferingAccount(NamedTuple):
    """An account of which something that an issued bill reads changed since it was compared.

    Args:
        id: Its key.
        number: As people know it.
        revisions: Hash over its issued parts and the revisions of their inputs.
    """

    id: int
    number: str
    revisions: int


class AccountPage(NamedTuple):
    """Some accounts by key, of which inputs were compared as integers.

    Args:
        last: Key of the last; None where there is no account left.
        parts: How many parts of issued bills were compared.
        differing: Accounts to be rated.
        gone: Keys of accounts with an open candidate of which nothing differs any more.
        same: Of accounts of which nothing changed that their bills read, the hash of the revisions
            by key, where it is another than was noted, or was noted lately.
    """

    last: int | None
    parts: int = 0
    differing: Sequence[DifferingAccount] = ()
    gone: Sequence[int] = ()
    same: Mapping[int, int] = {}


class RaisedInput(NamedTuple):
    """An input whose revision was raised.

    Args:
        kind: `service point`, `account`, `tariff` or `series`.
        input_id: Its key.
        revision: That it has.
    """

    kind: str
    input_id: int
    revision: int


class NewCandidate(NamedTuple):
    """What an account's issued bills would say, to be kept as its candidate.

    Args:
        part_id: Key of the earliest part that would say or leave something else.
        bill_id: Key of its bill.
        causes: Inputs that are others.
        difference: As a decision keeps it, with the lines that differ, as a JSON object.
        difference_sha256: Hex digest of what the bills would say; None where they cannot be rated.
        hold: Why they cannot be; None where they can.
    """

    part_id: int
    bill_id: int
    causes: Sequence[CandidateCause]
    difference: Mapping[str, Any]
    difference_sha256: str | None = None
    hold: CandidateHold | None = None


@dataclass(frozen=True, slots=True)
class CorrectionCandidate:
    """Issued bills of an account that would say something else today.

    Args:
        uid: Its identifier outside.
        account: Number.
        bill: Identifier of the first bill that it is about.
        number: Legal number of that.
        service_point: Of the earliest part.
        first: First local day of that.
        end: The local day after its last.
        causes: Inputs that are others, as JSON objects.
        difference: As a decision keeps it, with the lines that differ, as a JSON object.
        hold: Why the bills cannot be rated again, as a JSON object; None where they can.
        opened_at: When it was found.
        compared_at: When the bills were rated again last.
        closed_at: When it was closed; None while it is open.
        closed_as: What became of it.
        closed_by: Key of who closed it.
        correction: Identifier of the decision that waits, or that closed it.
        decision: Identifier of what was proposed together, where a credit note closed it.
    """

    uid: UUID
    account: str
    bill: UUID
    number: str
    service_point: str
    first: date
    end: date
    causes: Sequence[Mapping[str, Any]]
    difference: Mapping[str, Any]
    hold: Mapping[str, Any] | None
    opened_at: datetime
    compared_at: datetime
    closed_at: datetime | None
    closed_as: CandidateEnd | None
    closed_by: str | None
    correction: UUID | None
    decision: UUID | None

    @property
    def amounts(self) -> tuple[tuple[str, Decimal], ...]:
        """What is charged more, by currency; none where nobody knows."""
        sums = self.difference.get("amounts", ())
        return tuple((each["currency"], Decimal(each["amount"])) for each in sums)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "candidate": str(self.uid),
            "account": self.account,
            "bill": str(self.bill),
            "number": self.number,
            "service_point": self.service_point,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "causes": list(self.causes),
            "difference": dict(self.difference),
            "hold": None if self.hold is None else dict(self.hold),
            "opened_at": self.opened_at.isoformat(),
            "compared_at": self.compared_at.isoformat(),
            "closed_at": None if self.closed_at is None else self.closed_at.isoformat(),
            "closed_as": None if self.closed_as is None else self.closed_as.value,
            "closed_by": self.closed_by,
            "correction": None if self.correction is None else str(self.correction),
            "decision": None if self.decision is None else str(self.decision),
        }


class CandidateFigures(NamedTuple):
    """How many candidates are open.

    Args:
        open: All of them.
        held: Of which the bills cannot be rated again.
        day: Open for less than a day.
        week: For a day or more, and less than a week.
        month: For a week or more, and less than 30 days.
        older: For longer.
        oldest: When the oldest was opened.
    """

    open: int = 0
    held: int = 0
    day: int = 0
    week: int = 0
    month: int = 0
    older: int = 0
    oldest: datetime | None = None


class CandidateTransaction(TailTransaction, Protocol):
    """The issued bills of one account from the first changed one on."""

    async def changes(self, parts: Collection[int]) -> Sequence[CandidateCause]:
        """What of the points and accounts of parts is another since they were rated."""

    async def same(self, bills: Sequence[NewBill]) -> None:
        """Note newer revisions of bills that say what they said."""

    async def left_before(self, sha256: str, bills: Sequence[NewBill]) -> bool:
        """Whether just this was left before; then the newer revisions are noted as left as well."""

    async def note_compared(self, revisions: int, at: datetime) -> None:
        """Note with which revisions the account was compared, and when they were read."""

    async def candidate(self, new: NewCandidate) -> bool:
        """Keep the account's candidate; whether there was none open."""

    async def no_candidate(self) -> bool:
        """Close the account's candidate, since nothing differs; whether there was one open."""


class CandidateStore(Protocol):
    """Where issued bills are compared, and candidates kept."""

    async def page(
        self, after: int, limit: int, at: datetime, among: Collection[int] | None = None
    ) -> AccountPage:
        """Compare the revisions of the parts of issued bills, of the next accounts by key.

        Args:
            after: Key of the last account before.
            limit: Accounts at most.
            at: Now, aware.
            among: Only these; None for all.
        """

    async def note_compared(self, accounts: Mapping[int, int], at: datetime) -> None:
        """Note with which revisions accounts were compared; what changed before is not asked again.

        Args:
            accounts: Hash of the revisions by the account's key.
            at: When they were read, or earlier; aware.
        """

    def comparing(
        self, account: str, at: datetime
    ) -> AbstractAsyncContextManager[CandidateTransaction | None]:
        """Take an account's issued bills from the first changed one on; None where none is.

        What is done is rolled back at the end, unless it is kept.
        """

    async def raised(self, limit: int) -> Sequence[RaisedInput]:
        """Inputs whose revision was raised since issued bills were compared with them."""

    async def resting_on(self, inputs: Sequence[RaisedInput]) -> Sequence[int]:
        """Keys of the accounts whose agreements rest on inputs, ascending."""

    async def looked(self, inputs: Sequence[RaisedInput]) -> None:
        """Forget inputs, where their revision is still the one that was compared with."""

    async def close_gone(self, accounts: Collection[int], at: datetime) -> int:
        """Close open candidates of accounts of which nothing differs; how many."""

    async def candidates(
        self,
        account: str | None,
        limit: int,
        behind: UUID | None = None,
        since: datetime | None = None,
        *,
        closed: bool = False,
    ) -> Sequence[CorrectionCandidate]:
        """Open ones, the oldest first, or closed ones, the newest first.

        Args:
            account: Its number.
            limit: Most of them.
            behind: Only those that come behind this one.
            since: Only those that were compared or closed then or later.
            closed: Which.
        """

    async def by_uid(self, uid: UUID) -> CorrectionCandidate | None:
        """A candidate by its identifier."""

    async def figures(self, at: datetime) -> CandidateFigures:
        """How many are open, by age."""

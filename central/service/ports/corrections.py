"""What correcting issued bills needs of a store: an account's bills from one on, rated forward.

All of it is one transaction. What was only asked for is rolled back at its end; so a dry run and a
decision are the same work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.correction import CorrectionState, CorrectionWay
from central.domain.billing.correction_limit import LimitTerms
from central.domain.billing.line_difference import LineDifference
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.bill_shard import NewBill, ShardTransaction
from central.service.ports.decisions import DecisionNote
from central.service.ports.stamps import ChangedInput


@dataclass(frozen=True, slots=True)
class SettledPart:
    """A part of an issued bill, as it is settled.

    Args:
        id: Its key.
        occupancy_id: Key of the occupancy.
        service_point: Name.
        tariff: Name.
        days: Local days that it claims.
        version: 1 as its bill says it; one more for each correction that made it anew.
        lines: In print order.
        closing: What the part behind opens with.
        own_closing: What is the account's own after it; None where it knows nothing of that.
    """

    id: int
    occupancy_id: int
    service_point: str
    tariff: str
    days: DayRange
    version: int
    lines: tuple[RatedLine, ...]
    closing: CarriedState
    own_closing: CarriedState | None = None

    @property
    def key(self) -> tuple[int, date]:
        """Occupancy and first day."""
        return self.occupancy_id, self.days.first


class IssuedHead(NamedTuple):
    """An issued bill without its content.

    Args:
        id: Its key.
        uid: Its identifier outside.
        number: Legal number.
        period: Name of its period.
        currency: ISO 4217 letters.
        made_at: When it was made.
    """

    id: int
    uid: UUID
    number: str
    period: str
    currency: str
    made_at: datetime


class BillBehind(NamedTuple):
    """A bill of the account that is not issued.

    Args:
        uid: Its identifier outside.
        name: Account and period.
        state: `draft`, `held` or `approved`.
    """

    uid: UUID
    name: str
    state: str


class VersionedPart(NamedTuple):
    """A part that a correction makes anew.

    Args:
        settled: As it was settled before.
        number: Of the part in the bill that is rated again, from 0.
        kwh: Billed energy. [kWh]
    """

    settled: SettledPart
    number: int
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class Correction:
    """A decision about the issued bills of an account.

    Args:
        uid: Its identifier outside.
        account: Number.
        way: What becomes of them.
        state: Where it stands.
        from_bill: Identifier of the first bill that it is about.
        from_number: Legal number of that.
        reason: Why.
        difference: What was shown to whoever decided, as a JSON object.
        difference_sha256: Hex digest of what the bills were to say and leave.
        decided_by: Key of who decided.
        decided_at: When.
        approved_by: Key of who approved; None until then.
        approved_at: When.
    """

    uid: UUID
    account: str
    way: CorrectionWay
    state: CorrectionState
    from_bill: UUID
    from_number: str
    reason: str
    difference: Mapping[str, Any]
    difference_sha256: str
    decided_by: str
    decided_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "correction": str(self.uid),
            "account": self.account,
            "way": self.way.value,
            "state": self.state.value,
            "from_bill": self.from_number,
            "reason": self.reason,
            "difference": self.difference,
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat(),
            "approved_by": self.approved_by,
            "approved_at": None if self.approved_at is None else self.approved_at.isoformat(),
        }


class NewCorrection(NamedTuple):
    """A decision to be kept.

    Args:
        way: What becomes of the bills.
        cause: Inputs that are others, in words.
        difference: As it was shown.
        difference_sha256: Hex digest of what the bills are to say and leave.
        rule: `NAME@version` of the rule that decides; None where a person does.
    """

    way: CorrectionWay
    cause: Sequence[str]
    difference: Mapping[str, Any]
    difference_sha256: str
    rule: str | None = None


class NewAdjustment(NamedTuple):
    """What a line of an issued bill differs by, to be posted.

    Args:
        part_id: Key of the part.
        version: That the correction makes of it.
        bill_id: Key of the bill.
        currency: ISO 4217 letters.
        line: What differs.
    """

    part_id: int
    version: int
    bill_id: int
    currency: str
    line: LineDifference


class TailTransaction(ShardTransaction, Protocol):
    """The issued bills of one account from one on, held until the transaction ends."""

    account: str
    """Number of the account."""

    heads: Mapping[int, IssuedHead]
    """The bills by key, by the end of their period; their parts are the shard's open bills."""

    changed: Mapping[int, tuple[ChangedInput, ...]]
    """The inputs that are others than bills were made or settled with, by key of the bill."""

    behind: Sequence[BillBehind]
    """Bills of the account that are not issued, by the end of their period."""

    @property
    def day(self) -> date:
        """On which it is corrected; limits run back from it. UTC."""

    async def limit(self) -> LimitTerms | None:
        """What limits corrections of the account on that day; None for nothing."""

    async def settled(self, bill: int) -> tuple[SettledPart, ...]:
        """The parts of a bill as they are settled, with their lines."""

    async def has_next_bill(self) -> bool:
        """Whether a bill of the account is to come, or is there and not issued.

        A settlement counts, as it is to come by what its bills leave now.
        """

    async def settle(self, bill: NewBill, parts: Sequence[VersionedPart]) -> None:
        """Make the next versions of parts, which the bills behind open with from now on."""

    async def undo(self) -> None:
        """Take all versions back; what is done after that may be kept."""

    async def decide(self, correction: NewCorrection, note: DecisionNote) -> UUID:
        """Keep a decision, which waits for somebody else, and log it.

        Raises:
            CorrectionWaitingError: The account has one that waits.
        """

    async def waits(self, uid: UUID) -> bool:
        """Whether this decision still waits; what follows is then of it, and of no other."""

    async def contributors(self) -> Mapping[str, str]:
        """Who worked on what the decision that waits corrects, and what they did."""

    async def post(self, adjustments: Sequence[NewAdjustment]) -> None:
        """Post adjustments, for the next bill to carry."""

    async def stamp(self, bills: Sequence[NewBill], at: datetime) -> None:
        """Note the revisions that bills were rated again with."""

    async def withdraw_behind(self) -> Sequence[UUID]:
        """Make approved bills of the account drafts again; which."""

    async def approve(self, approver: Actor, at: datetime, withdrawn: Sequence[UUID]) -> None:
        """Approve the decision that waits, and log it with the bills that are drafts again.

        Raises:
            NoSuchCorrectionError: It was withdrawn meanwhile.
        """

    def keep(self) -> None:
        """Commit at the end, in place of rolling back."""


class CorrectionStore(Protocol):
    """Where issued bills are corrected."""

    def tail(
        self, account: str, since: UUID | None, at: datetime
    ) -> AbstractAsyncContextManager[TailTransaction | None]:
        """Take an account's issued bills; all is rolled back at the end, unless it is kept.

        Args:
            account: Number.
            since: The first of them; None for the first of which an input is another.
            at: When the use-case began, aware; what is kept is known from then.

        Yields:
            The bills; None where the account has no such bill.

        Raises:
            NotRegisteredError: There is no such account.
            UnknownBillError: `since` is no issued bill of the account.
        """

    async def correction(self, uid: UUID) -> Correction | None:
        """A decision by its identifier."""

    async def corrections(
        self,
        account: str | None,
        limit: int,
        behind: UUID | None = None,
        since: datetime | None = None,
    ) -> Sequence[Correction]:
        """Decisions, newest first; of an account by its number, or of all.

        Args:
            account: Its number.
            limit: Most of them.
            behind: Only those that come behind this one.
            since: Only those that were made or approved then or later.
        """

    async def withdraw(self, uid: UUID, note: DecisionNote) -> bool:
        """Withdraw a decision that waits, and log it; whether there was one."""

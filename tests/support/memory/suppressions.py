"""Suppressed days in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.billing.state import BillState
from central.domain.billing.suppression import (
    CannotLiftError,
    Suppression,
    SuppressionState,
    already_proposed,
    billed_since,
    check_other,
    check_suppressible,
)
from central.domain.uuid7 import uuid7
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.suppressions import OccupiedService
from tests.support.memory.books import KeptClaim, MemoryBooks


class MemorySuppressions:
    """`SuppressionStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def suppress(self, occupied: OccupiedService, until: date, note: DecisionNote) -> UUID:
        """See `SuppressionStore`."""
        async with self._books.begin() as state:
            newest = {
                key: max((end, claim) for (of, end), claim in state.claims.items() if of == key)
                for key, stay in state.occupancies.items()
                if (stay.account, stay.point) == (occupied.account, occupied.point)
                and occupied.service in {None, stay.service}
            }
            to_bill = [
                key
                for key, (end, claim) in newest.items()
                if not claim.settles and end < (state.occupancies[key].ended_on or date.max)
            ]
            if len(to_bill) != 1:
                which = "no days" if not to_bill else "several services with days"
                message = f"{occupied.account} has {which} to be billed at {occupied.point}."
                raise NotRegisteredError(message, value=occupied.point)
            (key,) = to_bill
            end, claim = newest[key]
            ended_on = state.occupancies[key].ended_on
            before = self._books.part_of(claim.part)
            bill_state = BillState.ISSUED if before is None else before[0].record.bill.state
            waiting = None if bill_state is BillState.ISSUED else bill_state.value
            name = f"{occupied.account} at {occupied.point}"
            today = note.at.astimezone(UTC).date()
            days = check_suppressible(name, end, until, ended_on, waiting, today)
            for other, (of, each) in state.suppressed.items():
                if of == key and each.state is SuppressionState.PROPOSED:
                    raise already_proposed(name, other)
            uid = uuid7(note.at)
            stay = state.occupancies[key]
            suppression = Suppression(
                uid,
                stay.account,
                stay.point,
                stay.service,
                days,
                note.reason,
                note.actor.key,
                note.at,
            )
            state.suppressed[uid] = (key, suppression)
            fields = {**occupied._asdict(), "first": days.first.isoformat()}
            detail = change(None, {**fields, "end": days.end.isoformat()}, note.reason)
            self._books.audit(note.at, note.actor, "bill.suppression_proposed", str(uid), detail)
        return uid

    async def approve(self, uid: UUID, approver: Actor, at: datetime) -> bool:
        """See `SuppressionStore`."""
        async with self._books.begin() as state:
            key, held = state.suppressed.get(uid, (0, None))
            if held is None or held.state is not SuppressionState.PROPOSED:
                return False
            check_other(held.decided_by, approver)
            name = f"{held.account} at {held.point}"
            end, claim = max((end, claim) for (of, end), claim in state.claims.items() if of == key)
            if claim.settles or end != held.days.first:
                raise billed_since(name, held.days.first)
            before = self._books.part_of(claim.part)
            bill_state = BillState.ISSUED if before is None else before[0].record.bill.state
            waiting = None if bill_state is BillState.ISSUED else bill_state.value
            ended_on, today = state.occupancies[key].ended_on, at.astimezone(UTC).date()
            check_suppressible(name, end, held.days.end, ended_on, waiting, today)
            state.claims[key, held.days.end] = KeptClaim(end, claim.part, claim.opening)
            approved = replace(held, waits=False, approved_by=approver.key, approved_at=at)
            state.suppressed[uid] = (key, approved)
            days = {"first": held.days.first.isoformat(), "end": held.days.end.isoformat()}
            action = "bill.period_suppressed"
            self._books.audit(at, approver, action, str(uid), change(None, days))
        return True

    async def lift(self, uid: UUID, note: DecisionNote) -> bool:
        """See `SuppressionStore`."""
        async with self._books.begin() as state:
            key, held = state.suppressed.get(uid, (0, None))
            if held is None or held.lifted_at is not None:
                return False
            holds = held.state is SuppressionState.HOLDS
            if holds and any(
                of == key and claim.first == held.days.end
                for (of, _), claim in state.claims.items()
            ):
                message = f"Days from {held.days.end} on are billed or suppressed behind it."
                raise CannotLiftError(message, value=str(uid))
            if holds:
                del state.claims[key, held.days.end]
            lifted = replace(
                held, lifted_by=note.actor.key, lifted_at=note.at, lift_reason=note.reason
            )
            state.suppressed[uid] = (key, lifted)
            days = {"first": held.days.first.isoformat(), "end": held.days.end.isoformat()}
            detail = change(days, None, note.reason)
            self._books.audit(note.at, note.actor, "bill.suppression_lifted", str(uid), detail)
        return True

    async def suppressions(self, account: str | None) -> Sequence[Suppression]:
        """See `SuppressionStore`."""
        async with self._books.begin() as state:
            rows = [each for _, each in reversed(list(state.suppressed.values()))]
        return [each for each in rows if account in {None, each.account}]

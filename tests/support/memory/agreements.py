"""Services, occupancies and agreements in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, time

from central.domain.billing.occupancy import Occupancy
from central.domain.billing.state import BillState
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.ports.open_bills import DiscardedBill
from central.service.ports.registry import AgreementRecord, RegistryConflictError
from central.service.ports.registry_services import ServiceRecord
from central.service.ports.stamps import InputKind
from central.service.ports.withdrawals import NamedAgreement
from firmware_bridge.contract.interval import MIDNIGHT
from tests.support.memory.account_state import own_after
from tests.support.memory.books import BookState, KeptBill, KeptClaim, KeptOccupancy

_OPEN = frozenset({BillState.HELD, BillState.DRAFT})


class AgreementTables:
    """That part of `RegistryTransaction`, over dictionaries."""

    def __init__(self, state: BookState) -> None:
        self._state = state

    async def services(self, point: str) -> tuple[ServiceRecord, ...]:
        return tuple(service for (at, _), service in self._state.services.items() if at == point)

    async def add_service(self, point: str, service: ServiceRecord, now: datetime) -> None:
        assert now.tzinfo is not None
        self._state.services[point, service.name] = replace(service, day_start=MIDNIGHT)
        await self.set_day_start(point, service.name, service.day_start or MIDNIGHT)

    async def is_billed(self, point: str, service: str) -> bool:
        mine = {
            key
            for key, occupancy in self._state.occupancies.items()
            if (occupancy.point, occupancy.service) == (point, service)
        }
        return any(
            key in mine and claim.first is not None
            for (key, _), claim in self._state.claims.items()
        )

    async def set_day_start(self, point: str, service: str, at: time) -> None:
        sold = replace(self._state.services[point, service], day_start=at)
        self._state.services[point, service] = sold
        for key, counted in self._state.channels.items():
            billed = not sold.channels or counted.record.obis in sold.channels
            if counted.point == point and billed and counted.day_start != at:
                self._state.channels[key] = replace(counted, day_start=at, closed_through=None)
        self._state.raise_input(InputKind.POINT, point)

    async def occupancies(self, agreement: AgreementRecord) -> tuple[Occupancy, ...]:
        of_agreement = (agreement.account, agreement.point, agreement.service)
        matching = [
            Occupancy(
                key,
                occupancy.billing_from,
                occupancy.ended_on,
                self._firsts(key),
                self._billed_to(key),
                self._billed_to(key, decided=True),
                self._settlement(key),
            )
            for key, occupancy in self._state.occupancies.items()
            if (occupancy.account, occupancy.point, occupancy.service) == of_agreement
        ]
        return tuple(
            sorted(matching, key=lambda occupancy: (occupancy.billing_from, occupancy.id or 0))
        )

    def _firsts(self, key: int) -> tuple[date, ...]:
        mine = (agreement for agreement, of in self._state.occupants.items() if of == key)
        return tuple(sorted(self._state.agreements[agreement].first for agreement in mine))

    def _billed_to(self, key: int, *, decided: bool = False) -> date | None:
        open_parts = {
            row.id
            for bill in self._state.bills.values()
            if bill.record.bill.state in _OPEN
            for row in bill.parts
        }
        ends = [
            end
            for (of, end), claim in self._state.claims.items()
            if of == key
            and claim.first is not None
            and not claim.settles
            and not (decided and claim.part in open_parts)
        ]
        return max(ends, default=None)

    def _settlement(self, key: int) -> BillState | None:
        settling = {
            claim.part
            for (of, _), claim in self._state.claims.items()
            if of == key and claim.settles
        }
        states = (
            bill.record.bill.state
            for bill in self._state.bills.values()
            for row in bill.parts
            if row.id in settling
        )
        return next(states, None)

    async def discard_open(
        self, occupancies: Collection[int], since: date
    ) -> tuple[DiscardedBill, ...]:
        gone = {
            key: bill
            for key, bill in self._state.bills.items()
            if bill.record.bill.state in _OPEN
            and any(
                row.part.occupancy_id in occupancies and row.part.days.end > since
                for row in bill.parts
            )
        }
        while behind := self._behind(gone):
            gone |= behind
        for key, bill in sorted(gone.items()):
            for row in bill.parts:
                del self._state.claims[row.part.occupancy_id, row.part.days.end]
            state = replace(bill.record.bill, state=BillState.DISCARDED)
            self._state.bills[key] = replace(bill, record=replace(bill.record, bill=state))
        return tuple(
            DiscardedBill(bill.record.uid, f"{bill.record.bill.account}/{bill.record.bill.period}")
            for _, bill in sorted(gone.items())
        )

    async def discard_settlements(self, account: str) -> tuple[DiscardedBill, ...]:
        settling = [
            (of, claim.first)
            for (of, _), claim in self._state.claims.items()
            if claim.settles
            and claim.first is not None
            and self._state.occupancies[of].account == account
        ]
        return tuple(
            [bill for of, since in settling for bill in await self.discard_open([of], since)]
        )

    def _behind(self, gone: Mapping[int, KeptBill]) -> dict[int, KeptBill]:
        ends = {
            (row.part.occupancy_id, row.part.days.end)
            for bill in gone.values()
            for row in bill.parts
        }
        return {
            key: bill
            for key, bill in self._state.bills.items()
            if key not in gone
            and bill.record.bill.state in _OPEN
            and any((row.part.occupancy_id, row.part.days.first) in ends for row in bill.parts)
        }

    async def save_occupancy(
        self, agreement: AgreementRecord, occupancy: Occupancy, now: datetime
    ) -> int:
        assert now.tzinfo is not None
        key = occupancy.id or len(self._state.occupancies) + 1
        self._state.occupancies[key] = KeptOccupancy(
            agreement.account,
            agreement.point,
            agreement.service or "",
            occupancy.billing_from,
            occupancy.ended_on,
        )
        root = (key, occupancy.billing_from)
        if occupancy.billed_to is None and root not in self._state.claims:
            self._state.openings.pop(key, None)
            claims = {at: claim for at, claim in self._state.claims.items() if at[0] != key}
            self._state.claims = {**claims, root: KeptClaim(None)}
        return key

    async def agreements(self, point: str) -> tuple[AgreementRecord, ...]:
        matching = [
            agreement for agreement in self._state.agreements.values() if agreement.point == point
        ]
        return tuple(sorted(matching, key=lambda agreement: agreement.first))

    async def add_agreement(
        self, agreement: AgreementRecord, occupancy: int, now: datetime
    ) -> None:
        assert now.tzinfo is not None
        self._refuse_payers(agreement, None)
        key = len(self._state.agreements) + len(self._state.withdrawn_agreements) + 1
        self._state.agreements[key] = agreement
        self._state.occupants[key] = occupancy
        self._raise_inputs(agreement)

    def _raise_inputs(self, agreement: AgreementRecord) -> None:
        self._state.raise_input(InputKind.POINT, agreement.point)
        self._state.raise_input(InputKind.ACCOUNT, agreement.account)

    def _refuse_payers(self, new: AgreementRecord, but: int | None) -> None:
        for key, other in self._state.agreements.items():
            same = (other.point, other.service) == (new.point, new.service)
            if key != but and same and _days_overlap(other, new):
                message = f"{new.point} already has an agreement at that time."
                raise RegistryConflictError(
                    message, value=new.point, remedy="End the other agreement first."
                )

    async def change_agreement(self, agreement: AgreementRecord, occupancy: int) -> None:
        key = self._key(agreement)
        self._refuse_payers(agreement, key)
        self._state.agreements[key] = agreement
        self._state.occupants[key] = occupancy
        self._raise_inputs(agreement)

    async def move_agreement(self, agreement: AgreementRecord, occupancy: int) -> None:
        self._state.occupants[self._key(agreement)] = occupancy

    async def withdraw_agreement(self, named: NamedAgreement) -> None:
        key = self._key(named)
        agreement = self._state.agreements.pop(key)
        self._state.withdrawn_agreements[key] = agreement
        del self._state.occupants[key]
        self._raise_inputs(agreement)

    async def handed_over(self, occupancy: int, day: date) -> str | None:
        claim = self._state.claims.get((occupancy, day))
        for bill in self._state.bills.values():
            for row in bill.parts:
                under = self._state.agreements[row.part.agreement_id].tariff
                closing = row.part.closing
                if (
                    claim is not None
                    and row.id == claim.part
                    and bill.record.bill.state is BillState.ISSUED
                    and closing.before is None
                    and closing.tariff not in {"", under}
                ):
                    return closing.tariff
        return None

    async def left_to_nobody(self, occupancy: int) -> CarriedState:
        mine = self._state.occupancies[occupancy]
        others = [
            self._settlement(key)
            for key, other in self._state.occupancies.items()
            if key != occupancy and other.account == mine.account and self._firsts(key)
        ]
        if not others or not set(others) <= {BillState.APPROVED, BillState.ISSUED}:
            return CarriedState()
        return next(
            own_after(self._state, key)
            for key, account in self._state.accounts.items()
            if account.number == mine.account
        )

    async def not_issued(
        self, point: str, first: date, end: date | None
    ) -> tuple[date, date] | None:
        issued = {
            row.id
            for bill in self._state.bills.values()
            if bill.record.bill.state is BillState.ISSUED
            for row in bill.parts
        }
        claims = [
            (claim.first, until)
            for (key, until), claim in self._state.claims.items()
            if self._state.occupancies[key].point == point
            and claim.first is not None
            and not claim.settles
            and claim.part not in issued
            and first < until
            and claim.first < (end or date.max)
        ]
        if not claims:
            return None
        return min(claims)[0], max(until for _, until in claims)

    def _key(self, agreement: AgreementRecord | NamedAgreement) -> int:
        return next(
            key
            for key, agreed in self._state.agreements.items()
            if (agreed.account, agreed.point, agreed.service, agreed.first)
            == (agreement.account, agreement.point, agreement.service, agreement.first)
        )


def _days_overlap(earlier: AgreementRecord, other: AgreementRecord) -> bool:
    return earlier.first < (other.end or date.max) and other.first < (earlier.end or date.max)

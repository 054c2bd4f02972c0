"""Operators' decisions in memory."""

from __future__ import annotations

from datetime import UTC

from central.domain.audit.change import change
from central.service.ports.concerned_bills import ConcernedBills, changed_from
from central.service.ports.decisions import Choice, DecisionNote, ReadingConflict
from central.service.ports.holes import HOLES
from central.service.ports.ingest_records import FindingCode, IngestFinding
from central.service.ports.stamps import InputKind, changed_days
from central.service.ports.validation import ENDLESS
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import from_ms
from tests.support.memory.books import MemoryBooks
from tests.support.memory.history import channel_of
from tests.support.memory.ingest import State, StoredConflict, Touched
from tests.support.memory.tariffs import concerned_bills
from tests.support.memory.validation import device_channels


class MemoryDecisionStore:
    """`DecisionStore` over the dictionaries of a utility; what is decided is no conflict any more.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def conflicts(self, limit: int) -> list[ReadingConflict]:
        """See `DecisionStore`."""
        async with self._books.begin():
            return [self._conflict(number, one) for number, one in self._open()][:limit]

    async def settle(
        self, conflict_id: int, choice: Choice, answer: DecisionNote
    ) -> dict[str, ConcernedBills] | None:
        """See `DecisionStore`."""
        async with self._books.begin():
            conflict = dict(self._open()).get(conflict_id)
            if conflict is None:
                return None
            state = self._state
            state.decided[conflict.channel_id, conflict.at_ms, conflict.value] = choice.value
            if choice is Choice.REPLACE:
                state.revised[conflict.channel_id, conflict.at_ms] = conflict.value
            touched = Touched(conflict.channel_id, conflict.at_ms, conflict.at_ms + 1)
            state.touched[max(state.touched, default=0) + 1] = touched
            for point in self._points_of(conflict):
                self._books.state.raise_input(InputKind.POINT, point)
                day = from_ms(conflict.at_ms).date()
                what = "decided a conflict of its readings"
                self._books.state.worked[point, day, answer.actor.key] = what
            detail = change({"choice": None}, {"choice": choice.value}, answer.reason)
            subject = f"conflict {conflict_id}"
            self._books.audit(answer.at, answer.actor, "conflict.decided", subject, detail)
            return self._concerned(conflict) if choice is Choice.REPLACE else {}

    async def accept_report(self, finding_id: int, answer: DecisionNote) -> bool:
        """See `DecisionStore`; a finding's number is its place among those that are open."""
        async with self._books.begin():
            for number, (key, found) in enumerate(list(self._state.findings.items()), start=1):
                if number == finding_id:
                    del self._state.findings[key]
                    if found.code is FindingCode.GAP:
                        self._state.answered[key] = found
                    self._answer(found, answer)
                    new = {"open": False, "code": found.code.value, "key": key}
                    detail = change({"open": True}, new, answer.reason)
                    subject = f"ingest finding {finding_id}"
                    self._books.audit(answer.at, answer.actor, "finding.accepted", subject, detail)
                    return True
        return False

    def _answer(self, finding: IngestFinding, answer: DecisionNote) -> None:
        """Note who answers for what the gateway of some points never sent."""
        ingest = self._state
        if finding.code.value not in HOLES:
            return
        for installed in self._books.state.installations.values():
            meter = ingest.meters.get((installed.manufacturer, installed.serial))
            if meter is not None and ingest.homes.get(meter) == finding.gateway_id:
                self._books.state.answered[installed.point, answer.actor.key] = answer.at

    def _concerned(self, conflict: StoredConflict) -> dict[str, ConcernedBills]:
        state, kind = self._books.state, InputKind.POINT
        concerned: dict[str, ConcernedBills] = {}
        for key, channel in state.channels.items():
            if channel.point in self._points_of(conflict):
                days = changed_days(channel_of(state, key), from_ms(conflict.at_ms))
                bills = concerned_bills(state, kind, channel.point, days.first, days.end)
                if bills.count:
                    concerned[changed_from(kind, channel.point, days.first)] = bills
        return concerned

    @property
    def _state(self) -> State:
        return self._books.ingest.state

    def _points_of(self, conflict: StoredConflict) -> set[str]:
        at = from_ms(conflict.at_ms)
        return {
            meter.point
            for meter in self._books.state.installations.values()
            for channel in self._books.state.channels.values()
            if channel.point == meter.point
            and conflict.channel_id in device_channels(self._state, meter, channel.record.obis)
            and meter.start <= at <= (meter.end or ENDLESS)
        }

    def _open(self) -> list[tuple[int, StoredConflict]]:
        state = self._state
        numbered = enumerate(state.conflicts.items(), start=1)
        return [(number, one) for number, (key, one) in numbered if key not in state.decided]

    def _conflict(self, number: int, one: StoredConflict) -> ReadingConflict:
        state, place = self._state, (one.channel_id, one.at_ms)
        obis, meter_id, unit = next(
            (key[1], record.meter_id, Unit(record.unit))
            for key, record in state.channels.items()
            if record.id == one.channel_id
        )
        assert isinstance(obis, Obis)
        nameplate = next(
            nameplate for nameplate, meter in state.meters.items() if meter == meter_id
        )
        key = state.batch_keys[one.value.batch_id]
        names = {record.id: record.name for record in state.gateways.values()}
        kept = state.revised.get(place, state.readings[place])
        return ReadingConflict(
            id=number,
            gateway=names[key.gateway_id],
            meter="/".join(nameplate),
            obis=obis,
            at=from_ms(one.at_ms),
            kept=Quantity(kept.mantissa, kept.exponent, unit),
            other=Quantity(one.value.mantissa, one.value.exponent, unit),
            found_at=state.batches[key].new.received_at.astimezone(UTC),
        )

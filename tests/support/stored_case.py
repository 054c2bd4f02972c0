"""A bill case through the whole path: readings of registers, validated days, a run, a bill."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.domain.metering.block import DayBlock
from central.domain.metering.tariff_input import INPUTS
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.lookup_rules import LookupTable
from central.domain.usage.usage_event import UsageEvent
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillRecord
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.rating.bill_case import BillCase
from central.service.rating.keep_series import keep_series
from central.service.registry.cutover_file import (
    BankEntry,
    CutoverAccountEntry,
    CutoverFile,
    CutoverPointEntry,
    PeakEntry,
    SumEntry,
)
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.cycles import BillingCycles
from central.service.registry.import_cutover import import_cutover
from central.service.registry.lookup_tables import keep_table
from central.service.usage.assign_subjects import AssignSubjects
from central.service.usage.take_events import UsageEvents
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.actors import CLERK, OPERATOR, TRADER
from tests.support.books import Utility, pool_of
from tests.support.ingest import Edge

# Of the two that are counted in cubic metres, water.
_CODES: dict[str, Obis] = {name: code for code, name in INPUTS.items()}
_UNITS = {"kvarh": Unit.VAR_HOUR, "kvah": Unit.VOLT_AMPERE_HOUR, "m3": Unit.LITRE}


@dataclass(frozen=True, slots=True)
class StoredCase:
    """What a customer of one bill is.

    Args:
        name: Of point and account.
        texts: Versions of the tariff.
        period: Of the bill.
        days: That are billed.
        blocks: By input, of one meter each.
        facts: Of the agreement.
        prices: That the tariff names.
        final: Whether the customer leaves with it.
        opening: What another system billed before, and left.
        tables: That the tariff names.
        events: By stream.
    """

    name: str
    texts: tuple[str, ...]
    period: BillingPeriod
    days: DayRange
    blocks: dict[str, list[DayBlock]]
    facts: AgreementFacts
    prices: tuple[PriceSeries, ...] = ()
    final: bool = False
    opening: CarriedState = field(default_factory=CarriedState)
    tables: tuple[LookupTable, ...] = ()
    events: Events = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, case: BillCase) -> StoredCase:
        """A customer whose bill a file says."""
        parts = (case.texts, case.period, case.days, case.blocks, case.facts, case.prices)
        final = "final" in case.given
        return cls(
            name,
            *parts,
            final=final,
            opening=case.opening,
            tables=case.tables,
            events=case.events,
        )

    async def enter(self, utility: Utility, edge: Edge) -> None:
        """Enter point, meter, account, tariff and prices, and send what the meter read."""
        enrol = utility.enrol
        document = load_tariff(self.texts[0])
        span = self.days.interval(document.zone)
        channels = [
            PointChannelRecord(_CODES[name], blocks[0].period_s, _unit(name))
            for name, blocks in self.blocks.items()
        ]
        await enrol.service_point(PointRecord(self.name, document.zone), *channels)
        if channels:
            await enrol.installation(
                InstallationRecord(
                    self.name, "MTL", self.name, span.start, span.end, gateway=edge.name
                )
            )
        await enrol.account(AccountRecord(self.name, Party(f"Customer {self.name}")))
        for text in self.texts:
            await enrol.tariff(text)
        end = self.days.end if self.final or self.days.end < self.period.days.end else None
        await enrol.agreement(
            AgreementRecord(self.name, self.name, document.tariff, self.days.first, end, self.facts)
        )
        await self._join_cycle(utility)
        if self.opening.names:
            await import_cutover(enrol, self._cutover())
        for series in self.prices:
            await keep_series(utility.series, series, TRADER)
        for table in self.tables:
            await keep_table(utility.series, table, TRADER)
        if self.events:
            await self._send_events(utility)
        await utility.deliver(edge, *(list(self._readings(name)) for name in self.blocks))

    async def _send_events(self, utility: Utility) -> None:
        """Send the events of the point, which is their subject."""
        store = TimescaleUsageEvents(pool_of(utility))
        sent = [
            UsageEvent(self.name, event.id, self.name, stream, event.at, event.value, event.fields)
            for stream, events in self.events.items()
            for event in events
        ]
        subjects = AssignSubjects(store, lambda: utility.now)
        await subjects.assign(self.name, self.name, self.days.first, CLERK)
        results = await UsageEvents(store, lambda: utility.now).take(sent, OPERATOR)
        assert {result.error for result in results} <= {None}

    async def bill(self, utility: Utility) -> BillRecord:
        """Run the bill's cycle for this customer alone."""
        last = self.period.days.last
        run = RunBills(utility.billing, lambda: utility.now)
        scope = RunScope(account=self.name)
        started = await run.start(Cycle(last.year, last.month), CLERK, scope=scope)
        await run.work(started)
        (head,) = await utility.billing.heads(started)
        record = await utility.billing.bill(head.uid)
        assert record is not None
        assert not record.bill.holds, record.bill.holds
        return record

    def _cutover(self) -> CutoverFile:
        state = self.opening
        entry = CutoverPointEntry(
            point=self.name,
            last_billed=self.days.first - timedelta(days=1),
            banks=tuple(
                BankEntry(
                    bank=credit.bank,
                    period=credit.label,
                    earned=credit.earned,
                    amount=_decimal(credit.amount),
                )
                for credit in state.credits
            ),
            peaks=tuple(
                PeakEntry(
                    name=peak.name,
                    period=peak.label,
                    month=peak.month,
                    value=_decimal(peak.value),
                )
                for peak in state.peaks
            ),
            sums={
                entry.id: SumEntry(amount=entry.amount, since=entry.origin.first)
                for entry in state.sums
            },
        )
        return CutoverFile(accounts=(CutoverAccountEntry(number=self.name, points=(entry,)),))

    async def _join_cycle(self, utility: Utility) -> None:
        days = self.period.days
        month = Cycle(days.first.year, days.first.month, days.first.day)
        cycles = BillingCycles(utility.registry, OPERATOR, lambda: utility.now)
        if self.period.months == 1 and month.days == days:
            if month.anchor > 1:
                await cycles.assign(self.name, f"@{month.anchor}", days.first)
            return
        name = f"c-{self.name}".lower()
        text = f"cycle,first,end,months\n{name},{days.first},{days.end},{self.period.months}\n"
        await cycles.put_lists(read_cycle_file(text))
        await cycles.assign(self.name, name, days.first)

    def _readings(self, name: str) -> list[Reading]:
        billed = set(self.days.days())
        blocks = [block for block in self.blocks[name] if block.day in billed]
        first = blocks[0]
        channel = Channel(
            *("MTL", self.name, _CODES[name], Kind.REGISTER, first.period_s, Source.PROFILE),
            _unit(name),
        )
        values = (int(value) for block in blocks for value in block.values)
        registers = accumulate(values, initial=1000)
        step = timedelta(seconds=first.period_s)
        return [
            Reading(channel, first.start + number * step, register, first.exponent)
            for number, register in enumerate(registers)
        ]


def _unit(name: str) -> Unit:
    return _UNITS.get(name, Unit.WATT_HOUR)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator

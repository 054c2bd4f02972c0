"""A utility whose customers each have one thing corrected, behind one state of the next bill.

Whatever is corrected, however, and whether the next bill is there, is a *cell*: a customer of its
own, so that a few runs bill all of them. What each must be charged is in `brute_force.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from central.domain.billing.bill import Party
from central.domain.billing.state import BillState
from central.domain.metering.installation import RegisterFacts
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.price_series import PriceSeries
from central.service.billing.approve_bills import DiscardBills
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.withdrawals import NamedInstallation
from central.service.rating.keep_series import keep_series
from central.service.registry.agreed_facts import AgreedAt, AgreedFactChanges
from central.service.registry.withdraw import Withdraw
from central.service.validation.decisions import decide_conflict
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.actors import TRADER, noted, person
from tests.support.books import Utility
from tests.support.brute_force import DAY, Facts, Prices, usage
from tests.support.ingest import Edge

OCTOBER, NOVEMBER, DECEMBER, JANUARY = (
    *(date(2026, month, 1) for month in (10, 11, 12)),
    date(2027, 1, 1),
)
MONTHS = ((OCTOBER, NOVEMBER), (NOVEMBER, DECEMBER), (DECEMBER, JANUARY))
MOVED = date(2026, 10, 26)
EDITOR = person("editor")
OLD = Prices(
    standing=Fraction(5),
    power=Fraction("1.5"),
    energy=Fraction("0.31"),
    tax=Fraction(10),
    promise=Fraction(400),
)
REVISED = replace(OLD, energy=Fraction("0.27"), tax=Fraction(21))
PLAIN = replace(OLD, promise=None)
_POWER, _MORE, _RAISED = Fraction(10), Fraction(13), date(2026, 10, 16)
_WRONG, _EXCHANGED, _RIGHT = date(2026, 10, 10), date(2026, 10, 15), date(2026, 10, 16)
_DEAR = date(2026, 10, 20)
_RATIO = Fraction(6, 5)
HOUR = timedelta(hours=1)


class Cause(StrEnum):
    """What becomes another."""

    LATE = "late data"
    EDIT = "edit"
    TARIFF = "tariff revision"
    FACT = "fact"
    SERIES = "series"
    EXCHANGE = "exchange date"
    MOVE = "move date"
    COEFFICIENT = "coefficient"


class Way(StrEnum):
    """What becomes of what was issued."""

    FULL = "rebill"
    PARTS = "parts"
    ADJUST = "adjust"
    LEAVE = "leave"


class Next(StrEnum):
    """Where the next bill stands."""

    NOT_YET = "not yet"
    DRAFTED = "drafted"
    ISSUED = "issued"


@dataclass(frozen=True)
class Cell:
    """A customer.

    Args:
        number: From 1 on.
        cause: What becomes another.
        way: What becomes of what was issued.
        behind: Where the next bill stands then.
    """

    number: int
    cause: Cause
    way: Way
    behind: Next

    def __str__(self) -> str:
        return f"{self.cause}, {self.way}, next {self.behind}"

    @property
    def account(self) -> str:
        return f"A-{self.number}"

    @property
    def point(self) -> str:
        return f"P-{self.number}"

    @property
    def second(self) -> str | None:
        """Another point of the customer, at which nothing changes."""
        both = self.way in {Way.FULL, Way.PARTS} and self.cause is not Cause.MOVE
        return f"Q-{self.number}" if both else None

    @property
    def tariff(self) -> str:
        if self.cause is Cause.MOVE:
            return "PLAIN"
        if self.cause is Cause.TARIFF:
            return f"REVISED {self.behind}".replace(" ", "-").upper()
        return f"PRICED {self.behind}".replace(" ", "-").upper() if self._priced else "USUAL"

    @property
    def _priced(self) -> bool:
        return self.cause is Cause.SERIES

    @property
    def series(self) -> str:
        return f"SPOT.{self.behind}".replace(" ", "").upper() if self._priced else "SPOT"

    def facts(self, *, right: bool) -> Facts:
        """What its bills are made from: as it was at first, or as it is `right`."""
        power = dict.fromkeys(every_day(OCTOBER, JANUARY), _POWER)
        prices = PLAIN if self.cause is Cause.MOVE else OLD
        spot = dict(SPOT)
        if right and self.cause is Cause.FACT:
            power |= {day: _MORE for day in power if day >= _RAISED}
        if right and self.cause is Cause.SERIES:
            spot[_DEAR] += Fraction("0.4")
        if right and self.cause is Cause.TARIFF:
            prices = REVISED
        ratio = _RATIO if right and self.cause is Cause.COEFFICIENT else Fraction(1)
        return Facts(usage(self._reads(right=right), ratio), spot, power, prices)

    def second_facts(self) -> Facts:
        """What its other point is charged by."""
        power = dict.fromkeys(every_day(OCTOBER, JANUARY), _POWER)
        reads = list(counted(self.number + 500).items())
        return Facts(usage(reads), SPOT, power, PLAIN)

    def _reads(self, *, right: bool) -> list[tuple[date, int]]:
        reads = counted(self.number)
        if self.cause is Cause.LATE and not right:
            # Until it comes, the two hours around it are estimated alike.
            hours = dict(_hourly(reads))
            first, last = hours[instant(NOVEMBER) - HOUR], hours[instant(NOVEMBER, 1)]
            reads[NOVEMBER] = first + (last - first) // 2
        if right and self.cause is Cause.EDIT:
            reads[_WRONG] += 2_000
        if self.cause is Cause.EXCHANGE:
            other = counted(self.number + 700)
            at = _RIGHT if right else _EXCHANGED
            reads |= {day: reads[at] + other[day] - other[at] for day in other if day > at}
        return list(reads.items())


def cells(number: int) -> list[Cell]:
    """So many of all of them: with 32, each two of cause, way and next bill are together once."""
    every = [
        (cause, way, behind)
        for turn in range(len(Next))
        for row, cause in enumerate(Cause)
        for column, way in enumerate(Way)
        for behind in [list(Next)[(row + column + turn) % len(Next)]]
    ]
    return [Cell(n, *chosen) for n, chosen in enumerate(every[:number], start=1)]


def every_day(first: date, end: date) -> Iterator[date]:
    return (first + DAY * number for number in range((end - first).days))


SPOT = {day: Fraction(40 + day.toordinal() * 37 % 160, 1000) for day in every_day(OCTOBER, JANUARY)}
"""By day. [EUR per kWh]"""


def counted(number: int) -> dict[date, int]:
    """What a meter shows at the beginning of each day. [Wh]."""
    shown, by_day = 1000 * number, {}
    for day in every_day(OCTOBER, JANUARY + DAY):
        by_day[day] = shown
        shown += 8_000 + (number * 377 + day.toordinal() * 1009) % 5_000
    return by_day


def instant(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), UTC)


_DOCUMENT = """\
tariff: {name}
effective: 2026-01-01
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{full_days: [27, 33], normal_days: 30}}
needs: {{contracted_kw: kW}}
series: {{spot: {{price: {series}}}}}
determinants: {{kwh: {{sum: import}}}}
charges:
  - {{id: standing, price: {standing}, per: month}}
  - {{id: power, qty: contracted_kw, price: {power}, per: month}}
  - {{id: pool, qty: import, times: spot}}
  - {{id: energy, qty: kwh, price: {energy}}}
{promise}taxes: [{{id: vat, percent: {tax}, of: [all], point: interval}}]
"""
_PROMISE = """\
commitments:
  - id: promise
    of: [energy]
    amount: {promise}
    per: term
    months: {months}
    begins: 2026-10-01
"""


def document(name: str, series: str, prices: Prices) -> str:
    """A tariff as the product's language writes it."""
    figures = {
        each: str(float(getattr(prices, each))) for each in ("standing", "power", "energy", "tax")
    }
    promise = ""
    if prices.promise is not None:
        promise = _PROMISE.format(promise=float(prices.promise), months=prices.months)
    return _DOCUMENT.format(name=name, series=series, promise=promise, **figures)


@dataclass
class Matrix:
    """The utility.

    Args:
        utility: On a store.
        cells: Its customers.
    """

    utility: Utility
    cells: Sequence[Cell]
    edge: Edge = field(default_factory=lambda: Edge("gw-1"))
    _sent: dict[str, datetime] = field(default_factory=dict)

    async def begin(self) -> None:
        """Tariffs, series, points with their meters, and customers."""
        utility = self.utility
        enrol = utility.enrol
        await utility.gateways.enrol(self.edge.name, noted(utility.now))
        await enrol.seller(Party("Sierra Power"))
        await enrol.tariff(document("PLAIN", "SPOT", PLAIN))
        for cell in {cell.tariff: cell for cell in self.cells}.values():
            await self._prices(cell.series, SPOT)
            if cell.tariff != "PLAIN":
                await enrol.tariff(document(cell.tariff, cell.series, OLD))
        await self._prices("SPOT", SPOT)
        for cell in self.cells:
            await enrol.account(AccountRecord(cell.account, Party(f"Customer {cell.number}")))
            await self._point(cell.point, cell.account, cell.tariff, cell.cause is Cause.LATE)
            await enrol.installation(self.meter(cell))
            if cell.cause is Cause.EXCHANGE:
                await self._exchange(cell, _EXCHANGED)
            if cell.second is not None:
                await self._point(cell.second, cell.account, "PLAIN", is_hourly=False)
                await enrol.installation(self._installed(cell.second, f"Q{cell.number}"))

    async def _prices(self, name: str, spot: Mapping[date, Fraction]) -> None:
        days = sorted(spot)
        mantissas = tuple(int(spot[day] * 1000) for day in days for _ in range(24))
        series = PriceSeries(name, instant(days[0]), 3600, mantissas, -3)
        now = self.utility.now
        await keep_series(
            self.utility.series, series, TRADER, reason="the market", clock=lambda: now
        )

    async def _point(self, point: str, account: str, tariff: str, is_hourly: bool) -> None:  # noqa: FBT001 - said by name where it is not told by the cause
        period_s = 3600 if is_hourly else 86_400
        enrol = self.utility.enrol
        await enrol.service_point(
            PointRecord(point, "UTC"), PointChannelRecord(ACTIVE_IMPORT, period_s, Unit.WATT_HOUR)
        )
        facts = AgreementFacts.of(contracted_kw=Decimal(int(_POWER)))
        await enrol.agreement(AgreementRecord(account, point, tariff, OCTOBER, facts=facts))

    def _installed(self, point: str, serial: str) -> InstallationRecord:
        return InstallationRecord(point, "MTL", serial, instant(OCTOBER), gateway=self.edge.name)

    def meter(self, cell: Cell) -> InstallationRecord:
        return self._installed(cell.point, f"P{cell.number}")

    async def _exchange(self, cell: Cell, day: date) -> None:
        """Another meter goes in at the beginning of a day."""
        shown, other = counted(cell.number), counted(cell.number + 700)
        enrol = self.utility.enrol
        closing = {ACTIVE_IMPORT: RegisterFacts(closing=Decimal(shown[day]))}
        opening = {ACTIVE_IMPORT: RegisterFacts(opening=Decimal(other[day]))}
        await enrol.installation(replace(self.meter(cell), end=instant(day), registers=closing))
        new = replace(self.meter(cell), serial=f"N{cell.number}", start=instant(day))
        await enrol.installation(replace(new, registers=opening))

    # What is read

    async def deliver(self) -> None:
        """All that meters showed until the beginning of the present day."""
        until = self.utility.now
        readings: list[Reading] = []
        for cell in self.cells:
            readings += self._due(cell, until)
        for first in range(0, len(readings), 900):
            sealed = self.edge.seal(readings[first : first + 900], until)
            arrival = examine(Arrival(self.edge.name, sealed.payload, until))
            await Ingest(self.utility.ingest, lambda: self.utility.now).commit([arrival])
        await self.utility.validate()

    def _due(self, cell: Cell, until: datetime) -> Iterator[Reading]:
        meters = [(f"P{cell.number}", counted(cell.number))]
        if cell.second is not None:
            meters.append((f"Q{cell.number}", counted(cell.number + 500)))
        if cell.cause is Cause.EXCHANGE:
            other = counted(cell.number + 700)
            there = {day: shown for day, shown in other.items() if day >= _EXCHANGED}
            meters = [
                (meters[0][0], {d: s for d, s in meters[0][1].items() if d <= _RIGHT}),
                (f"N{cell.number}", there),
                *meters[1:],
            ]
        for serial, shown in meters:
            is_hourly = cell.cause is Cause.LATE and serial.startswith("P")
            since = self._sent.get(serial)
            for at, value in _hourly(shown) if is_hourly else _daily(shown):
                if at <= until and (since is None or at > since):
                    yield _reading(serial, at, value, 3600 if is_hourly else 86_400)
            self._sent[serial] = until

    # What becomes another

    async def change(self, cell: Cell) -> None:
        """Let happen what is to be corrected; what concerns a tariff or series does for all."""
        now = self.utility.now
        enrol = self.utility.enrol
        match cell.cause:
            case Cause.LATE:
                shown = counted(cell.number)[NOVEMBER]
                await self._send(_reading(f"P{cell.number}", instant(NOVEMBER), shown, 3600))
            case Cause.EDIT:
                shown = counted(cell.number)[_WRONG] + 2_000
                await self._send(_reading(f"P{cell.number}", instant(_WRONG), shown, 86_400))
                (waiting,) = [
                    conflict
                    for conflict in await self.utility.decisions.conflicts(1000)
                    if conflict.meter.endswith(f"P{cell.number}")
                ]
                note = DecisionNote(EDITOR, "read on site", now)
                await decide_conflict(self.utility.decisions, waiting.id, Choice.REPLACE, note)
            case Cause.TARIFF:
                text = document(cell.tariff, cell.series, REVISED)
                await enrol.tariff(text, reason="the prices were wrong")
            case Cause.FACT:
                facts = AgreedFactChanges(self.utility.registry, EDITOR, lambda: now)
                fact = Fact("contracted_kw", Decimal(int(_MORE)), _RAISED)
                await facts.set(AgreedAt(cell.account, cell.point), fact, "asked for more")
            case Cause.SERIES:
                await self._prices(cell.series, cell.facts(right=True).spot)
            case Cause.EXCHANGE:
                await self._taken_out(cell, f"N{cell.number}", _EXCHANGED)
                await self._exchange(cell, _RIGHT)
            case Cause.MOVE:
                facts_ = AgreementFacts.of(contracted_kw=Decimal(int(_POWER)))
                left = AgreementRecord(
                    cell.account, cell.point, "PLAIN", OCTOBER, MOVED, facts=facts_
                )
                await enrol.agreement(left)
            case Cause.COEFFICIENT:
                await self._taken_out(cell, f"P{cell.number}", OCTOBER)
                await enrol.installation(replace(self.meter(cell), multiplier=_RATIO))
        await self.utility.validate()

    async def _taken_out(self, cell: Cell, serial: str, day: date) -> None:
        """A meter was entered wrongly; what is a draft of its days is discarded before."""
        billing = self.utility.billing
        for record in await billing.of_period(cell.account, "2026-11"):
            if record.state is BillState.DRAFT:
                discard = DiscardBills(billing, lambda: self.utility.now)
                await discard([record.uid], EDITOR, "its meter is another")
        meter = NamedInstallation(cell.point, "MTL", serial, instant(day))
        withdraw = Withdraw(self.utility.registry, EDITOR, lambda: self.utility.now)
        await withdraw.installation(meter, "entered wrongly")

    async def moved_in(self, cell: Cell) -> None:
        """Who came when the customer of a cell went."""
        enrol = self.utility.enrol
        account = f"B-{cell.number}"
        await enrol.account(AccountRecord(account, Party(account)))
        facts = AgreementFacts.of(contracted_kw=Decimal(int(_POWER)))
        await enrol.agreement(AgreementRecord(account, cell.point, "PLAIN", MOVED, facts=facts))

    async def _send(self, reading: Reading) -> None:
        sealed = self.edge.seal([reading], self.utility.now)
        arrival = examine(Arrival(self.edge.name, sealed.payload, self.utility.now))
        await Ingest(self.utility.ingest, lambda: self.utility.now).commit([arrival])


def _daily(shown: Mapping[date, int]) -> Iterator[tuple[datetime, int]]:
    return ((instant(day), value) for day, value in shown.items())


def _hourly(shown: Mapping[date, int]) -> Iterator[tuple[datetime, int]]:
    """As much each hour, but half of a day's at once behind the reading that is late."""
    for day, value in shown.items():
        after = shown.get(day + DAY, value)
        for hour in range(24):
            if day != NOVEMBER:
                yield instant(day, hour), value + (after - value) * hour // 24
            elif hour:
                half = value + (after - value) // 2
                yield instant(day, hour), half + (after - half) * (hour - 1) // 23


def _reading(serial: str, at: datetime, value: int, period_s: int) -> Reading:
    of = Channel(
        "MTL", serial, ACTIVE_IMPORT, Kind.REGISTER, period_s, Source.PROFILE, Unit.WATT_HOUR
    )
    return Reading(of, at, value, 0)

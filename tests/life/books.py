"""The utility's own books, as whoever lives this life wrote them; nothing of the product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

from tests.life.counted import Counted
from tests.life.spared import SparedDays
from tests.life.truth import SERVICE, Counter

Bank = dict[str, list[tuple[str, Fraction]]]
"""Label to credits: the month they were earned in, and kWh; oldest first."""


@dataclass(frozen=True)
class State:
    """What crosses from one part to the next.

    Args:
        bank: Credits.
        peaks: The highest demand by calendar month. [kW]
    """

    bank: Bank = field(default_factory=dict)
    peaks: Mapping[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A version of a tariff.

    Args:
        name: Of the tariff.
        effective: First day.
        said: `standing` with `per` day or month; `flat`, or `peak` and `off` (peak from 10 to 14 on
            working days), or `steps` of (bound a day, price); `bank`, for net metering by period
            (`at_end`, what is paid for what is left); `takes_over`, what of the tariff before;
            `demand`, a price per kW of a `window` in minutes, at `least` so many and so many
            percent of the highest of 11 months (`ratchet`); `digits` of quantities; `tax` in
            percent; `input` (`calls` are usage events) and `zone`; the hour at which its days begin
            (`begins`).
    """

    name: str
    effective: date
    said: Mapping[str, Any]

    def document(self) -> str:
        """As the product's tariff language writes it."""
        said = self.said
        unit = "m3" if said["input"] == "m3" else "kWh"
        lines = [
            f"tariff: {self.name}",
            f"effective: {self.effective}",
            f"zone: {said['zone']}",
            "currency: {code: EUR, digits: 2}",
            "cycle: {full_days: [27, 33], normal_days: 30}",
        ]
        if "begins" in said:
            lines.append(f'day_start: "{said["begins"]:02}:00"')
        if "peak" in said:
            lines += [
                "calendar:",
                "  days: {work: mon-fri, weekend: rest}",
                '  periods: {peak: [{days: work, at: "10:00-14:00"}], off: rest}',
            ]
        if said.get("bank"):
            lines += ["series: {net: {expr: import - export}}", self._bank()]
        if "takes_over" in said:
            lines.append(f"takes_over: {{{said['takes_over']}: {said['takes_over']}}}")
        if "digits" in said:
            lines.append(f"quantities: {{{unit}: {said['digits']}}}")
        if "demand" in said:
            lines.append("state: {kw: {months: 11, missing: ignore}}")
        lines += [
            f"determinants: {{{', '.join(self._determinants())}}}",
            "charges:",
            f"  - {{id: standing, price: {said['standing']}, per: {said['per']}}}",
            f"  - {{id: energy, qty: used, {self._price(unit)}}}",
        ]
        if "demand" in said:
            lines.append(f"  - {{id: demand, qty: billed_kw, price: {said['demand']}}}")
        if said.get("prepaid"):
            lines.append("settlement: [prepaid]")
        lines.append(f"taxes: [{{id: vat, percent: {said['tax']}, of: [all], point: interval}}]")
        return "\n".join([*lines, ""])

    def _determinants(self) -> list[str]:
        said = self.said
        if said["input"] == "calls":
            return ["used: {events: calls, take: sum}"]
        summed = "net" if said.get("bank") else said["input"]
        by = ", by: period" if "peak" in said else ""
        bank = ", bank: nem, netting: bill" if said.get("bank") else ""
        found = [f"used: {{sum: {summed}{by}{bank}}}"]
        if "demand" in said:
            found.append(f"kw: {{max: import, window: {said['window']}}}")
            share = said["ratchet"]
            expr = f"max({said['least']}, kw, prior(kw, months: 1-12, pct: {share}))"
            found.append(f'billed_kw: {{expr: "{expr}", unit: kW}}')
        return found

    def _bank(self) -> str:
        pay = self.said.get("at_end")
        return f"banks: {{nem: {{unit: kWh{f', at_end: {{pay: {pay}}}' if pay else ''}}}}}"

    def _price(self, unit: str) -> str:
        said = self.said
        if "peak" in said:
            return f"price: {{peak: {said['peak']}, off: {said['off']}}}"
        if "steps" in said:
            steps = [
                f"{{to: {'null' if bound is None else bound}, unit: {unit}/day, price: {price}}}"
                for bound, price in said["steps"]
            ]
            return f"steps: [{', '.join(steps)}]"
        return f"price: {said['flat']}"


@dataclass
class Agreement:
    """Who pays for a service at a point, by which tariff, from a local day to another."""

    account: str
    point: str
    plan: str
    first: date
    end: date | None = None
    billing_from: date | None = None
    """Where another system billed what lies before."""
    service: str = "electricity"

    @property
    def place(self) -> tuple[str, str, str]:
        """Whose it is, and of what."""
        return self.account, self.point, self.service


@dataclass(frozen=True)
class Occupancy:
    """One account at one service of a point, unbroken."""

    account: str
    point: str
    first: date
    end: date | None
    service: str = "electricity"

    @property
    def place(self) -> tuple[str, str, str]:
        """Whose it is, and of what."""
        return self.account, self.point, self.service


@dataclass
class PayIn:
    """Money that a customer paid in, or is charged or credited once.

    Args:
        account: Number.
        day: From which it counts.
        amount: How much.
        part: The first day of the issued part that took it.
        key: Of what is charged once, and below zero credited; "" for what was paid in.
        taxed: Whether that bears the tax.
        expires: The day on which it lapses; None for never.
        entry: Under which key money that was paid in is posted.
        given_back: What the customer was given back of it before a bill took it.
    """

    account: str
    day: date
    amount: Fraction
    part: date | None = None
    key: str = ""
    taxed: bool = False
    expires: date | None = None
    entry: str = ""
    given_back: Fraction = Fraction(0)


@dataclass(frozen=True)
class Payment:
    """Money that a customer paid for a bill, or was given back of what was paid in before."""

    account: str
    day: date
    amount: Decimal
    entry: str = ""


@dataclass
class Point:
    """A service point."""

    name: str
    zone: str
    what: str
    gateway: str
    capacity: int = 0
    counters: list[Counter] = field(default_factory=list)
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What else is sold there, to the quantities that it bills."""

    @property
    def service(self) -> str:
        """What bills all that is counted there."""
        return SERVICE[self.what]

    def billing(self, obis: str) -> list[str]:
        """The services that bill a quantity."""
        return [self.service, *(name for name, codes in self.services.items() if obis in codes)]


@dataclass
class Books:
    """What the utility wrote down."""

    points: dict[str, Point] = field(default_factory=dict)
    plans: dict[str, list[Plan]] = field(default_factory=dict)
    agreements: list[Agreement] = field(default_factory=list)
    conflicts: dict[tuple[str, int], int] = field(default_factory=dict)
    """Open conflicts: counter's point and boundary to the difference of the second value."""
    cycles: dict[str, tuple[date, int]] = field(default_factory=dict)
    """First day and months of a cycle."""
    assigned: dict[str, list[tuple[date, str]]] = field(default_factory=dict)
    """From when on an account is in which cycle; before, it is billed by the calendar month."""
    openings: dict[tuple[str, str], State] = field(default_factory=dict)
    """Account and point to what another system left."""
    pay_ins: list[PayIn] = field(default_factory=list)
    refunds: list[Payment] = field(default_factory=list)
    entries: Iterator[int] = field(default_factory=count)
    """Numbers for the keys of what is posted, each given once."""
    limits: dict[str, Decimal] = field(default_factory=dict)
    """Classes to what their bills may come to before somebody looks at them."""
    payments: list[Payment] = field(default_factory=list)
    counted: Counted = field(default_factory=Counted)
    doubtful: set[str] = field(default_factory=set)
    """Gateways of which something is in quarantine: it may hold what is missing."""
    window_days: int = 0
    """How long a held bill waits before what it lacks is estimated."""
    in_a_row: int = 2
    """How many bills of a customer in a row may have estimates."""
    silent: dict[str, date] = field(default_factory=dict)
    suspended: set[tuple[str, date]] = field(default_factory=set)
    """Points, with the first of days without use, of which nobody is asked: there was a storm."""
    spared: SparedDays = field(default_factory=SparedDays)
    """Days that nobody is billed for, by decision."""
    handed: dict[tuple[tuple[str, str, str], date], str] = field(default_factory=dict)
    """Whose last bill under a tariff was issued when the next one was known, and that one's first
    day, to its name."""

    def counters(self) -> Iterator[Counter]:
        for point in self.points.values():
            yield from point.counters

    def limit(self, point: str) -> Decimal | None:
        """What a bill of a point may come to."""
        name = {"electricity": "electricity", "gas": "volume", "water": "volume"}
        return self.limits.get(name.get(self.points[point].service, ""))

    def received(self, account: str, end: date) -> Fraction:
        """The money that came from a customer before a day, also what was granted."""
        paid_in = (
            one.amount + one.given_back
            for one in self.pay_ins
            if (one.account, one.day < end, one.key) == (account, True, "")
        )
        paid = (
            Fraction(one.amount)
            for one in self.payments
            if (one.account, one.day < end) == (account, True)
        )
        return sum(paid_in, Fraction(0)) + sum(paid, Fraction(0))

    def refunded(self, account: str, end: date) -> Fraction:
        """The money that a customer was given back before a day, but for what bills pay out."""
        given = (
            Fraction(one.amount)
            for one in self.refunds
            if (one.account, one.day < end) == (account, True)
        )
        return sum(given, Fraction(0))

    def versions(self, plan: str) -> list[Plan]:
        """By date; of those of one date, the one that was added last."""
        newest = {one.effective: one for one in self.plans[plan]}
        return [newest[effective] for effective in sorted(newest)]

    def in_force(self, plan: str, day: date) -> Plan:
        """The version of a plan that is in force on a day."""
        return [one for one in self.versions(plan) if one.effective <= day][-1]

    def follows(self, place: tuple[str, str, str], day: date, plan: str) -> Plan | None:
        """The version of another plan under which somebody stays from a day on."""
        for one in self.agreements:
            if (one.place, one.first) == (place, day) and one.plan != plan:
                return self.in_force(one.plan, day)
        return None

    def hand_over(self, issued: Iterable[tuple[tuple[str, str, str], date, str]]) -> None:
        """Last bills under a tariff are issued: note which one is known to follow."""
        for place, end, plan in issued:
            following = self.follows(place, end, plan)
            if following is not None:
                self.handed[place, end] = following.name

    def withdraw(self, plan: str, effective: date) -> None:
        """A version was entered by mistake; what was in force before holds on."""
        self.plans[plan] = [one for one in self.plans[plan] if one.effective != effective]

    def reach(self, plan: str, effective: date) -> date | None:
        """The day on which the next version of a plan begins."""
        later = [one.effective for one in self.plans[plan] if one.effective > effective]
        return min(later, default=None)

    def due(self, account: str, first: date, end: date) -> date:
        """Until when an account is billed by a run of the month that ends on a day.

        Args:
            account: Its number.
            first: Where its first bill begins.
            end: The day after the month.
        """
        reached = first
        while (stop := self.next_end(account, reached)) <= end:
            reached = stop
        return reached

    def next_end(self, account: str, day: date) -> date:
        """Where a bill of an account ends that begins on a day, if nothing else ends it."""
        spans = [(date.min, "")]
        for start, name in sorted(self.assigned.get(account, [])):
            # The same cycle again changes nothing.
            if name != spans[-1][1]:
                spans.append((start, name))
        cycle = [name for start, name in spans if start <= day][-1]
        changes = [start for start, _ in spans if start > day]
        return min([self._end_of_period(cycle, day), *changes])

    def _end_of_period(self, cycle: str, day: date) -> date:
        """The day after the last of the period that a day lies in."""
        first, length = self.cycles[cycle] if cycle else (date(2026, 1, 1), 1)
        months = (day.year - first.year) * 12 + day.month - first.month
        whole = first.month - 1 + (months // length + 1) * length
        years, month = divmod(whole, 12)
        return date(first.year + years, month + 1, 1)

    def occupancies(self) -> list[Occupancy]:
        """Agreements of one account at one service that follow each other without a break."""
        found: list[Occupancy] = []
        for one in sorted(self.agreements, key=lambda a: (a.point, a.service, a.account, a.first)):
            last = found[-1] if found else None
            if last and (last.place, last.end) == (one.place, one.first):
                found[-1] = replace(last, end=one.end)
            else:
                begins = one.billing_from or one.first
                found.append(Occupancy(one.account, one.point, begins, one.end, one.service))
        return found

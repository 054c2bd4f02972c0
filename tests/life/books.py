"""The utility's own books, as whoever lives this life wrote them; nothing of the product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.life.truth import Counter


@dataclass(frozen=True)
class Plan:
    """A version of a tariff.

    Args:
        name: Of the tariff.
        effective: First day.
        said: `standing` with `per` day or month; `flat`, or `peak` and `off` (peak from 10 to 14 on
            working days); `bank`, for net metering by period; `tax` in percent; `input`; `zone`.
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
        if "peak" in said:
            lines += [
                "calendar:",
                "  days: {work: mon-fri, weekend: rest}",
                '  periods: {peak: [{days: work, at: "10:00-14:00"}], off: rest}',
            ]
            price, by = f"{{peak: {said['peak']}, off: {said['off']}}}", ", by: period"
        else:
            price, by = str(said["flat"]), ""
        if said.get("bank"):
            lines += ["series: {net: {expr: import - export}}"]
            used = f"{{sum: net{by}, bank: nem}}"
        else:
            used = f"{{sum: {said['input']}{by}}}"
        if "digits" in said:
            lines.append(f"quantities: {{{unit}: {said['digits']}}}")
        lines += [
            f"determinants: {{used: {used}}}",
            "charges:",
            f"  - {{id: standing, price: {said['standing']}, per: {said['per']}}}",
            f"  - {{id: energy, qty: used, price: {price}}}",
            f"taxes: [{{id: vat, percent: {said['tax']}, of: [all]}}]",
        ]
        if said.get("bank"):
            lines.append("banks: {nem: {unit: kWh}}")
        return "\n".join([*lines, ""])


@dataclass
class Agreement:
    """Who pays for a point, by which tariff, from a local day to another."""

    account: str
    point: str
    plan: str
    first: date
    end: date | None = None


@dataclass(frozen=True)
class Occupancy:
    """One account at one point, unbroken."""

    account: str
    point: str
    first: date
    end: date | None


@dataclass
class Point:
    """A service point."""

    name: str
    zone: str
    what: str
    gateway: str
    counters: list[Counter] = field(default_factory=list)


@dataclass
class Books:
    """What the utility wrote down."""

    points: dict[str, Point] = field(default_factory=dict)
    plans: dict[str, list[Plan]] = field(default_factory=dict)
    agreements: list[Agreement] = field(default_factory=list)
    conflicts: dict[tuple[str, int], int] = field(default_factory=dict)
    """Open conflicts: counter's point and boundary to the difference of the second value."""
    silent: dict[str, date] = field(default_factory=dict)

    def counters(self) -> Iterator[Counter]:
        for point in self.points.values():
            yield from point.counters

    def versions(self, plan: str) -> list[Plan]:
        return sorted(self.plans[plan], key=lambda one: one.effective)

    def occupancies(self) -> list[Occupancy]:
        """Agreements of one account at one point that follow each other without a break."""
        found: list[Occupancy] = []
        for one in sorted(self.agreements, key=lambda a: (a.point, a.account, a.first)):
            last = found[-1] if found else None
            if last and (last.point, last.account, last.end) == (one.point, one.account, one.first):
                found[-1] = Occupancy(one.account, one.point, last.first, one.end)
            else:
                found.append(Occupancy(one.account, one.point, one.first, one.end))
        return found

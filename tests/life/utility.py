"""The utility of the lives: its sites, tariffs and cycles, how it begins and when it bills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.life.events import Event

FIRST = date(2026, 9, 1)
_DAY = timedelta(days=1)
MADRID, YORK = "Europe/Madrid", "America/New_York"
HOWE = "Australia/Lord_Howe"
CLERK, CHIEF = "clerk", "chief"


def month_after(first: date, months: int = 1) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def home(zone: str, **said: str | int | bool) -> dict[str, Any]:
    """A plan by time of use with a monthly charge."""
    found = {"standing": "5.00", "per": "month", "peak": "0.30", "off": "0.10", "tax": "21"}
    return {**found, "input": "import", "zone": zone, **said}


def flat(zone: str, **said: str | int | bool) -> dict[str, Any]:
    """A plan of one price with a daily charge."""
    found = {"standing": "0.31", "per": "day", "flat": "0.1834", "tax": "6.5"}
    return {**found, "input": "import", "zone": zone, **said}


PLANS: dict[str, dict[str, Any]] = {
    "HOME": home(MADRID),
    "HOWE": home(HOWE, digits=1),
    "HOME2": home(MADRID, standing="7.00", peak="0.25"),
    "FLAT": flat(YORK),
    "SOLAR": home(MADRID, bank=True, per="day", standing="0.20", at_end="0.037"),
    "SOLAR2": home(MADRID, bank=True, per="day", standing="0.25", at_end="0.02", takes_over="nem"),
    "SHOP": flat(YORK, demand="4.10", window="15m", least="1.2", ratchet="80"),
    "SHOP2": flat(YORK, demand="3.70", window="15m", least="0.9", ratchet="70", takes_over="kw"),
    "GRID": flat(MADRID, flat="0.0412"),
    "PREPAID": flat(MADRID, prepaid=True),
    "CALLS": flat(MADRID, input="calls", flat="0.0475"),
    "GAS": flat(MADRID, input="m3", digits=0, begins=6),
    "WATER": {
        "standing": "0.12",
        "per": "day",
        "steps": [["0.2", "0.45"], ["0.5", "0.90"], [None, "1.60"]],
        "tax": "10",
        "input": "m3",
        "zone": YORK,
    },
}


@dataclass(frozen=True)
class Site:
    """A point of the utility, and by which tariff it is sold."""

    name: str
    zone: str
    what: str
    period_s: int
    gateway: str
    plan: str
    digits: int = 8
    cycle: str = ""
    begins: int = 0


CYCLES = {"bimonthly": 2, "quarterly": 3, "yearly": 12}
CORE = (
    Site("SP-1", MADRID, "electricity", 3600, "gw-1", "HOME"),
    Site("SP-2", YORK, "electricity", 3600, "gw-2", "FLAT", 6),
    Site("SP-3", HOWE, "electricity", 900, "gw-2", "HOWE"),
    Site("SP-4", MADRID, "solar", 3600, "gw-1", "SOLAR"),
)
WHOLE = (
    *CORE,
    Site("SP-5", YORK, "electricity", 900, "gw-3", "SHOP"),
    Site("SP-6", YORK, "electricity", 300, "gw-3", "FLAT"),
    Site("SP-7", MADRID, "electricity", 3600, "gw-1", "HOME", 6),
    Site("SP-8", MADRID, "solar", 3600, "gw-1", "SOLAR"),
    Site("SP-9", MADRID, "electricity", 3600, "gw-1", "HOME"),
    Site("SP-10", YORK, "electricity", 3600, "gw-2", "FLAT", cycle="bimonthly"),
    Site("SP-11", YORK, "electricity", 3600, "gw-2", "FLAT", cycle="yearly"),
    Site("SP-12", MADRID, "electricity", 3600, "gw-1", "PREPAID"),
    Site("SP-13", MADRID, "gas", 86400, "gw-3", "GAS", begins=6),
    Site("SP-14", YORK, "water", 86400, "gw-3", "WATER", cycle="quarterly"),
)
CAPACITY = {"electricity": 20_000, "solar": 20_000, "gas": 1_000, "water": 1_000}


def founding(first: date, sites: Sequence[Site] = CORE) -> Iterator[Event]:
    """The utility begins: gateways, tariffs, points with their first customers."""
    yield Event(first, "seller", {"name": "Sierra Power"})
    for gateway in sorted({site.gateway for site in sites}):
        yield Event(first, "gateway", {"name": gateway})
    for plan, said in PLANS.items():
        yield Event(first, "tariff", {"plan": plan, "effective": "2026-01-01", **said})
    for name, months in CYCLES.items():
        yield Event(first, "cycle", {"name": name, "months": months, "first": first.isoformat()})
    for number, site in enumerate(sites, start=1):
        place = {"name": site.name, "zone": site.zone, "what": site.what}
        means = {"period_s": site.period_s, "gateway": site.gateway, "digits": site.digits}
        meter = {"serial": f"S{number}-1", "opening": 1000 * number}
        said = {**place, **means, **meter, "capacity": CAPACITY[site.what]}
        if site.begins:
            said["begins"] = site.begins
        yield Event(first, "point", said)
        yield from moves_in(first, f"A-{number}", site.name, site.plan, first)
        if site.cycle:
            assigned = {"account": f"A-{number}", "cycle": site.cycle}
            yield Event(first, "assign", {**assigned, "first": first.isoformat()})


def moves_in(day: date, account: str, point: str, plan: str, first: date) -> Iterator[Event]:
    yield Event(day, "customer", {"account": account, "name": f"Customer {account}"})
    said = {"account": account, "point": point, "plan": plan, "first": first.isoformat()}
    yield Event(day, "agree", said)


def office(month: date, days: tuple[int, ...] = (3, 9, 16)) -> Iterator[Event]:
    """A month is billed: run, approve and issue, and on later days again for what was held.

    The first time there is a day between them. What was held of the month before is approved and
    issued with it.
    """
    end = month_after(month)
    cycles = [f"{month_after(month, -1):%Y-%m}", f"{month:%Y-%m}"]
    for day in days:
        pause = _DAY if day == days[0] else 0 * _DAY
        ran = end + _DAY * (day - 1)
        yield Event(ran, "run", {"cycle": cycles[-1], "by": CLERK})
        for cycle in cycles:
            yield Event(ran + pause, "approve", {"cycle": cycle, "by": CHIEF})
        for cycle in cycles:
            yield Event(ran + 2 * pause, "issue", {"cycle": cycle, "by": CHIEF})

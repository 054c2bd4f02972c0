"""Draw a life from a seed."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.life.events import Event, Life

FIRST = date(2026, 9, 1)
_DAY = timedelta(days=1)
MADRID, YORK = "Europe/Madrid", "America/New_York"
HOWE, BOGOTA = "Australia/Lord_Howe", "America/Bogota"
CLERK, CHIEF = "clerk", "chief"
# Run, approve, issue; read out; run again; and once more.
_OFFICE = (3, 4, 5, 8, 9, 16)


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
    "FLAT": flat(YORK),
    "SOLAR": home(MADRID, bank=True, per="day", standing="0.20", at_end="0.037"),
    "SOLAR2": home(MADRID, bank=True, per="day", standing="0.25", at_end="0.02", takes_over="nem"),
    "SHOP": flat(YORK, demand="4.10", window="15m", least="1.2", ratchet="80"),
    "GAS": flat(BOGOTA, input="m3", digits=0),
    "WATER": {
        "standing": "0.12",
        "per": "day",
        "steps": [["0.2", "0.45"], ["0.5", "0.90"], [None, "1.60"]],
        "tax": "10",
        "input": "m3",
        "zone": BOGOTA,
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
    Site("SP-12", MADRID, "electricity", 3600, "gw-1", "HOME"),
    Site("SP-13", BOGOTA, "gas", 86400, "gw-3", "GAS"),
    Site("SP-14", BOGOTA, "water", 86400, "gw-3", "WATER", cycle="quarterly"),
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


class Calendar:
    """The eventful days: those of the office, and three more in each month.

    Args:
        chance: What draws them.
        months: From `FIRST` on.
    """

    def __init__(self, chance: random.Random, months: int) -> None:
        found = {FIRST}
        for number in range(months + 2):
            month = month_after(FIRST, number)
            drawn = chance.sample(range(10, 27), 3)
            found |= {month + _DAY * (day - 1) for day in (*_OFFICE, *drawn)}
        self._days = sorted(found)

    def within(self, month: date) -> list[date]:
        """Those of a month, but for its first."""
        return [day for day in self._days if month < day < month_after(month)]

    def later(self, chance: random.Random, day: date, most: int = 4) -> date:
        """One of the next after a day."""
        place = bisect_right(self._days, day)
        return self._days[min(place + chance.randrange(most), len(self._days) - 1)]


def draw(seed: int, months: int = 26, sites: Sequence[Site] = WHOLE) -> Life:
    """The life of a seed."""
    chance = random.Random(f"life {seed}")  # noqa: S311
    end = month_after(FIRST, months) + 19 * _DAY
    events = list(founding(FIRST, sites))
    calendar = Calendar(chance, months)
    for number in range(months):
        month = month_after(FIRST, number)
        events += _weather(chance, calendar, month, sites)
        events += office(month)
        events += _prices(chance, month)
        events += _too_late(chance, calendar, month, sites)
    events += _customers(chance, calendar, months, sites)
    events += _meters(chance, calendar, months, sites)
    events += _switches(months, sites)
    events.sort(key=lambda event: event.day)
    return Life(seed, FIRST, end, tuple(event for event in events if event.day <= end))


def _weather(
    chance: random.Random, calendar: Calendar, month: date, sites: Sequence[Site]
) -> Iterator[Event]:
    """What goes wrong with readings in a month, on a few of its days."""
    days = calendar.within(month)
    for site in sites:
        yield from _misread(chance, calendar, site, chance.choice(days))
        # What is not read out by then holds the month after as well.
        late = 1 if chance.random() < 0.9 else 2
        yield Event(month_after(month, late) + 7 * _DAY, "read_out", {"point": site.name})
    gateways = sorted({site.gateway for site in sites})
    if chance.random() < 0.4:
        day = chance.choice(days)
        until = calendar.later(chance, day, 3)
        said = {"gateway": chance.choice(gateways), "until": until.isoformat()}
        yield Event(day, "silent", said)
    if chance.random() < 0.5:
        yield Event(chance.choice(days), "doubled", {"gateway": chance.choice(gateways)})
    if chance.random() < 0.15:
        day = chance.choice(days)
        yield Event(day, "down", {"until": calendar.later(chance, day, 2).isoformat()})


def _misread(chance: random.Random, calendar: Calendar, site: Site, day: date) -> Iterator[Event]:
    """What goes wrong with the readings of a point."""
    said = {"point": site.name, "hours": chance.randint(1, 20)}
    # So many readings as a gap that is estimated lacks, at most.
    short = max(1, 7200 // site.period_s - 1)
    if chance.random() < 0.35:
        yield Event(day, "lost", {**said, "count": chance.randint(1, short)})
    elif chance.random() < 0.2:
        found = calendar.later(chance, day + _DAY)
        count = chance.randint(short + 1, short + 80)
        yield Event(day, "lost", {**said, "count": count, "found": found.isoformat()})
    elif chance.random() < 0.15:
        back = max(1, chance.randint(1, 40) * 3600 // site.period_s)
        yield Event(day, "conflict", {"point": site.name, "back": back, "more": 1})
        choice = chance.choice(["keep", "replace"])
        yield Event(calendar.later(chance, day), "decide", {"point": site.name, "choice": choice})
    elif chance.random() < 0.1 and site.period_s <= 3600:
        yield Event(day, "leap", {**said, "more": 90_000})


def _customers(
    chance: random.Random, calendar: Calendar, months: int, sites: Sequence[Site]
) -> Iterator[Event]:
    """Customers move: one leaves, and another comes, at once or later."""
    count = len(sites)
    for number in range(1, months):
        if chance.random() < 0.5:
            day = chance.choice(calendar.within(month_after(FIRST, number)))
            site = chance.choice(sites)
            end = day + _DAY * chance.randint(1, 3)
            yield Event(day, "leave", {"point": site.name, "end": end.isoformat()})
            count += 1
            first = end + _DAY * chance.choice([0, 0, 5])
            yield from moves_in(day, f"A-{count}", site.name, site.plan, first)


def _meters(
    chance: random.Random, calendar: Calendar, months: int, sites: Sequence[Site]
) -> Iterator[Event]:
    """Meters are exchanged."""
    for number in range(months):
        if chance.random() < 0.3:
            day = chance.choice(calendar.within(month_after(FIRST, number)))
            site = chance.choice(sites)
            said = {"point": site.name, "serial": f"{site.name}/{number + 2}"}
            yield Event(day, "exchange", {**said, "hours": chance.randint(1, 20)})


def _too_late(
    chance: random.Random, calendar: Calendar, month: date, sites: Sequence[Site]
) -> Iterator[Event]:
    """What changes a month between its run, its approval and its issue."""
    end = month_after(month)
    for _ in range(chance.randint(0, 3)):
        day = end + _DAY * chance.choice([2, 3, 4, 8])
        site = chance.choice(sites)
        match chance.choice(["conflict", "price", "name"]):
            case "conflict":
                back = chance.randint(3, 20) * 86400 // site.period_s
                yield Event(day, "conflict", {"point": site.name, "back": back, "more": 1})
                choice = {"point": site.name, "choice": chance.choice(["keep", "replace"])}
                decided = chance.choice([day, calendar.later(chance, day, 2)])
                yield Event(decided, "decide", choice)
            case "price" if site.plan != "SHOP":
                effective = month + _DAY * chance.choice([7, 20])
                yield _version(chance, day, site.plan, effective)
            case _:
                until = calendar.later(chance, day, 1)
                yield Event(day, "down", {"until": until.isoformat()})


def _switches(months: int, sites: Sequence[Site]) -> Iterator[Event]:
    """Who has the sun on the roof changes the tariff, at a month's end or within it."""
    roofs = [site for site in sites if site.plan == "SOLAR"]
    for number, site in enumerate(roofs, start=2):
        if number < months:
            first = month_after(FIRST, number) + _DAY * (0 if number % 2 else 11)
            said = {"point": site.name, "plan": "SOLAR2", "first": first.isoformat()}
            yield Event(first - _DAY, "switch", said)


def _prices(chance: random.Random, month: date) -> Iterator[Event]:
    """Tariffs get versions, some within a month, some for days that are over."""
    if chance.random() < 0.3 and month > FIRST:
        plan = chance.choice(sorted(PLANS))
        # A peak has one price a month.
        effective = month + _DAY * (0 if plan == "SHOP" else chance.choice([0, 0, 14]))
        days = [effective - _DAY, *(effective.replace(day=day) for day in (3, 16))]
        yield _version(chance, chance.choice(days), plan, effective)


def _version(chance: random.Random, day: date, plan: str, effective: date) -> Event:
    """Other prices, from a date on."""
    said = dict(PLANS[plan])
    for name in ("standing", "flat", "peak", "off", "demand"):
        if name in said:
            said[name] = f"{chance.randint(50, 400) / 1000:.3f}"
    return Event(day, "tariff", {"plan": plan, "effective": effective.isoformat(), **said})

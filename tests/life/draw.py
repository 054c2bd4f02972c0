"""Draw a life from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tests.life.events import Event, Life

FIRST = date(2026, 9, 1)
_DAY = timedelta(days=1)
MADRID, YORK, HOWE = "Europe/Madrid", "America/New_York", "Australia/Lord_Howe"
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
    "FLAT": flat(YORK),
    "SOLAR": home(MADRID, bank=True, per="day", standing="0.20"),
}

POINTS: tuple[tuple[str, str, str, int, str, str], ...] = (
    ("SP-1", MADRID, "electricity", 3600, "gw-1", "HOME"),
    ("SP-2", YORK, "electricity", 3600, "gw-2", "FLAT"),
    ("SP-3", HOWE, "electricity", 900, "gw-2", "HOWE"),
    ("SP-4", MADRID, "solar", 3600, "gw-1", "SOLAR"),
)


def founding(first: date) -> Iterator[Event]:
    """The utility begins: gateways, tariffs, points with their first customers."""
    yield Event(first, "seller", {"name": "Sierra Power"})
    for gateway in sorted({point[4] for point in POINTS}):
        yield Event(first, "gateway", {"name": gateway})
    for plan, said in PLANS.items():
        yield Event(first, "tariff", {"plan": plan, "effective": "2026-01-01", **said})
    for number, (name, zone, what, period_s, gateway, plan) in enumerate(POINTS, start=1):
        said = {"name": name, "zone": zone, "what": what, "period_s": period_s, "gateway": gateway}
        meter = {"serial": f"S{number}-1", "opening": 1000 * number, "digits": 8}
        yield Event(first, "point", {**said, **meter})
        yield from moves_in(first, f"A-{number}", name, plan, first)


def moves_in(day: date, account: str, point: str, plan: str, first: date) -> Iterator[Event]:
    yield Event(day, "customer", {"account": account, "name": f"Customer {account}"})
    said = {"account": account, "point": point, "plan": plan, "first": first.isoformat()}
    yield Event(day, "agree", said)


def office(month: date, days: tuple[int, ...] = (3, 9, 16)) -> Iterator[Event]:
    """A month is billed: run, approve and issue, and again for what was held."""
    end, cycle = month_after(month), f"{month:%Y-%m}"
    for day in days:
        yield Event(end + _DAY * (day - 1), "run", {"cycle": cycle, "by": CLERK})
        yield Event(end + _DAY * day, "approve", {"cycle": cycle, "by": CHIEF})
        yield Event(end + _DAY * day, "issue", {"cycle": cycle, "by": CHIEF})


def draw(seed: int, months: int = 26) -> Life:
    """The life of a seed."""
    chance = random.Random(f"life {seed}")  # noqa: S311
    end = month_after(FIRST, months) + 19 * _DAY
    events = list(founding(FIRST))
    for number in range(months):
        month = month_after(FIRST, number)
        events += _weather(chance, month)
        events += office(month)
    events += _customers(chance, months)
    events += _prices(chance, months)
    events.sort(key=lambda event: event.day)
    return Life(seed, FIRST, end, tuple(event for event in events if event.day <= end))


def _day_of(chance: random.Random, month: date, first: int = 2, last: int = 27) -> date:
    return month + _DAY * (chance.randint(first, last) - 1)


def _weather(chance: random.Random, month: date) -> Iterator[Event]:
    """What goes wrong with readings in a month."""
    for point, _, _, period_s, _, _ in POINTS:
        if chance.random() < 0.5:
            day = _day_of(chance, month)
            said = {"point": point, "hours": chance.randint(1, 20)}
            # So many readings as a gap that is estimated lacks, at most.
            yield Event(day, "lost", {**said, "count": chance.randint(1, 7200 // period_s - 1)})
        if chance.random() < 0.25:
            day = _day_of(chance, month)
            found = day + _DAY * chance.randint(2, 12)
            said = {"point": point, "hours": chance.randint(1, 20), "found": found.isoformat()}
            yield Event(day, "lost", {**said, "count": chance.randint(4, 60)})
        if chance.random() < 0.2:
            day = _day_of(chance, month)
            said = {"point": point, "back": chance.randint(1, 40), "more": 1}
            yield Event(day, "conflict", said)
            choice = chance.choice(["keep", "replace"])
            later = day + _DAY * chance.randint(1, 9)
            yield Event(later, "decide", {"point": point, "choice": choice})
        yield Event(month_after(month) + 7 * _DAY, "read_out", {"point": point})
    if chance.random() < 0.4:
        day = _day_of(chance, month)
        until = day + _DAY * chance.randint(1, 8)
        gateway = chance.choice(["gw-1", "gw-2"])
        yield Event(day, "silent", {"gateway": gateway, "until": until.isoformat()})
    if chance.random() < 0.5:
        gateway = chance.choice(["gw-1", "gw-2"])
        yield Event(_day_of(chance, month), "doubled", {"gateway": gateway})


def _customers(chance: random.Random, months: int) -> Iterator[Event]:
    """Customers move: one leaves, and another comes, at once or later."""
    plans = {point[0]: point[5] for point in POINTS}
    count = len(POINTS)
    for number in range(1, months):
        if chance.random() < 0.3:
            month = month_after(FIRST, number)
            day = _day_of(chance, month)
            point = chance.choice(sorted(plans))
            end = day + _DAY * chance.randint(1, 3)
            yield Event(day, "leave", {"point": point, "end": end.isoformat()})
            count += 1
            first = end + _DAY * chance.choice([0, 0, 5])
            yield from moves_in(day, f"A-{count}", point, plans[point], first)


def _prices(chance: random.Random, months: int) -> Iterator[Event]:
    """Tariffs get versions, some within a month."""
    for number in range(1, months):
        if chance.random() < 0.25:
            month = month_after(FIRST, number)
            plan = chance.choice(sorted(PLANS))
            effective = month + _DAY * chance.choice([0, 0, 14])
            said = dict(PLANS[plan])
            for name in ("standing", "flat", "peak", "off"):
                if name in said:
                    said[name] = f"{chance.randint(50, 400) / 1000:.3f}"
            day = month - _DAY * chance.randint(1, 5)
            yield Event(day, "tariff", {"plan": plan, "effective": effective.isoformat(), **said})

"""Draw a life from a seed."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests.life.draw_days import days_decided, read_by_hand
from tests.life.draw_money import charged_once, paid
from tests.life.draw_suppressed import suppressed
from tests.life.draw_usage import counted, subscribed
from tests.life.episodes import HOUSE, OWN, ROOF, episodes, stays
from tests.life.events import Event, Life
from tests.life.poison import KINDS as POISON
from tests.life.utility import (
    CAPACITY,
    CHIEF,
    CLERK,
    CYCLES,
    FIRST,
    PLANS,
    WHOLE,
    Site,
    founding,
    month_after,
    moves_in,
    office,
)

_DAY = timedelta(days=1)
# Run, approve, issue; read out; run again; and once more.
_OFFICE = (3, 4, 5, 8, 9, 16)


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


def draw(
    seed: int,
    months: int = 26,
    sites: Sequence[Site] = WHOLE,
    *,
    corrected: bool = False,
    decided: bool = False,
) -> Life:
    """The life of a seed.

    Args:
        seed: Of it.
        months: How long it lasts.
        sites: Of the utility.
        corrected: Whether issued bills are corrected; more prices are then wrong, too.
        decided: Whether people decide what days say, usage events are counted, bills are paid, and
            moves are use-cases of their own.
    """
    chance = random.Random(f"life {seed}")  # noqa: S311
    others = random.Random(f"corrected {seed}")  # noqa: S311
    days, usage = (random.Random(f"{what} {seed}") for what in ("days", "usage"))  # noqa: S311
    spared, money = (random.Random(f"{what} {seed}") for what in ("suppressed", "money"))  # noqa: S311
    end = month_after(FIRST, months) + 19 * _DAY
    events = [*founding(FIRST, sites), *_taken_over(sites)]
    events += subscribed() if decided else ()
    if seed % 2:
        events.append(Event(FIRST, "window", {"days": 5, "in_a_row": 2}))
    calendar = Calendar(chance, months)
    for number in range(months):
        month = month_after(FIRST, number)
        events += _weather(chance, calendar, month, sites)
        if decided:
            events += days_decided(days, calendar.within(month), month, sites)
            events += counted(usage, calendar.within(month), month)
            if number % 3 == 1:
                events += read_by_hand(days, calendar.within(month), f"M-{number}", sites)
            events += paid(month, sites)
            events += charged_once(money, calendar.within(month), month, sites)
        events += _corrections(others, month) if corrected else ()
        events += suppressed(spared, month, sites) if corrected else ()
        events += office(month)
        events += _prices(chance, month)
        events += _late_prices(others, month) if corrected else ()
        events += _too_late(chance, calendar, month, sites)
        events += _second_thoughts(chance, calendar, month, events)
        events += _facts(chance, calendar, month, sites)
        events += _poison(chance, calendar, month, sites)
    events += _customers(chance, calendar, months, sites)
    events += _meters(chance, calendar, months, sites)
    events += _switches(months, sites)
    own = episodes(chance, months, sites)
    events = [*(event for event in events if stays(event, own)), *own]
    moves = random.Random(f"moves {seed}")  # noqa: S311
    events = [_as_move(moves, event) for event in events] if decided else events
    events.sort(key=lambda event: event.day)
    lived = [event for event in events if event.day <= end - 3 * _DAY]
    settled = [*_settled(months, end, sites)]
    if corrected:
        dearer = _version(others, end - 2 * _DAY, "HOME", month_after(FIRST, months - 1))
        said = {**dearer.said, "reason": "the prices were wrong"}
        settled.insert(0, Event(dearer.day, "tariff", said))
        ways = ["full", "adjust", "leave", "parts"]
        settled.append(Event(end, "work_off", {"ways": ways}))
    return Life(seed, FIRST, end, (*lived, *settled))


def _as_move(chance: random.Random, event: Event) -> Event:
    """Half of those who come and go, and of exchanged meters, do so by the use-cases of moves."""
    may = event.kind in {"agree", "leave", "switch", "exchange"} and event.day > FIRST
    if may and chance.random() < 0.5 and "misread" not in event.said:
        return replace(event, said={**event.said, "move": True})
    return event


def _settled(months: int, end: date, sites: Sequence[Site]) -> Iterator[Event]:
    """At the end all that is open is worked off."""
    for site in sites:
        yield Event(end - 2 * _DAY, "settle", {"point": site.name})
        yield Event(end - 2 * _DAY, "decide", {"point": site.name, "choice": "keep"})
        yield Event(end - 2 * _DAY, "read_out", {"point": site.name})
    for gateway in sorted({site.gateway for site in sites}):
        yield Event(end - 2 * _DAY, "accept", {"gateway": gateway})
    cycles = [f"{month_after(FIRST, number):%Y-%m}" for number in range(months)]
    yield Event(end - _DAY, "run", {"cycle": cycles[-1], "by": CLERK})
    for kind in ("approve", "issue"):
        for cycle in cycles:
            yield Event(end, kind, {"cycle": cycle, "by": CHIEF})


def _taken_over(sites: Sequence[Site]) -> Iterator[Event]:
    """Some customers come from another system in the middle of the first month."""
    left: dict[str, dict[str, Any]] = {
        "SP-5": {"peaks": [{"name": "kw", "month": "2026-07", "value": 3.25}]},
        "SP-8": {
            "banks": [
                {"bank": "nem", "period": period, "earned": "2026-08", "amount": amount}
                for period, amount in (("peak", 41.125), ("off", 95.2))
            ]
        },
        "SP-9": {},
    }
    for number, site in enumerate(sites, start=1):
        if site.name in left:
            said = {"account": f"A-{number}", "point": site.name, "last_billed": "2026-09-10"}
            yield Event(FIRST, "cutover", {**said, "balance": -12.4, **left[site.name]})


def _second_thoughts(
    chance: random.Random, calendar: Calendar, month: date, before: Sequence[Event]
) -> Iterator[Event]:
    """A version of a tariff was entered by mistake, or with wrong prices."""
    versions = [event for event in before if event.kind == "tariff" and event.day > FIRST]
    if versions and chance.random() < 0.3:
        event = chance.choice(versions[-4:])
        day = max(calendar.later(chance, event.day), month)
        said = {"plan": event.said["plan"], "effective": event.said["effective"]}
        if chance.random() < 0.5:
            yield Event(day, "withdraw", said)
        else:
            again = _version(chance, day, said["plan"], date.fromisoformat(said["effective"]))
            yield Event(day, "tariff", {**again.said, "reason": "the prices were wrong"})


def _facts(
    chance: random.Random, calendar: Calendar, month: date, sites: Sequence[Site]
) -> Iterator[Event]:
    """Facts change, also of days that are billed; customers change their cycle."""
    site = chance.choice(sites)
    if chance.random() < 0.3:
        more = chance.randint(0, 100)
        said = {"point": site.name, "capacity": CAPACITY[site.what] + more}
        yield Event(chance.choice(calendar.within(month)), "capacity", said)
    for number, site in enumerate(sites, start=1):
        if site.plan == "PREPAID" and chance.random() < 0.7:
            day = chance.choice([*calendar.within(month), month_after(month) + 3 * _DAY])
            since = day - _DAY * chance.choice([0, 1, 6])
            said = {"account": f"A-{number}", "amount": chance.randint(500, 4000) / 100}
            yield Event(day, "pay_in", {**said, "since": since.isoformat()})
    number = chance.randrange(len(sites))
    # These pay by the day, so that a period's length says nothing about the price.
    if chance.random() < 0.3 and sites[number].plan in {"FLAT", "GAS", "WATER"}:
        cycle = chance.choice(sorted(CYCLES))
        first = month_after(month, chance.choice([1, 2, 3]))
        said = {"account": f"A-{number + 1}", "cycle": cycle, "first": first.isoformat()}
        yield Event(chance.choice(calendar.within(month)), "assign", said)


def _poison(
    chance: random.Random, calendar: Calendar, month: date, sites: Sequence[Site]
) -> Iterator[Event]:
    gateways = sorted({site.gateway for site in sites})
    for _ in range(chance.randint(1, 2)):
        said = {"gateway": chance.choice(gateways), "what": chance.choice(POISON)}
        yield Event(chance.choice(calendar.within(month)), "poison", said)
    for gateway in gateways:
        yield Event(month_after(month) + 7 * _DAY, "accept", {"gateway": gateway})


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
            free = [site for site in sites if site.plan != "PREPAID" and site.name not in OWN]
            site = chance.choice(free)
            end = day + _DAY * chance.randint(1, 3)
            yield Event(day, "leave", {"point": site.name, "end": end.isoformat()})
            count += 1
            first = end + _DAY * chance.choice([0, 0, 5])
            yield from moves_in(day, f"A-{count}", site.name, site.plan, first)
            if chance.random() < 0.25:
                again = calendar.later(chance, day, 6)
                yield Event(again, "unagree", {"point": site.name})
                count += 1
                yield from moves_in(again, f"A-{count}", site.name, site.plan, first)


def _meters(
    chance: random.Random, calendar: Calendar, months: int, sites: Sequence[Site]
) -> Iterator[Event]:
    """Meters are exchanged."""
    for number in range(months):
        if chance.random() < 0.3:
            day = chance.choice(calendar.within(month_after(FIRST, number)))
            site = chance.choice([site for site in sites if site.name not in {ROOF, HOUSE}])
            said: dict[str, Any] = {"point": site.name, "serial": f"{site.name}/{number + 2}"}
            said["hours"] = chance.randint(1, 20)
            if chance.random() < 0.4:
                said["misread"] = 3
                reread = calendar.later(chance, day + _DAY, 9)
                yield Event(reread, "reread", {"point": site.name})
            yield Event(day, "exchange", said)


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
            case "price" if "demand" not in PLANS[site.plan]:
                effective = month + _DAY * chance.choice([7, 20])
                yield _version(chance, day, site.plan, effective)
            case _:
                until = calendar.later(chance, day, 1)
                yield Event(day, "down", {"until": until.isoformat()})


WAYS = ("adjust", "parts", "leave", "full", "cancel", "adjust", "carries", "adjusted", "parts")
"""One after the other, so that each has its turns; see `corrections.py`."""


def _corrections(chance: random.Random, month: date) -> Iterator[Event]:
    """Issued bills are corrected: while the next is a draft, or is issued, or is to come yet."""
    end = month_after(month)
    if month == FIRST:
        return
    turn = (month.year * 12 + month.month) * 2
    for number, day in enumerate(chance.sample((4, 9, 16), 2)):
        said = {"way": WAYS[(turn + number) % len(WAYS)], "nth": chance.randrange(7)}
        yield Event(end + _DAY * (day - 1), "correct", said)


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
        plan = chance.choice(sorted(PLANS.keys() - {"CALLS"}))
        # A peak has one price a month.
        effective = month + _DAY * (0 if "demand" in PLANS[plan] else chance.choice([0, 0, 14]))
        days = [effective - _DAY, *(effective.replace(day=day) for day in (3, 16))]
        yield _version(chance, chance.choice(days), plan, effective)


# Most who pay by these are billed by the month: so there is somebody to be corrected.
_BY_THE_MONTH = ("HOME", "FLAT", "SOLAR", "HOWE", "HOME", "FLAT", "GAS", "SOLAR2", "PREPAID")


def _late_prices(chance: random.Random, month: date) -> Iterator[Event]:
    """Prices of days that are issued were wrong; sometimes that was wrong as well."""
    if month > FIRST:
        plan = chance.choice(_BY_THE_MONTH)
        within = 0 if "demand" in PLANS[plan] else chance.choice([0, 9])
        effective = month_after(month, -1) + _DAY * within
        end = month_after(month)
        event = _version(chance, end + _DAY * chance.choice([3, 8]), plan, effective)
        yield Event(event.day, "tariff", {**event.said, "reason": "the prices were wrong"})
        if chance.random() < 0.4:
            said = {"plan": plan, "effective": effective.isoformat()}
            yield Event(end + _DAY * chance.choice([15, 33]), "withdraw", said)


def _version(chance: random.Random, day: date, plan: str, effective: date) -> Event:
    """Other prices, from a date on."""
    said = dict(PLANS[plan])
    for name in ("standing", "flat", "peak", "off", "demand"):
        if name in said:
            said[name] = f"{chance.randint(50, 400) / 1000:.3f}"
    return Event(day, "tariff", {"plan": plan, "effective": effective.isoformat(), **said})

"""What meters count wrongly, and what people decide of days, from a seed; see `clerk.py`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from tests.life.episodes import OWN
from tests.life.events import Event
from tests.life.utility import FIRST, Site, month_after, moves_in

_DAY = timedelta(days=1)
_METHODS = (None, "LIKE_DAY", "DAY_KIND", "OWN_PROFILE")


def days_decided(
    chance: random.Random, days: Sequence[date], month: date, sites: Sequence[Site]
) -> Iterator[Event]:
    """What is decided of days, in a month.

    Args:
        chance: What draws it.
        days: Eventful ones of the month.
        month: Its first day.
        sites: Of the utility.
    """
    # Registers with six digits start again at 0 too often for a jump to be told from that.
    metered = [
        site
        for site in sites
        if site.period_s <= 3600 and site.digits == 8 and site.name not in OWN
    ]
    end = month_after(month)
    asked = set()
    if month == FIRST:
        yield Event(FIRST, "policy", {"class": "water-daily", "after": 4})
        for name, amount in (("electricity", "80"), ("volume", "14.00")):
            yield Event(FIRST, "limit", {"class": name, "amount": amount})
    if chance.random() < 0.5:
        site = chance.choice(metered)
        said = {"point": site.name, "hours": chance.randint(1, 20), "more": 90_000}
        yield Event(chance.choice(days), "jump", said)
        asked.add(site.name)
    if chance.random() < 0.7:
        site = chance.choice(metered)
        day, ago = chance.choice(days[2:]), chance.randint(3, 12)
        said = {"point": site.name, "ago": ago, "number": chance.randrange(23), "more": 250}
        yield Event(day, "edit", said)
        if chance.random() < 0.6:
            # Then a reading under it is another.
            later = chance.choice([one for one in [*days, end + 2 * _DAY] if one > day])
            back = ((later - day).days + ago) * 86400 // site.period_s
            yield Event(later, "conflict", {"point": site.name, "back": back, "more": 1})
            yield Event(later, "decide", {"point": site.name, "choice": "replace"})
        asked.add(site.name)
    if chance.random() < 0.4:
        site = chance.choice(metered)
        first = chance.choice(days[:2])
        count = chance.choice([30, 60, 90]) * 3600 // site.period_s
        yield Event(first, "lost", {"point": site.name, "hours": 3, "count": count})
        later = next(one for one in [*days, end + 3 * _DAY] if one > first + 6 * _DAY)
        yield Event(later, "estimate", {"point": site.name, "method": chance.choice(_METHODS)})
    if chance.random() < 0.4:
        points = [site.name for site in chance.sample(metered, 2)]
        said = {"points": points, "days": chance.choice([5, 6, 8])}
        if chance.random() < 0.5:
            said["storm"] = f"storm-{month:%Y-%m}"
        yield Event(chance.choice(days[:4]), "outage", said)
        asked |= {*points}
    clocks = [*_clocks(chance, days, metered)]
    yield from clocks
    asked |= {event.said["point"] for event in clocks}
    for point in sorted(asked):
        settled = chance.choice([end + 2 * _DAY, end + 7 * _DAY])
        yield Event(settled, "settle", {"point": point, "accept": chance.random() < 0.4})


def read_by_hand(
    chance: random.Random, days: Sequence[date], account: str, sites: Sequence[Site]
) -> Iterator[Event]:
    """A customer goes while nothing is heard of the meter; who comes for it reads it by hand.

    Args:
        chance: What draws it.
        days: Eventful ones of the month.
        account: Of who comes then.
        sites: Of the utility.
    """
    free = [one for one in sites if one.period_s <= 3600 and one.plan in {"HOME", "FLAT", "HOWE"}]
    site = chance.choice([one for one in free if one.name not in OWN])
    first = chance.choice(days[:4])
    told = next((one for one in days if one > first + 3 * _DAY), None)
    if told is None:
        return
    count = chance.choice([60, 75]) * 3600 // site.period_s
    yield Event(first, "lost", {"point": site.name, "hours": chance.randint(1, 8), "count": count})
    end = first + chance.choice([1, 2]) * _DAY
    yield Event(told, "leave", {"point": site.name, "end": end.isoformat(), "move": True})
    customer, agrees = moves_in(told, account, site.name, site.plan, end)
    yield customer
    yield replace(agrees, said={**agrees.said, "move": True})


def _clocks(
    chance: random.Random, days: Sequence[date], metered: Sequence[Site]
) -> Iterator[Event]:
    """The clock of a meter is wrong: for an hour or days, ahead or behind, by much or little."""
    if chance.random() < 0.4:
        site = chance.choice(metered)
        count = chance.choice([1, 30, 80]) * 3600 // site.period_s
        ahead_s = chance.choice([-7200, -240, 600, 5400])
        said = {"point": site.name, "hours": chance.randint(1, 20), "count": count}
        yield Event(chance.choice(days), "clock", {**said, "ahead_s": ahead_s})

"""What is paid, and what is charged once, from a seed; see `cashier.py`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tests.life.events import Event
from tests.life.utility import Site, month_after

_DAY = timedelta(days=1)


def paid(month: date, sites: Sequence[Site]) -> Iterator[Event]:
    """Some pay the bill of the month, or most of it; some are granted money, or given back."""
    end = month_after(month)
    numbers = [*range(1, len(sites) + 1)][month.month % 3 :: 3]
    for number in numbers[:3]:
        said = {"account": f"A-{number}", "part": 100 - 25 * (month.month % 2)}
        yield Event(end + 8 * _DAY, "pay", said)
    for number in numbers[2:4]:
        yield Event(end + 9 * _DAY, "refund", {"account": f"A-{number}", "part": 20})
    for number, site in enumerate(sites, start=1):
        if site.plan == "PREPAID":
            # Before the month's bill takes what was paid in.
            yield Event(end + 2 * _DAY, "refund", {"account": f"A-{number}", "part": 30})
        if site.plan == "PREPAID" and month.month % 2:
            said = {"account": f"A-{number}", "amount": 7.25, "granted": True}
            if month.month % 4 == 1:
                # More than the next bill comes to; the one behind it still pays.
                said |= {"amount": 180, "expires": (end + 40 * _DAY).isoformat()}
            yield Event(end + 8 * _DAY, "pay_in", {**said, "since": end.isoformat()})


def charged_once(
    chance: random.Random, days: Sequence[date], month: date, sites: Sequence[Site]
) -> Iterator[Event]:
    """Some are charged or credited once, also for days that are billed; some of it lapses.

    Args:
        chance: What draws it.
        days: Eventful ones of the month.
        month: Its first day.
        sites: Of the utility.
    """
    for _ in range(chance.choice([1, 2, 3])):
        account = f"A-{chance.randint(1, len(sites) + 8)}"
        day = chance.choice([*days, month_after(month) + 3 * _DAY])
        since = day - chance.choice([0, 1, 9, 40]) * _DAY
        cents = chance.choice([-1, 1, 1]) * chance.randint(5, 6_000)
        said = {"account": account, "amount": cents / 100, "taxed": chance.random() < 0.6}
        yield Event(day, "charge", {**said, "since": since.isoformat()})
        if chance.random() < 0.25:
            lapsed = day + chance.choice([0, 4, 20]) * _DAY
            yield Event(lapsed, "lapse", {"account": account})

"""Days that nobody is billed for, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tests.life.events import Event
from tests.life.utility import Site, month_after

_DAY = timedelta(days=1)


def suppressed(chance: random.Random, month: date, sites: Sequence[Site]) -> Iterator[Event]:
    """What is not billed of the month after, and sometimes is after all.

    Args:
        chance: What draws it.
        month: Its first day.
        sites: Of the utility.
    """
    if chance.random() < 0.5:
        point = chance.choice(sites).name
        day = month_after(month) + chance.choice([5, 8, 12]) * _DAY
        length = chance.choice([9, 20, 30, 31, 45])
        yield Event(day, "suppress", {"point": point, "days": length})
        if chance.random() < 0.4:
            yield Event(day + chance.choice([0, 11, 30]) * _DAY, "lift", {"point": point})

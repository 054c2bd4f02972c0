"""What the meters of a utility truly count, and what of it has arrived."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

IMPORT, EXPORT = "1-0:1.8.0*255", "1-0:2.8.0*255"
GAS, WATER = "7-0:3.0.0*255", "8-0:1.0.0*255"
OBIS = {
    "electricity": (IMPORT,),
    "solar": (IMPORT, EXPORT),
    "gas": (GAS,),
    "water": (WATER,),
}
SERVICE = {
    "electricity": "electricity",
    "solar": "electricity",
    "subscription": "usage",
    "gas": "gas",
    "water": "water",
}
"""What bills all that a point counts."""
INPUT = {IMPORT: "import", EXPORT: "export", GAS: "m3", WATER: "m3"}
DAY_S = 86_400
GAP = timedelta(hours=2)
"""A longer gap is not estimated."""


@lru_cache(maxsize=100_000)
def midnight(day: date, zone: str, hour: int = 0) -> datetime:
    """The first instant of a local day, UTC; no zone of these lives skips it.

    The days of gas begin at another `hour`.
    """
    local = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


@dataclass(frozen=True)
class Look:
    """How the gateway saw a meter's clock, when it took one of its readings.

    Args:
        at_ms: Of the reading. [ms since 1970 UTC]
        ahead_ms: How far the meter's clock was ahead; None where it was right again. [ms]
    """

    at_ms: int
    ahead_ms: int | None


@dataclass(frozen=True)
class WrongClock:
    """A stretch in which a meter's clock is wrong and dates what it read.

    Args:
        serial: Of the meter.
        first: Boundary at which it is seen to be wrong.
        end: Boundary at which it is seen to be right again.
        ahead: How far it is ahead meanwhile.
    """

    serial: str
    first: int
    end: int
    ahead: timedelta

    @property
    def places(self) -> set[int]:
        """The boundaries whose readings it dates."""
        return {*range(self.first, self.end)}


@dataclass(frozen=True)
class Run:
    """Readings of one register, ascending.

    Args:
        serial: Of the meter.
        obis: Which register.
        period_s: Between two readings.
        at_ms: Instants. [ms since 1970 UTC]
        values: What it shows.
        by_meter: The instants that the meter's own clock gave. [ms since 1970 UTC]
        looks: At the meter's clock.
    """

    serial: str
    obis: str
    period_s: int
    at_ms: NDArray[np.int64]
    values: NDArray[np.int64]
    by_meter: frozenset[int] = frozenset()
    looks: tuple[Look, ...] = ()

    def __len__(self) -> int:
        return len(self.at_ms)

    def part(self, first: int, count: int) -> Run:
        own = slice(first, first + count)
        return replace(self, at_ms=self.at_ms[own], values=self.values[own])


@dataclass
class Register:
    """A meter's register at a point, from one boundary to another.

    Args:
        serial: Of the meter.
        first: Boundary at which the meter went in.
        opening: What it showed then.
        modulus: At which it starts again at 0.
        end: Boundary at which it came out.
    """

    serial: str
    first: int
    opening: int
    modulus: int
    end: int | None = None


@dataclass
class Decided:
    """A day that a person decided; it stands as long as the readings under it are the same.

    Args:
        values: What it says.
        under: What its readings said.
        estimated: Whether it was estimated over its readings; then it is not metered.
    """

    values: NDArray[np.int64]
    under: NDArray[np.int64]
    estimated: bool = False


@dataclass
class Counter:
    """What is counted at a point: truth, and which readings the utility has.

    Args:
        point: Name.
        obis: Which quantity.
        zone: Of the point.
        period_s: Between two readings.
        start: Boundary 0, UTC.
        use: Truly used from each boundary to the next.
        registers: Of the meters that were there, in order.
        sent: Newest boundary that was sent, or lost.
        lost: Boundaries whose readings are lost as long as nobody finds them.
        wrong: Boundaries whose readings leap: to how much more they show.
        hour: At which its days begin.
    """

    point: str
    obis: str
    zone: str
    period_s: int
    start: datetime
    use: NDArray[np.int64]
    registers: list[Register] = field(default_factory=list)
    sent: int = 0
    lost: set[int] = field(default_factory=set)
    wrong: dict[int, int] = field(default_factory=dict)
    hour: int = 0

    def __post_init__(self) -> None:
        self.total = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.use)])
        self.arrived = np.zeros(len(self.total), np.bool_)
        self.decided = np.zeros(len(self.total), np.int64)
        self.validated = self.arrived.copy()
        self.validated_by = self.decided.copy()
        self.queued: set[int] = set()
        # What is written down too much of a meter that came out, by the boundary.
        self.misread: dict[int, int] = {}
        self.misread_validated: dict[int, int] = {}
        # What people decided of days, and of which they had the rest estimated.
        self.decided_days: dict[date, Decided] = {}
        self.guessed: set[date] = set()
        # Intervals in which it counted more than a connection carries, and days on which it stood
        # still, from one to another: until somebody settles it.
        self.jumps: set[int] = set()
        self.accepted_jumps: set[int] = set()
        # Those accepted while the connection carried something else: who judges their day again
        # asks again.
        self.doubted_jumps: set[int] = set()
        self.stills: set[tuple[date, date]] = set()
        # Its meter's clock was wrong, and the days that this concerns: until somebody settles it,
        # and those of which a person had decided something else by then.
        self.clocks: list[WrongClock] = []
        self.clock_days: set[date] = set()
        self.doubted_clock_days: set[date] = set()
        self.longest_still = 0
        # Readings that only somebody who came for a move brought.
        self.read_by_hand = 0
        # Days of which something is validated otherwise, or the first time, since it was asked.
        self.moved: set[date] = set()

    @cached_property
    def _first_day(self) -> date:
        return self._day_of(self.start)

    def _day_of(self, instant: datetime) -> date:
        """The day that holds an instant, as the clock on the wall shows it."""
        wall = instant.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return (wall - timedelta(hours=self.hour)).date()

    def begins(self, day: date) -> datetime:
        """The first instant of a day of it, UTC."""
        return midnight(day, self.zone, self.hour)

    def boundary(self, instant: datetime) -> int:
        """The last boundary that is not after an instant; those of a day are local midnights."""
        if self.period_s == DAY_S:
            return (self._day_of(instant) - self._first_day).days
        return (instant - self.start) // timedelta(seconds=self.period_s)

    def instant(self, boundary: int) -> datetime:
        if self.period_s == DAY_S:
            return self.begins(self._first_day + timedelta(days=boundary))
        return self.start + boundary * timedelta(seconds=self.period_s)

    def run(self, register: Register, places: NDArray[np.int64], values: NDArray[np.int64]) -> Run:
        """Readings of a register at some boundaries."""
        if self.period_s == DAY_S:
            instants = [self.instant(place).timestamp() for place in places.tolist()]
            at_ms = np.array(instants, np.int64) * 1000
        else:
            at_ms = self._at_ms(places)
        own = [one for one in self.clocks if one.serial == register.serial]
        wrong = {at for one in own for at in self._at_ms(np.array([*one.places])).tolist()}
        looks = []
        for one in own:
            first, end = self._at_ms(np.array([one.first, one.end])).tolist()
            looks += [Look(first, one.ahead // timedelta(milliseconds=1)), Look(end, None)]
        run = Run(register.serial, self.obis, self.period_s, at_ms, values)
        return replace(run, by_meter=frozenset(wrong), looks=tuple(looks))

    def _at_ms(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The instants of boundaries of what is read more than once a day."""
        return int(self.start.timestamp() * 1000) + places * (self.period_s * 1000)

    def of_day(self, day: date) -> slice:
        """The intervals of a local day."""
        first = self.boundary(self.begins(day))
        return slice(first, self.boundary(self.begins(day + timedelta(days=1))))

    def register_at(self, boundary: int) -> Register | None:
        """Whose reading stands at a boundary; at an exchange, the new meter's."""
        for one in reversed(self.registers):
            if one.first <= boundary and (one.end is None or boundary <= one.end):
                return one
        return None

    def shown(self, register: Register, boundary: int) -> int:
        """What a register truly shows."""
        used = int(self.total[boundary] - self.total[register.first])
        return (register.opening + used) % register.modulus

    def validate(self) -> None:
        """What has arrived is validated."""
        moved = (self.validated != self.arrived) | (self.validated_by != self.decided)
        places = {*np.flatnonzero(moved).tolist(), *self.queued, *self._reread()}
        # A boundary is of the interval before it, too.
        halves = {place * self.period_s // (DAY_S // 2) for place in places}
        middle = self.begins(self._first_day) + timedelta(hours=12)
        for half in halves:
            day = self._day_of(middle + timedelta(hours=12 * half))
            self.moved |= {day - timedelta(days=1), day, day + timedelta(days=1)}
        np.copyto(self.validated, self.arrived)
        np.copyto(self.validated_by, self.decided)
        self.queued.clear()
        self.misread_validated = dict(self.misread)

    def waits(self, first: int, last: int) -> bool:
        """Whether something of the boundaries from one to another waits for validation."""
        own = slice(max(0, first), last + 1)
        places = self.queued | self._reread()
        return (
            any(first <= place <= last for place in places)
            or not np.array_equal(self.validated[own], self.arrived[own])
            or not np.array_equal(self.validated_by[own], self.decided[own])
        )

    def _reread(self) -> set[int]:
        """Boundaries of which a read was written down otherwise since it was validated."""
        return {
            place
            for place in self.misread.keys() | self.misread_validated.keys()
            if self.misread.get(place) != self.misread_validated.get(place)
        }

    def known(self, first: int = 0, end: int | None = None) -> NDArray[np.bool_]:
        """Boundaries whose register is known: by a reading, or written down at an exchange.

        A life asks it of each day of years: only what is asked for is looked at.
        """
        known = self.validated[first:end].copy()
        for place in self.wrong:
            if 0 <= place - first < len(known):
                known[place - first] = False
        for register in self.registers:
            for read in (register.first, register.end):
                if read is not None and 0 <= read - first < len(known):
                    known[read - first] = True
        return known

    def count(self, first: int, use: NDArray[np.int64]) -> None:
        """From a boundary on it counts something else than what was used."""
        self.use[first : first + len(use)] = use
        self.total = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.use)])

    def watched(self, places: set[int]) -> set[int]:
        """Of some boundaries those whose readings must come.

        Where it jumps or stands still, or its clock is wrong.
        """
        near = {place + beside for place in self.jumps for beside in (-1, 0, 1, 2)}
        near |= {place for one in self.clocks for place in range(one.first, one.end + 1)}
        still = [
            (self.boundary(self.begins(first)), self.boundary(self.begins(end)))
            for first, end in self.stills
        ]
        return {
            place
            for place in places
            if place in near or any(first <= place <= end for first, end in still)
        }

    def metered(self, day: date) -> NDArray[np.int64]:
        """What the readings say of a day all of whose boundaries are known."""
        own = self.of_day(day)
        level = self.level(own.start, own.stop + 1)
        return np.diff(level) + self.misread_in(own.start, own.stop)

    def is_metered(self, first: date, end: date) -> bool:
        """Whether all of the days from one to another is read, or was edited by somebody."""
        start, stop = (self.boundary(self.begins(day)) for day in (first, end))
        days = (day for day, decided in self.decided_days.items() if decided.estimated)
        estimated = any(first <= day < end for day in days)
        return not estimated and bool(self.known(max(0, start), stop + 1).all())

    def is_overtaken(self, day: date) -> bool:
        """Whether readings under a day that a person decided have changed since."""
        return not np.array_equal(self.metered(day), self.decided_days[day].under)

    def misread_in(self, first: int, end: int) -> NDArray[np.int64]:
        """What is used in an interval too much, as a meter's last read was written down."""
        added = np.zeros(end - first, np.int64)
        for place, more in self.misread_validated.items():
            if first < place <= end:
                added[place - 1 - first] = more
        return added

    def level(self, first: int, end: int) -> NDArray[np.int64]:
        """What was used up to each boundary, as its reading says."""
        level: NDArray[np.int64] = self.total[first:end] + self.validated_by[first:end]
        return level


def usage(  # noqa: PLR0913, PLR0917 - whose, what, and when
    seed: int, point: str, obis: str, start: datetime, period_s: int, count: int
) -> NDArray[np.int64]:
    """What a household uses, in whole units; the sun gives nothing at night, and little in winter.

    Use is never nothing, so that a second value that is higher by one still fits its neighbours.
    """
    chance = np.random.default_rng(random.Random(f"{seed} {point} {obis}").getrandbits(64))  # noqa: S311
    per_hour = 3600 / period_s
    if obis in {GAS, WATER}:
        return chance.integers(100, 900, count, dtype=np.int64)
    hours = (np.arange(count) / per_hour) % 24
    if obis == EXPORT:
        days = (start - datetime(2026, 6, 21, tzinfo=UTC)).days + np.arange(count) / per_hour / 24
        summer = 1 + 0.9 * np.cos(days / 365.25 * 2 * np.pi)
        sun: NDArray[np.float64] = (
            summer * np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None) * 1600 / per_hour
        )
        return np.floor(sun * chance.uniform(0.2, 1.0, count)).astype(np.int64)
    base = 300 + 500 * np.clip(np.sin((hours - 12) / 6 * np.pi), 0, None)
    used: NDArray[np.int64] = (base / per_hour * chance.uniform(0.4, 1.6, count)).astype(np.int64)
    return used + 1

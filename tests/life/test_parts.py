"""The parts of the life test that need no database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest

from central.service.ingest.classify import Arrival, Readable, examine
from tests.life.asked import asked
from tests.life.books import Agreement, Books, Plan, Point, State
from tests.life.clock import steps
from tests.life.counted import Counted, Happened
from tests.life.draw import draw
from tests.life.events import Event, Life
from tests.life.oracle import half_away, rate_part
from tests.life.shrink import shrink
from tests.life.truth import IMPORT, WATER, Counter, Decided, Register, Run, midnight
from tests.life.utility import CORE, FIRST, MADRID, PLANS, YORK
from tests.life.validated import MISSING, Block, Blocks, UnlikeTruthError
from tests.life.wire import Sender
from tests.life.world import noon

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def counted(zone: str, obis: str, period_s: int, use: int, plan: str) -> tuple[Books, Counter]:
    """A point that uses the same in each interval of October."""
    start = midnight(OCTOBER, zone)
    count = int((midnight(NOVEMBER, zone) - start).total_seconds()) // period_s
    counter = Counter("P", obis, zone, period_s, start, np.full(count, use, np.int64))
    counter.registers.append(Register("S", 0, 0, 10**8))
    counter.arrived[:] = True
    counter.validate()
    said = Plan(plan, date(2026, 1, 1), PLANS[plan])
    books = Books(
        points={"P": Point("P", zone, "electricity", "gw", counters=[counter])},
        plans={plan: [said]},
        agreements=[Agreement("A", "P", plan, OCTOBER)],
    )
    return books, counter


def blocks(counter: Counter) -> Blocks:
    days = [OCTOBER + timedelta(days=number) for number in range(31)]
    return Blocks(
        {
            (counter.point, counter.obis, day): Block(counter.use[counter.of_day(day)].copy())
            for day in days
        }
    )


def test_a_month_by_time_of_use_is_what_a_clerk_computes() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    rated = rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), blocks(counter))
    assert rated is not None
    # 745 hours of 100 Wh, of which 22 working days have four hours of peak.
    assert rated.lines == {
        ("standing", ""): Decimal("5.00"),
        ("energy", "peak"): Decimal("2.64"),
        ("energy", "off"): Decimal("6.57"),
        ("vat", ""): Decimal("2.98"),
    }
    assert rated.kwh == Fraction(745, 10)


def test_parts_of_one_bill_share_what_it_is_charged_once() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    books.plans["SHOP"] = [Plan("SHOP", date(2026, 1, 1), PLANS["SHOP"])]
    change, stay = date(2026, 10, 12), (OCTOBER, NOVEMBER)

    def charged(plan: str, first: date, end: date) -> dict[tuple[str, str], Decimal]:
        found = rate_part(books, "P", plan, first, end, State(), blocks(counter), stay=stay)
        assert found is not None
        return dict(found.lines)

    # 11 and 20 of 31 days: of 5.00 a month, and of 4.10 a kW, which are 1.2 at least.
    assert charged("HOME", OCTOBER, change)["standing", ""] == Decimal("1.77")
    assert charged("HOME", change, NOVEMBER)["standing", ""] == Decimal("3.23")
    assert charged("SHOP", OCTOBER, change)["demand", ""] == Decimal("1.75")
    assert charged("SHOP", change, NOVEMBER)["demand", ""] == Decimal("3.17")


def test_steps_are_counted_by_the_days() -> None:
    books, counter = counted(YORK, WATER, 86400, 400, "WATER")
    rated = rate_part(books, "P", "WATER", OCTOBER, NOVEMBER, State(), blocks(counter))
    assert rated is not None
    # 12.4 m3: 6.2 at 0.45 and 6.2 at 0.90.
    assert rated.lines["energy", ""] == Decimal("2.79") + Decimal("5.58")


def test_a_block_unlike_the_readings_is_seen() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    wrong = blocks(counter)
    wrong.found[counter.point, IMPORT, date(2026, 10, 7)].values[3] += 1
    with pytest.raises(UnlikeTruthError, match="2026-10-07, interval 3: 101 instead of 100"):
        rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), wrong)


def test_estimates_that_do_not_sum_to_the_register_are_seen() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    counter.validated[250] = False
    right = blocks(counter)
    values = right.found[counter.point, IMPORT, date(2026, 10, 11)].values
    values[9:11] = 90, 110
    assert rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), right) is not None
    values[9:11] = 90, 111
    with pytest.raises(UnlikeTruthError, match="do not sum"):
        rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), right)


def test_a_long_gap_is_missing() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    counter.validated[250:252] = False
    found = blocks(counter)
    found.found[counter.point, IMPORT, date(2026, 10, 11)].values[9:12] = MISSING
    assert rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), found) is None


def test_a_decided_day_stands_until_its_readings_are_others() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    day, found = date(2026, 10, 7), blocks(counter)
    edited = counter.metered(day)
    edited[3] += 250
    counter.decided_days[day] = Decided(edited, counter.metered(day))
    with pytest.raises(UnlikeTruthError, match="interval 3: 100 instead of 350"):
        rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), found)
    found.found[counter.point, IMPORT, day] = Block(edited)
    rated = rate_part(books, "P", "HOME", OCTOBER, NOVEMBER, State(), found)
    assert rated is not None
    assert rated.kwh == Fraction(7475, 100)
    assert not asked(books, "P", (OCTOBER, NOVEMBER), surely=True)
    counter.decided[counter.of_day(day).start + 5] += 1
    counter.validate()
    assert asked(books, "P", (OCTOBER, NOVEMBER), surely=True)
    assert not asked(books, "P", (day + timedelta(days=1), NOVEMBER), surely=True)


def test_what_stands_still_is_asked_about_but_for_a_storm() -> None:
    books, counter = counted(MADRID, IMPORT, 3600, 100, "HOME")
    first, end = date(2026, 10, 7), date(2026, 10, 12)
    counter.stills.add((first, end))
    assert asked(books, "P", (OCTOBER, NOVEMBER), surely=True)
    within = date(2026, 10, 9)
    assert not asked(books, "P", (OCTOBER, within), surely=True)
    assert asked(books, "P", (OCTOBER, within), surely=False)
    books.suspended.add(("P", first))
    assert not asked(books, "P", (OCTOBER, NOVEMBER), surely=False)


def test_events_are_counted_in_their_newest_version_where_they_belong() -> None:
    events = Counted(zones={"SUB-1": MADRID, "SUB-2": MADRID})
    border = datetime(2026, 9, 30, 22, tzinfo=UTC)
    events.take("a", Happened("acme", border, Fraction(5), 1))
    events.take("b", Happened("acme", border - timedelta(minutes=1), Fraction(7), 1))
    assert events.nobodys() == 2
    events.assign("acme", "SUB-1", date(2026, 9, 1))
    assert events.nobodys() == 0
    # It is October in Madrid.
    assert events.total("SUB-1", OCTOBER, NOVEMBER) == 5
    events.take("a", Happened("acme", border, Fraction(11), 3))
    events.take("a", Happened("acme", border, Fraction(99), 2))
    assert events.total("SUB-1", OCTOBER, NOVEMBER) == 11
    events.moved.clear()
    events.assign("acme", "SUB-2", OCTOBER)
    assert events.moved == {("SUB-1", OCTOBER), ("SUB-2", OCTOBER), ("SUB-1", date(2026, 9, 30))}
    assert events.total("SUB-1", OCTOBER, NOVEMBER) == 0
    assert events.total("SUB-2", OCTOBER, NOVEMBER) == 11


def test_halves_go_away_from_zero() -> None:
    assert half_away(Fraction(5, 1000), 2) == Decimal("0.01")
    assert half_away(Fraction(-5, 1000), 2) == Decimal("-0.01")


def test_a_life_is_its_events() -> None:
    life = draw(5, 3)
    assert Life.parse(life.text()) == life
    assert draw(5, 3) == life
    assert draw(6, 3) != life


def test_stretches_turn_in_at_most_seven_days_and_events_singly() -> None:
    life = draw(5, 26, CORE)
    days = steps(life)
    gaps = {(after - before).days for before, after in pairwise(days)}
    assert max(gaps) == 7
    assert {event.day for event in life.events} <= set(days)
    for change in (date(2026, 10, 25), date(2027, 3, 28), date(2028, 3, 26)):
        assert {change, change + timedelta(days=1)} <= set(days)
    assert date(2028, 2, 29) in [life.first + timedelta(days=n) for n in range(800)]


async def test_a_life_is_shortened_to_what_makes_it_fail() -> None:
    events = tuple(
        Event(FIRST + timedelta(days=number), f"kind{number}", {}) for number in range(30)
    )
    tried = 0

    async def fails(life: Life) -> date | None:
        nonlocal tried
        tried += 1
        kinds = {event.kind for event in life.events}
        return FIRST + timedelta(days=21) if {"kind3", "kind20"} <= kinds else None

    life = Life(1, FIRST, FIRST + timedelta(days=40), events)
    short = await shrink(life, FIRST + timedelta(days=21), fails)
    assert [event.kind for event in short.events] == ["kind3", "kind20"]
    assert short.end == FIRST + timedelta(days=21)
    assert tried <= 60
    few = await shrink(life, FIRST + timedelta(days=21), fails, most=1)
    assert len(few.events) >= 2


def test_batches_are_packed_as_the_wire_says() -> None:
    sender = Sender("gw-1", UUID(int=7))
    at = np.arange(3, dtype=np.int64) * 900_000 + 1_800_000_000_000
    rising = Run("S1", IMPORT, 900, at, np.array([5, 9, 9], np.int64))
    gas = Run("G1", WATER, 86400, at[:1], np.array([77], np.int64))
    sender.seal(1, [rising, gas])
    examined = examine(Arrival("gw-1", sender.seal(1, [rising, gas]), noon(FIRST)))
    assert isinstance(examined, Readable)
    assert examined.batch.header.sequence == 2
    columns = examined.batch.columns
    assert columns.at_ms == [*at.tolist(), at[0]]
    assert columns.mantissa == [5, 9, 9, 77]
    assert [examined.batch.channels[place].serial for place in columns.channel] == [
        *["S1"] * 3,
        "G1",
    ]
    assert [str(channel.unit) for channel in examined.batch.channels] == ["Wh", "L"]

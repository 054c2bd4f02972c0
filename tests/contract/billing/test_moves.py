"""Customers move, meters are exchanged, agreements change: all steps at once, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import Party, RunType
from central.domain.billing.bill_window import BillWindow
from central.service.billing.find_candidates import FindCandidates
from central.service.billing.retry_held import do_runs
from central.service.moves.errors import MovedSinceError, NoSuchMoveError
from central.service.moves.requests import (
    AgreementChange,
    GivenRead,
    MeterExchange,
    MoveIn,
    MoveOut,
    NewMeter,
    ReadsAtMove,
)
from central.service.ports.moves import MoveKind
from central.service.ports.registry import PointChannelRecord, PointRecord
from central.service.ports.registry_services import ServiceRecord
from central.service.registry.record_changes import Effect
from central.service.validation.estimate_held import EstimateHeld
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.obis import ACTIVE_IMPORT, GAS_VOLUME
from firmware_bridge.contract.quantity import Unit
from tests.support.books import HOURLY, ZONE
from tests.support.daily_books import bill, run, settle
from tests.support.moved_books import MOVED, MOVED_ON, MovedUtility, moved_utility, read
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(MOVED)
ADA = Party("Ada Newcomer", ("Calle 9",))
NOVEMBER = date(2026, 11, 1)
CAME = MoveIn("A-9", "SP-1", "HOME", MOVED_ON, party=ADA, replaces=True)
WENT = MoveOut("A-1", "SP-1", NOVEMBER)
NOON = datetime(2026, 10, 12, 10, 17, tzinfo=UTC)
EXCHANGED = MeterExchange(
    "SP-2",
    NOON,
    NewMeter("MTL", "S9", gateway="gw-1"),
    closing=(GivenRead(ACTIVE_IMPORT, Decimal("123.4")),),
    opening=(GivenRead(ACTIVE_IMPORT, Decimal(0)),),
)


@pytest.fixture
async def moved(migrated: Database) -> AsyncIterator[MovedUtility]:
    async with moved_utility(migrated.dsn) as made:
        yield made


async def energy(moved: MovedUtility, account: str) -> Decimal:
    """What the bill of October charges."""
    record = await bill(moved.utility, account, "2026-10")
    assert record.kwh is not None, record.bill.holds
    return record.kwh


async def test_one_customer_follows_another_within_a_month_of_a_clock_change(
    moved: MovedUtility,
) -> None:
    outcome = await moved.moves().move_in(CAME, "sold the house")
    assert outcome.effect is Effect.ADDED
    assert [text.split()[-1] for text in outcome.steps] == [
        *(f"{MOVED_ON}.", "added.", f"{MOVED_ON}.")
    ]
    # The meter was read at that local midnight: nobody has to give a read.
    assert outcome.awaited == ()
    await moved.utility.validate()
    await run(moved.utility, "2026-10")
    # 24 days of 24 hours; six more and one of 25; 100 Wh an hour, all of it billed once.
    assert await energy(moved, "A-1") == Decimal("57.6")
    assert await energy(moved, "A-9") == Decimal("16.9")
    leaving, coming = [await bill(moved.utility, who, "2026-10") for who in ("A-1", "A-9")]
    (closing,), (opening,) = (record.bill.supplies[0].reads for record in (leaving, coming))
    at = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert (closing.closed, opening.opened) == (at, at)
    assert closing.closing == opening.opening == Decimal("58.6")


async def test_a_read_by_hand_is_one_reading_that_both_sides_use(moved: MovedUtility) -> None:
    came = MoveIn("A-9", "SP-2", "HOME", MOVED_ON, party=ADA, replaces=True, reads=read("431.5"))
    outcome = await moved.moves().move_in(came, "sold the house")
    assert "read at 2026-10-24T22:00Z: 431.5 kWh." in outcome.steps[-1]
    at = datetime(2026, 10, 24, 22, tzinfo=UTC)
    async with moved.store.transaction() as registry:
        for before in (True, False):
            (register,) = await registry.registers_at("SP-2", at, before=before)
            assert register.value == 431_500
    # Another at the end, and what lies between the two is what the week used.
    left = MoveOut("A-9", "SP-2", NOVEMBER, reads=read("443.6"))
    await moved.moves().move_out(left, "left")
    await moved.utility.validate()
    await run(moved.utility, "2026-10")
    tally = await EstimateHeld(
        moved.utility.window, moved.utility.validation, lambda: moved.utility.now
    )(BillWindow(10))
    assert tally.days > 0
    await run(moved.utility, "2026-10")
    assert await energy(moved, "A-9") == Decimal("12.1")


async def test_the_same_again_changes_nothing_and_another_is_refused(moved: MovedUtility) -> None:
    first = await moved.moves().move_in(CAME, "sold")
    content = await moved.content()
    again = await moved.moves().move_in(CAME, "sold")
    assert (again.effect, again.move) == (Effect.UNCHANGED, first.move)
    other = MoveIn("A-9", "SP-1", "DEAR", MOVED_ON, replaces=True)
    with pytest.raises(MeterlineError, match="says another tariff") as refused:
        await moved.moves().move_in(other, "sold")
    assert refused.value.code == "MOVE_DIFFERS"
    assert await moved.content() == content
    # Also after it ended: it does not come back to life.
    left = MoveOut("A-9", "SP-1", NOVEMBER)
    await moved.moves().move_out(left, "left")
    assert (await moved.moves().move_in(CAME, "sold")).effect is Effect.UNCHANGED
    assert (await moved.agreements("SP-1"))[-1].end == NOVEMBER


@pytest.mark.parametrize("kind", list(MoveKind))
async def test_a_preview_is_the_move_rolled_back(moved: MovedUtility, kind: MoveKind) -> None:
    moves = moved.moves()
    ways: dict[MoveKind, tuple[Any, Any]] = {
        MoveKind.MOVE_IN: (moves.move_in, CAME),
        MoveKind.MOVE_OUT: (moves.move_out, WENT),
        MoveKind.METER_EXCHANGE: (moves.exchange_meter, EXCHANGED),
        MoveKind.AGREEMENT_CHANGE: (
            moves.change_agreement,
            AgreementChange("A-1", "SP-1", "DEAR", MOVED_ON),
        ),
    }
    way, asked = ways[kind]
    content = await moved.content()
    seen = await way(asked, "why", preview=True)
    assert await moved.content() == content
    done = await way(asked, "why")
    assert (seen.move, seen.effect, seen.steps) == (None, done.effect, done.steps)
    (record,) = await moves.listed()
    assert (record.uid, record.move.kind, record.reason) == (done.move, kind, "why")
    assert await moves.listed(point="SP-3") == []


REFUSED: dict[str, MoveIn | MoveOut] = {
    "POINT_OCCUPIED": MoveIn("A-3", "SP-1", "HOME", MOVED_ON),
    "NOT_OCCUPIED": MoveOut("A-3", "SP-1", NOVEMBER),
    "READ_MISSING": MoveOut("A-2", "SP-2", NOVEMBER),
    "READ_DIFFERS": MoveOut("A-1", "SP-1", NOVEMBER, reads=read("99")),
    "NOT_REGISTERED": MoveIn("A-9", "SP-1", "HOME", MOVED_ON, replaces=True),
    "INVALID_VALUE": MoveOut("A-2", "SP-2", date(2027, 1, 1), reads=read("99")),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_move_that_cannot_be_is_refused_whole(moved: MovedUtility, code: str) -> None:
    content = await moved.content()
    asked = REFUSED[code]
    moves = moved.moves()
    way = moves.move_in(asked, "why") if isinstance(asked, MoveIn) else moves.move_out(asked, "why")
    with pytest.raises(MeterlineError) as refused:
        await way
    assert refused.value.code == code
    assert refused.value.remedy
    assert await moved.content() == content


async def test_future_agreements_and_issued_days_stand_in_the_way(moved: MovedUtility) -> None:
    moves = moved.moves()
    await moves.change_agreement(AgreementChange("A-1", "SP-1", "DEAR", date(2027, 1, 1)), "asked")
    await settle(moved.utility, "2026-10")
    content = await moved.content()
    with pytest.raises(MeterlineError, match="2027-01-01") as refused:
        await moves.move_out(WENT, "left")
    assert refused.value.code == "FUTURE_AGREEMENTS"
    for billed in (
        moves.change_agreement(AgreementChange("A-1", "SP-1", "DEAR", MOVED_ON), "asked"),
        moves.move_in(CAME, "sold"),
    ):
        with pytest.raises(MeterlineError, match="billed") as refused:
            await billed
        assert refused.value.code == "PERIOD_BILLED"
    assert await moved.content() == content


async def test_who_comes_at_the_same_time_comes_one_after_the_other(moved: MovedUtility) -> None:
    moves = moved.moves()
    await moves.move_out(WENT, "left")
    vacant = {number: MoveIn(f"A-{number}", "SP-1", "HOME", NOVEMBER) for number in (2, 3)}
    outcomes = await asyncio.gather(
        *(moves.move_in(asked, "came") for asked in vacant.values()), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, MeterlineError)]
    assert [one.code for one in refused] == ["POINT_OCCUPIED"]
    came = [one for one in outcomes if not isinstance(one, BaseException)]
    assert [one.effect for one in came] == [Effect.ADDED]
    # Twice the same at once is one.
    twice = await asyncio.gather(*(moves.exchange_meter(EXCHANGED, "broken") for _ in range(2)))
    assert sorted(one.effect for one in twice) == [Effect.ADDED, Effect.UNCHANGED]
    assert len({one.move for one in twice}) == 1


async def test_a_meter_is_exchanged_with_its_reads_and_back(moved: MovedUtility) -> None:
    moves = moved.moves()
    content = await moved.content()
    there = NewMeter("MTL", "S3")
    for asked, code in (
        (MeterExchange("SP-2", NOON, NewMeter("MTL", "S9", gateway="gw-1")), "READ_MISSING"),
        (MeterExchange("SP-2", NOON, NewMeter("MTL", "S9"), later=True), "NOT_REGISTERED"),
        (MeterExchange("SP-2", NOON, there, later=True), "REGISTRY_CONFLICT"),
    ):
        with pytest.raises(MeterlineError) as refused:
            await moves.exchange_meter(asked, "broken")
        assert refused.value.code == code
    assert await moved.content() == content
    done = await moves.exchange_meter(EXCHANGED, "broken")
    async with moved.store.transaction() as registry:
        old, new = await registry.installations("SP-2")
    assert (old.end, new.start, new.serial) == (NOON, NOON, "S9")
    assert old.registers[ACTIVE_IMPORT].closing == 123_400
    assert new.registers[ACTIVE_IMPORT].opening == 0
    assert done.move is not None
    await moves.undo(done.move, "wrong house")
    async with moved.store.transaction() as registry:
        (back,) = await registry.installations("SP-2")
    assert (back.serial, back.end, back.registers[ACTIVE_IMPORT].closing) == ("S2", None, None)
    # And again, as the second time a year.
    assert (await moves.exchange_meter(EXCHANGED, "broken")).effect is Effect.ADDED


async def test_a_late_exchange_names_the_issued_bills_and_makes_candidates_of_them(
    moved: MovedUtility, migrated: Database
) -> None:
    await settle(moved.utility, "2026-10")
    asked = MeterExchange(
        "SP-1",
        NOON,
        NewMeter("MTL", "S9", gateway="gw-1"),
        closing=(GivenRead(ACTIVE_IMPORT, Decimal("28.2")),),
        opening=(GivenRead(ACTIVE_IMPORT, Decimal(5)),),
    )
    outcome = await moved.moves().exchange_meter(asked, "seen on site")
    assert any("1 issued bill is concerned" in text for text in outcome.concerned)
    await moved.utility.validate()
    async with make_pool(migrated.dsn) as pool:
        store = TimescaleCandidates(pool)
        tally = await FindCandidates(store, lambda: moved.utility.now).changed()
        assert tally.opened == 1
        assert [each.account for each in await store.candidates(None, 10)] == ["A-1"]


async def test_a_move_out_is_taken_back_until_something_rests_on_it(moved: MovedUtility) -> None:
    moves = moved.moves()
    first = await moves.move_out(WENT, "left")
    assert "bill run --cycle 2026-10 --final" in first.steps[-1]
    assert first.move is not None
    came = await moves.move_in(MoveIn("A-3", "SP-1", "HOME", NOVEMBER), "came")
    assert came.move is not None
    with pytest.raises(MovedSinceError, match=str(came.move)):
        await moves.undo(first.move, "mistaken")
    await moves.undo(came.move, "mistaken")
    undone = await moves.undo(first.move, "mistaken")
    assert undone.effect is Effect.CHANGED
    assert [(each.account, each.end) for each in await moved.agreements("SP-1")] == [("A-1", None)]
    assert (await moves.undo(first.move, "mistaken")).effect is Effect.UNCHANGED
    # A second time, and billed: then it stays.
    second = await moves.move_out(WENT, "left after all")
    assert second.move not in {None, first.move}
    await settle(moved.utility, "2026-10")
    content = await moved.content()
    assert second.move is not None
    newcomer = await moves.move_in(MoveIn("A-3", "SP-1", "HOME", NOVEMBER), "came")
    assert newcomer.effect is Effect.ADDED
    with pytest.raises(MovedSinceError):
        await moves.undo(second.move, "mistaken")
    assert newcomer.move is not None
    await moves.undo(newcomer.move, "mistaken")
    assert (await moved.content())[0] == content[0]
    with pytest.raises(NoSuchMoveError):
        await moves.undo(newcomer.move.__class__(int=1), "mistaken")


async def test_another_tariff_is_agreed_from_a_day_on_and_billed_in_two_parts(
    moved: MovedUtility,
) -> None:
    moves = moved.moves()
    asked = AgreementChange("A-1", "SP-1", "DEAR", MOVED_ON)
    done = await moves.change_agreement(asked, "new contract")
    await run(moved.utility, "2026-10")
    record = await bill(moved.utility, "A-1", "2026-10")
    assert [(part.tariff, part.days.first, part.days.end) for part in record.bill.supplies] == [
        ("HOME", date(2026, 10, 1), MOVED_ON),
        ("DEAR", MOVED_ON, NOVEMBER),
    ]
    assert await energy(moved, "A-1") == Decimal("74.5")
    # What is in a draft stands in the way of taking it back, and is named.
    assert done.move is not None
    with pytest.raises(MeterlineError, match="discard") as refused:
        await moves.undo(done.move, "mistaken")
    assert refused.value.code == "PERIOD_BILLED"


async def test_a_read_that_is_to_come_is_awaited_and_one_that_is_late_may_be(
    moved: MovedUtility,
) -> None:
    moves = moved.moves()
    ahead = await moves.move_out(MoveOut("A-2", "SP-2", date(2026, 12, 1)), "will leave")
    assert ahead.awaited == ("the read of MTL/S2 1-0:1.8.0*255 at 2026-11-30T23:00Z",)
    late = MoveOut("A-3", "SP-3", NOVEMBER, reads=ReadsAtMove(later=True))
    assert len((await moves.move_out(late, "left")).awaited) == 1


async def test_a_gas_day_moves_at_six_in_summer_and_in_winter(moved: MovedUtility) -> None:
    enrol, moves = moved.utility.enrol, moved.moves()
    gas = PointChannelRecord(GAS_VOLUME, HOURLY, Unit.LITRE)
    sold = ServiceRecord("gas", day_start=time(6))
    await enrol.service_point(PointRecord("SP-9", ZONE), gas, services=[sold])
    came = MoveIn("A-3", "SP-9", "HOME", MOVED_ON, service="gas")
    await moves.move_in(came, "came")
    left = MoveOut("A-3", "SP-9", date(2026, 10, 26))
    await moves.move_out(left, "left")
    # The clock change lies in the gas day of the 24th, before the account came.
    hours = [each.move.at.astimezone(UTC).hour for each in await moves.listed(point="SP-9")]
    assert hours == [5, 5]
    await moves.move_in(replace(came, first=date(2026, 3, 29), end=MOVED_ON), "came earlier")
    (first, *_) = await moves.listed(point="SP-9")
    assert first.move.at.astimezone(UTC).hour == 4


async def test_each_step_is_audited_with_who_and_why(
    moved: MovedUtility, migrated: Database
) -> None:
    done = await moved.moves().move_in(CAME, "sold the house")
    with psycopg.connect(migrated.dsn) as connection:
        rows = connection.execute(
            "SELECT action, actor, detail ->> 'reason' FROM audit_log ORDER BY id DESC LIMIT 4"
        ).fetchall()
    assert {row[1:] for row in rows} == {("clerk", "sold the house")}
    assert [row[0] for row in rows] == [
        *("move.move_in", "agreement.added", "account.added", "agreement.changed")
    ]
    assert done.move is not None
    await moved.moves().undo(done.move, "mistaken")
    with psycopg.connect(migrated.dsn) as connection:
        newest = connection.execute(
            "SELECT action FROM audit_log ORDER BY id DESC LIMIT 1"
        ).fetchone()
        assert newest == ("move.undone",)
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("UPDATE move SET reason = 'another'")


async def test_the_night_makes_the_last_bills_of_who_moved_out(moved: MovedUtility) -> None:
    moves, utility = moved.moves(), moved.utility
    await moves.move_in(CAME, "sold the house")
    going = MoveOut("A-3", "SP-3", date(2026, 12, 1))
    await moves.move_out(going, "will leave")
    (last,) = await moved.store.left_unbilled(utility.now)
    assert (str(last.cycle), last.scope.account) == ("2026-10", "A-1")
    tally = await do_runs([last], utility.billing, lambda: utility.now, 500)
    assert (tally.runs, tally.held, tally.failed) == (1, 0, 0)
    record = await bill(utility, "A-1", "2026-10")
    assert (record.kwh, record.bill.run_type, record.creator) == (
        *(Decimal("57.6"), RunType.FINAL, "job:bill"),
    )
    # Whoever took over goes on, and nothing is left for the next night.
    assert await moved.store.left_unbilled(utility.now) == []
    after = datetime(2026, 12, 1, tzinfo=UTC)
    (later,) = await moved.store.left_unbilled(after)
    assert (str(later.cycle), later.scope.account) == ("2026-11", "A-3")

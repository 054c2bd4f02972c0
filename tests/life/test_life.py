"""A small utility lives for years on a real store; see docs/explanation/life.md."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.life.draw import draw
from tests.life.events import Life
from tests.life.failed import KEPT, Trials, keep_shortest
from tests.life.fault import Fault
from tests.life.faults import FAULTS
from tests.life.live import live
from tests.life.patches import PATCHES
from tests.life.violation import LifeBrokenError
from tests.support.servers import MIGRATED, Database, fresh_database
from tests.support.size import sized

LIVES = sized("METERLINE_LIVES", 1, 40)
# A year and its bill, and a month after it.
MONTHS = sized("METERLINE_LIFE_MONTHS", 14, 26)
# Lives in which issued bills are corrected: rating them again and again takes its time.
CORRECTED = sized("METERLINE_CORRECTED_LIVES", 0, 20)
CORRECTED_MONTHS = sized("METERLINE_CORRECTED_MONTHS", 26, 26)
# Lives in which people decide days, events are counted, bills are paid, and moves are use-cases.
DECIDED = sized("METERLINE_DECIDED_LIVES", 1, 20)
DECIDED_MONTHS = sized("METERLINE_DECIDED_MONTHS", 3, 26)
# Of the faults those that a life without their patch is tried with; what breaks them breaks most.
PLAIN = sized("METERLINE_LIFE_FAULTS", 4, len(FAULTS))
# Of the faults those that are brought back, to see that the lives notice.
BACK = sized("METERLINE_LIFE_FAULTS_BACK", 13, len(FAULTS))
# Lives that are lived at most to shorten one that failed.
TRIALS = sized("METERLINE_LIFE_TRIALS", 20, 200)
FIRST_SEED = int(os.environ.get("METERLINE_LIFE_SEED", "1"))
# A second value for a reading that is not there is none, a version that was withdrawn cannot be
# withdrawn again, a second one of its date needs a reason, a cycle begins between two bills, and
# no bill may say days of an agreement that is withdrawn. Of what is to be corrected nothing may be
# there, or something may be missing; and who has left gets no next bill.
REFUSED = {
    "correct UNKNOWN_NAME",
    "correct CORRECTION_HELD",
    "correct NO_NEXT_BILL",
    # Days are left out behind an issued bill only, and billed after all where none is behind them.
    "suppress UNKNOWN_NAME",
    "suppress CANNOT_SUPPRESS",
    "lift UNKNOWN_NAME",
    "lift CANNOT_LIFT",
    "conflict UNKNOWN_NAME",
    "tariff REGISTRY_CONFLICT",
    "withdraw NOT_REGISTERED",
    "unagree PERIOD_BILLED",
    "unagree UNKNOWN_NAME",
    "agree REGISTRY_CONFLICT",
    "agree POINT_OCCUPIED",
    "leave UNKNOWN_NAME",
    "assign PERIOD_BILLED",
    "assign REGISTRY_CONFLICT",
    # No jump is where readings are missing, and nothing is edited or estimated there without need;
    # nor is a bill paid that gives money back.
    "jump UNKNOWN_NAME",
    "outage UNKNOWN_NAME",
    "clock UNKNOWN_NAME",
    "leap UNKNOWN_NAME",
    "edit UNKNOWN_NAME",
    "estimate UNKNOWN_NAME",
    "estimate NOT_ESTIMATED",
    "pay UNKNOWN_NAME",
    # Who has several places, or owes nothing that lapses, or whose bill says it by now.
    "charge UNKNOWN_NAME",
    "lapse UNKNOWN_NAME",
    "lapse ENTRY_CONSUMED",
    # Who paid nothing yet, or whose bill has taken what was paid in.
    "refund UNKNOWN_NAME",
    "refund ENTRY_CONSUMED",
}
EVENTFUL = (
    *("lost", "silent", "doubled", "conflict", "leap", "exchange", "leave", "tariff"),
    *("cutover", "poison", "capacity", "accept", "pay_in"),
    *("service", "switch", "right_end", "channel"),
)
# Each ends when the product is mended; then the fault becomes a patch that brings it back.
NOT_MENDED = {fault.name for fault in FAULTS} - PATCHES.keys()


def spread(faults: Sequence[Fault], count: int) -> Sequence[Fault]:
    """At most so many of them, evenly among all."""
    return faults[:: -(-len(faults) // count)]


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + LIVES))
async def test_a_life_breaks_no_invariant(
    migrated: Database,
    seed: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    life = draw(seed, MONTHS)
    began = time.monotonic()
    try:
        lived = await live(life, migrated.dsn)
    except LifeBrokenError as error:
        trials = Trials(migrated.server, migrated.kind, error.numbers)
        path = tmp_path / f"life-{seed}.json"
        error.add_note(f"Kept in {await keep_shortest(life, error, trials, path, TRIALS)}")
        raise
    took = time.monotonic() - began
    record_property("lived", f"{took:.0f} s, {lived.steps} steps, {lived.judged} bills judged")
    assert lived.bills["issued"] > MONTHS * 10
    assert lived.judged > MONTHS * 30
    assert set(lived.refusals) <= REFUSED
    for kind in EVENTFUL:
        assert lived.met[kind] or MONTHS < 26, f"no {kind} in this life"


DECIDED_KINDS = (
    *("jump", "outage", "clock", "edit", "estimate", "settle", "policy"),
    *("happens", "undone", "belongs", "pay", "charge", "refund", "AMOUNT_LIMIT"),
    "read by hand",
)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + DECIDED))
async def test_a_life_in_which_people_decide_days_breaks_no_invariant(
    plain_migrated: Database, seed: int
) -> None:
    lived = await live(draw(seed, DECIDED_MONTHS, decided=True), plain_migrated.dsn)
    assert set(lived.refusals) <= REFUSED
    missed = {kind for kind in DECIDED_KINDS if not lived.met[kind]}
    # A short life has not all of them.
    assert not missed or (DECIDED_MONTHS < 26 and len(missed) <= 2), missed


if CORRECTED:

    @pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + CORRECTED))
    async def test_a_life_whose_bills_are_corrected_breaks_no_invariant(
        plain_migrated: Database, seed: int
    ) -> None:
        lived = await live(
            draw(seed, CORRECTED_MONTHS, corrected=True, decided=True), plain_migrated.dsn
        )
        assert set(lived.refusals) <= REFUSED
        # Some lives have no occasion for one or the other way.
        ways = {way for way in lived.ways if " " not in way}
        assert len(ways) >= min(5, CORRECTED_MONTHS // 2), ways


async def test_a_life_that_failed_once_fails_no_more(plain_migrated: Database) -> None:
    paths = sorted(KEPT.glob("*.json"))
    if not paths:
        pytest.skip("no life that failed is kept: none has found a fault that is not named yet")
    for path in paths:
        with fresh_database(plain_migrated.server, plain_migrated.kind, MIGRATED) as fresh:
            await live(Life.parse(path.read_text(encoding="utf-8")), fresh.dsn)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault,
            id=fault.name,
            marks=pytest.mark.xfail(
                fault.name in NOT_MENDED,
                reason=f"invariant {fault.number} sees: {fault.name}",
                raises=LifeBrokenError,
            ),
        )
        for fault in spread(FAULTS, PLAIN)
    ],
)
async def test_a_fault_of_before_is_no_more(plain_migrated: Database, fault: Fault) -> None:
    try:
        lived = await live(fault.life(), plain_migrated.dsn, accrued=False)
    except LifeBrokenError as error:
        if fault.number not in error.numbers:
            pytest.fail(f"invariant {fault.number} does not see it: {error}")
        raise
    # A life of which the store takes nothing breaks no invariant.
    assert not [refused for refused in lived.refusals if "STORE" in refused]


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=fault.name) for fault in spread(FAULTS, BACK) if fault.name in PATCHES],
)
async def test_a_fault_that_comes_back_is_seen(
    plain_migrated: Database, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    PATCHES[fault.name](monkeypatch)
    with pytest.raises(LifeBrokenError) as broken:
        await live(fault.life(), plain_migrated.dsn, accrued=False)
    assert fault.number in broken.value.numbers, broken.value

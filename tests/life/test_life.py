"""A small utility lives for years on a real store; see docs/explanation/life.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from central.adapters.timescale.migrate import migrate
from tests.life.draw import draw
from tests.life.faults import FAULTS, Fault
from tests.life.live import live
from tests.life.patches import PATCHES
from tests.life.violation import LifeBrokenError
from tests.support.servers import Database
from tests.support.size import sized

LIVES = sized("METERLINE_LIVES", 1, 40)
MONTHS = sized("METERLINE_LIFE_MONTHS", 26, 26)
FIRST_SEED = 1
# Each ends when the product is mended; then the fault becomes a patch that brings it back.
NOT_MENDED = {fault.name for fault in FAULTS} - PATCHES.keys()


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + LIVES))
async def test_a_life_breaks_no_invariant(database: Database, seed: int, tmp_path: Path) -> None:
    migrate(database.dsn)
    life = draw(seed, MONTHS)
    try:
        lived = await live(life, database.dsn)
    except LifeBrokenError:
        kept = life.keep(tmp_path / f"life-{seed}.json")
        print(f"The life is kept in {kept}")  # noqa: T201 - for whoever reads the failure
        raise
    assert lived.bills["issued"] > MONTHS * 3
    assert lived.judged > MONTHS * 6
    for kind in ("lost", "silent", "doubled", "conflict", "decide", "leave", "tariff"):
        assert lived.met[kind] or MONTHS < 12, f"no {kind} in this life"


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
        for fault in FAULTS
    ],
)
async def test_a_fault_of_before_is_no_more(plain_database: Database, fault: Fault) -> None:
    migrate(plain_database.dsn)
    try:
        await live(fault.life(), plain_database.dsn)
    except LifeBrokenError as error:
        if fault.number not in error.numbers:
            pytest.fail(f"invariant {fault.number} does not see it: {error}")
        raise


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault.name) for fault in FAULTS if fault.name in PATCHES]
)
async def test_a_fault_that_comes_back_is_seen(
    plain_database: Database, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(plain_database.dsn)
    PATCHES[fault.name](monkeypatch)
    with pytest.raises(LifeBrokenError) as broken:
        await live(fault.life(), plain_database.dsn)
    assert fault.number in broken.value.numbers, broken.value

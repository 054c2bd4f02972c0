"""Bits flip in the files that a killed agent left: database, log, and what is set aside.

One bit anywhere loses nothing. Where more is overwritten, all but what was hit is kept: every
sequence is there, as it was or as a void batch, and the counts add up. METERLINE_FLIPS sets how
many files are damaged, METERLINE_FLIP_SEED where.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from edge_agent.buffer.buffer import Buffer
from firmware_bridge.contract.envelope import open_batch
from tests.support.power_cut.contents import BUFFER, GATEWAY, T0, cycle, held, readings
from tests.support.power_cut.disk import lay_out
from tests.support.size import sized

FILES = sized("METERLINE_FLIPS", 32, 4_000)
SEED = int(os.environ.get("METERLINE_FLIP_SEED", "20261124"))
LOG = BUFFER + "-wal"
OVERWRITTEN = [(name, size) for name in (BUFFER, LOG) for size in (8, 64, 512)]
# In 512 bytes stand parts of some three batches.
HIT_MAX = 4
# Damage of more than a bit in a log's last two commits looks like what a power cut leaves of one.
UNPROVEN = {89, 90}
ALARMS = {"buffer_damaged", "buffer_set_aside"}
CYCLES_AFTER = 3

Count = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Left:
    """What a killed agent left, and what was committed."""

    files: dict[str, bytes]
    batches: dict[int, tuple[int, ...]]
    held: frozenset[int]

    @property
    def readings(self) -> set[int]:
        return {value for values in self.batches.values() for value in values} | self.held


@pytest.fixture
def memory() -> Iterator[Path]:
    shared = Path("/dev/shm")  # noqa: S108 - a fresh folder within
    with TemporaryDirectory(
        prefix="meterline-flip-", dir=shared if shared.is_dir() else None
    ) as at:
        yield Path(at)


def on_disk(home: Path) -> dict[str, bytes]:
    return {name: (home / name).read_bytes() for name in (BUFFER, LOG)}


async def left_behind(home: Path) -> Left:
    """Half of it in the database, the rest in the log, which has been round once."""
    buffer = await Buffer.open(home / BUFFER, GATEWAY, T0)
    for number in range(1, 90):
        await buffer.store(cycle(number, 90 if number % 9 == 0 else 2))
        if number == 30:
            header = open_batch(GATEWAY, await buffer.fetch(buffer.current, 20, T0)).header
            buffer.acknowledge(buffer.current, 20, header.sha256, T0)
        if number in {40, 60}:
            await buffer.engine.database.checkpoint()
    await buffer.store(cycle(90, 1, held=[held(500, 3)]))
    files = on_disk(home)
    batches = {}
    for sequence in range(1, buffer.last + 1):
        payload = await buffer.fetch(buffer.current, sequence, T0)
        batches[sequence] = tuple(open_batch(GATEWAY, payload).columns.mantissa)
    await buffer.close()
    return Left(
        files,
        batches,
        frozenset(reading.mantissa for reading in held(500, 3).readings),
    )


async def damaged(left: Left, home: Path, change: Callable[[dict[str, bytearray]], None]) -> Buffer:
    """A buffer opened from damaged files."""
    files = {name: bytearray(data) for name, data in left.files.items()}
    change(files)
    lay_out({name: bytes(data) for name, data in files.items()}, home)
    return await Buffer.open(home / BUFFER, GATEWAY, T0)


async def go_on(buffer: Buffer) -> Counter[str]:
    """A few cycles more, with every batch read; how often each event was noted."""
    for number in range(CYCLES_AFTER):
        await buffer.store(cycle(1_000 + number, 2))
        await readings(buffer)
    await buffer.flush()
    rows = await buffer.engine.database.rows("SELECT code FROM event")
    return Counter(row[0] for row in rows)


def fresh() -> set[int]:
    return {r.mantissa for n in range(CYCLES_AFTER) for r in cycle(1_000 + n, 2).readings}


@pytest.mark.parametrize("name", [BUFFER, LOG])
async def test_one_flipped_bit_loses_no_reading(
    name: str, memory: Path, tmp_path: Path, record_property: Count
) -> None:
    left = await left_behind(tmp_path)
    random = Random(f"{SEED}/{name}")  # noqa: S311 - repeatable
    aside = 0
    for number in range(FILES // 2):
        # The first page is where most of what SQLite cannot do without stands.
        size = 4096 if number % 4 == 0 else len(left.files[name])
        position, bit = random.randrange(size), random.randrange(8)

        def flip(
            files: dict[str, bytearray], name: str = name, at: int = position, bit: int = bit
        ) -> None:
            files[name][at] ^= 1 << bit

        home = memory / str(number)
        buffer = await damaged(left, home, flip)
        found = await readings(buffer)
        events = await go_on(buffer)
        after = await readings(buffer)
        counts = await buffer.counts()
        await buffer.close()
        aside += any(".damaged-" in file for file in os.listdir(home))  # noqa: PTH208 - no Path in async code
        where = f"bit {bit} of byte {position}"
        assert found.keys() == left.readings, where
        assert max(found.values()) == 1, f"{where}: doubled"
        assert after.keys() == left.readings | fresh(), where
        assert counts.reconcile, where
        assert all(events[code] <= 1 for code in ALARMS), (where, events)
        shutil.rmtree(home)
    record_property("seed", SEED)
    record_property("bits flipped", FILES // 2)
    record_property("files set aside", aside)
    record_property("readings lost", 0)


async def test_what_is_overwritten_is_void_and_all_else_is_kept(
    memory: Path, tmp_path: Path, record_property: Count
) -> None:
    left = await left_behind(tmp_path)
    random = Random(f"{SEED}/noise")  # noqa: S311 - repeatable
    void = lost = 0
    for number in range(FILES // 2):
        name, size = OVERWRITTEN[number % len(OVERWRITTEN)]
        position = random.randrange(len(left.files[name]) - size)
        noise = random.randbytes(size)

        def overwrite(
            files: dict[str, bytearray], name: str = name, at: int = position, data: bytes = noise
        ) -> None:
            files[name][at : at + len(data)] = data

        home = memory / str(number)
        buffer = await damaged(left, home, overwrite)
        found = await readings(buffer)
        gone = left.readings - found.keys()
        hit = {n for n, values in left.batches.items() if gone & set(values)}
        counts = await buffer.counts()
        events = await go_on(buffer)
        await buffer.close()
        where = f"{size} bytes at {position} of {name}"
        assert found.keys() <= left.readings, where
        assert max(found.values()) == 1, f"{where}: doubled"
        assert len(hit) <= HIT_MAX, where
        assert counts.reconcile, where
        assert all(events[code] <= 1 for code in ALARMS), (where, events)
        if not (name == LOG and hit <= UNPROVEN):
            assert counts.voided == len(gone), where
        void, lost = void + len(hit), lost + len(gone)
        shutil.rmtree(home)
    assert void, "nothing that was overwritten held a batch: it proves nothing"
    record_property("files overwritten", FILES // 2)
    record_property("batches void", void)
    record_property("readings in them", lost)

"""Import files of metered values (NEM12, NEM13, Green Button), through ingest like a gateway's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.values import MeteredFile
from central.service.ingest.import_readings import ImportedReadings, store_readings
from central.service.ingest.ingest import Ingest
from central.service.ingest.rows import FUTURE, PAST, RowCode
from central.service.interval_files.as_readings import MeteredRow, rows_of
from firmware_bridge.contract.reading import Reading


@dataclass(frozen=True, slots=True)
class ImportedIntervals:
    """What became of a file of metered values.

    Args:
        values: How many it has.
        imported: What became of the readings that they are.
        left_out: Values that are no readings, by the code that says why.
        lost: Values of which no reading says all, by what is lost.
    """

    values: int
    imported: ImportedReadings
    left_out: Counter[str]
    lost: Counter[str]


def dry_run_of(contents: MeteredFile | GreenButtonFile, now: datetime) -> Iterator[MeteredRow]:
    """Every value of a file with what would be stored of it, as `import_intervals` would.

    What ingest sets aside for its time is left out by its code; whether a reading is there already,
    or another in its place, only the store knows.

    Args:
        contents: The file.
        now: Aware.
    """
    for row in rows_of(contents):
        outside = any(not now - PAST <= each.at <= now + FUTURE for each in row.readings)
        yield replace(row, left_out=RowCode.START_OUT_OF_RANGE.value) if outside else row


async def import_intervals(  # noqa: PLR0913, PLR0917 - what, under which name, who and when
    ingest: Ingest,
    gateway: str,
    contents: MeteredFile | GreenButtonFile,
    digest: bytes,
    actor: Actor,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[int], None] = lambda _: None,
) -> ImportedIntervals:
    """Store the values of a file under a gateway's name, each with the quality that it has.

    Args:
        ingest: The use-case.
        gateway: An enrolled gateway; points that are not known yet appear behind it as meters.
        contents: The file.
        digest: SHA-256 of its bytes: the same twice counts once.
        actor: Who asks.
        clock: Now, aware.
        progress: Told how many readings were sent, after each batch.

    Raises:
        StoreUnavailableError: Call again with the same file.
    """
    values = 0
    left_out: Counter[str] = Counter()
    lost: Counter[str] = Counter()

    def readings() -> Iterator[Reading]:
        nonlocal values
        for row in rows_of(contents):
            values += 1
            lost.update(row.lost)
            if row.left_out is not None:
                left_out[row.left_out] += 1
            yield from row.readings

    imported = await store_readings(ingest, gateway, readings(), digest, actor, clock, progress)
    return ImportedIntervals(values, imported, left_out, lost)

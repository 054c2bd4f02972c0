"""Readings of a file: all of its lines can be read, or nothing of it is stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from central.service.ingest.import_readings import (
    ImportedReadings,
    ReadingsRefusedError,
    import_readings,
)
from central.service.ingest.ingest import Ingest
from tests.support.actors import CLERK, noted
from tests.support.memory.ingest import MemoryIngestStore

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HEADING = "manufacturer;serial;obis;unit;at;value\n"
LINE = "MTL;S1;1.8.0;Wh;2026-10-01T0{hour}:00Z;{value}\n"


async def imported(
    store: MemoryIngestStore, *values: str, heading: str = HEADING, comma: bool = False
) -> ImportedReadings:
    lines = (LINE.format(hour=hour, value=value) for hour, value in enumerate(values))
    return await import_readings(
        Ingest(store, lambda: NOW),
        "files",
        "\ufeff" + heading + "".join(lines),
        CLERK,
        lambda: NOW,
        decimal_comma=comma,
    )


@pytest.fixture
async def store() -> MemoryIngestStore:
    made = MemoryIngestStore()
    await made.enrol("files", noted(NOW))
    return made


async def test_every_line_at_fault_is_named_and_nothing_is_stored(store: MemoryIngestStore) -> None:
    with pytest.raises(ReadingsRefusedError) as refused:
        await imported(store, "1", "1,234", "2", "many", "1;234")
    assert refused.value.message == (
        "The readings cannot be read: line 3: '1,234' has a comma: write a decimal point, or say"
        " `--decimal-comma`; leave thousands unmarked; line 5: 'many' is not a number; line 6: it"
        " has 7 columns instead of 6; set columns apart by semicolons where numbers have a decimal"
        " comma."
    )
    assert store.state.readings == {}
    with pytest.raises(ReadingsRefusedError, match="no column 'value'"):
        await imported(store, "1", heading=HEADING.replace("value", "worth"))


async def test_a_decimal_comma_is_read_exactly_where_it_is_named(store: MemoryIngestStore) -> None:
    done = await imported(store, "1,5", "1,234", comma=True)
    assert (done.readings, done.rows, done.reasons) == (2, {"stored": 2}, {})
    kept = sorted((row.mantissa, row.exponent) for row in store.state.readings.values())
    assert kept == [(15, -1), (1234, -3)]


async def test_what_is_not_stored_says_why(store: MemoryIngestStore) -> None:
    await imported(store, "1", "2", "3")
    done = await imported(store, "1", "7", "3", "4")
    assert done.rows == {"stored": 1, "duplicate": 2, "conflict": 1}
    assert sum(done.reasons.values()) == 1

"""Import readings from a file, through ingest like any gateway's.

The file is a CSV as spreadsheets write it, with a header: manufacturer, serial, obis, at (RFC
3339), value, unit, and optionally source (profile or live) and period_s. Its content names the
epoch, so that the same file twice is a duplicate and never counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import OutcomeKind
from central.service.ports.decisions import DecisionNote
from central.service.spreadsheet import listed_faults, number_of, records_of
from firmware_bridge.contract.envelope import NO_HASH, Link, seal
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source

COLUMNS = ("manufacturer", "serial", "obis", "at", "value", "unit")
_OPTIONAL = ("source", "period_s")
_FATES = ("stored", "duplicate", "conflict", "quarantined")
_BATCH = 900
_PERIOD_S = 900


class ReadingsRefusedError(ConfigurationError):
    """A file of readings cannot be read; nothing of it is stored."""

    code = "READINGS_REFUSED"


@dataclass(frozen=True, slots=True)
class ImportedReadings:
    """What became of a file.

    Args:
        readings: How many it has.
        outcomes: Batches by what became of them.
        rows: Readings by what became of them: stored, duplicate, conflict, quarantined.
        reasons: Readings that are not stored, by the code that says why.
    """

    readings: int
    outcomes: Counter[OutcomeKind]
    rows: Counter[str]
    reasons: Counter[str]


async def import_readings(  # noqa: PLR0913, PLR0917 - what, how it is written, who and when
    ingest: Ingest,
    gateway: str,
    text: str,
    actor: Actor,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[int], None] = lambda _: None,
    *,
    decimal_comma: bool = False,
) -> ImportedReadings:
    """Store the readings of a file under a gateway's name.

    Args:
        ingest: The use-case.
        gateway: An enrolled gateway; meters that are not known yet appear behind it. The readings
            are marked as imported, and say nothing of whether it is there.
        text: The file.
        actor: Who asks.
        clock: Now, aware.
        progress: Told how many readings were sent, after each batch.
        decimal_comma: Whether a comma in a number is the decimal one.

    Raises:
        ReadingsRefusedError: Lines cannot be read; says why of each.
        StoreUnavailableError: Call again with the same file.
    """
    _check(text, decimal_comma=decimal_comma)
    rows = (row for _, row in _rows(text, decimal_comma=decimal_comma) if isinstance(row, Reading))
    digest = sha256(text.encode()).digest()
    return await store_readings(ingest, gateway, rows, digest, actor, clock, progress)


async def store_readings(  # noqa: PLR0913, PLR0917 - what, under which name, who and when
    ingest: Ingest,
    gateway: str,
    rows: Iterator[Reading],
    digest: bytes,
    actor: Actor,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[int], None] = lambda _: None,
) -> ImportedReadings:
    """Store readings that somebody gives under a gateway's name.

    Args:
        ingest: The use-case.
        gateway: An enrolled gateway, see `import_readings`.
        rows: The readings, the same each time for the same digest.
        digest: SHA-256 of what they were read from: the same twice counts once.
        actor: Who asks.
        clock: Now, aware.
        progress: Told how many readings were sent, after each batch.

    Raises:
        StoreUnavailableError: Call again with the same.
    """
    outcomes: Counter[OutcomeKind] = Counter()
    fates: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    sequence, previous, count = 0, NO_HASH, 0
    note = DecisionNote(actor, "", clock())
    epoch = await ingest.begin_import(note, gateway, digest)
    while batch := list(islice(rows, _BATCH)):
        sequence += 1
        # Sealed at a time that the file gives, so that the same file seals the same bytes.
        sealed = seal(Link(gateway, epoch, sequence, previous), _latest(batch), batch)
        previous = sealed.sha256
        result = await ingest.commit(
            [examine(Arrival(gateway, sealed.payload, clock(), is_imported=True))]
        )
        outcomes.update(outcome.kind for outcome in result.outcomes)
        for outcome in result.outcomes:
            fates.update({fate: getattr(outcome, fate) for fate in _FATES})
            left = len(batch) - outcome.stored - outcome.duplicate
            if left and outcome.kind is not OutcomeKind.DUPLICATE:
                reasons[outcome.code] += left
        count += len(batch)
        progress(count)
    ended = {"readings": count} | {kind.value: batches for kind, batches in outcomes.items()}
    note = DecisionNote(actor, "", clock())
    await ingest.audit(note, "readings.imported", str(epoch), change(None, ended))
    return ImportedReadings(count, outcomes, +fates, reasons)


def _latest(batch: Sequence[Reading]) -> datetime:
    return max(reading.at for reading in batch)


def _check(text: str, *, decimal_comma: bool) -> None:
    """Read it to its end before anything is stored."""
    faults: list[str] = []
    try:
        for line, row in _rows(text, decimal_comma=decimal_comma):
            if isinstance(row, str):
                faults.append(f"line {line}: {row}")
    except ValueError as error:
        faults.append(str(error))
    if faults:
        message = f"The readings cannot be read: {listed_faults(faults)}."
        remedy = f"The first line names the columns: {', '.join(COLUMNS)}."
        raise ReadingsRefusedError(message, value=faults, remedy=remedy)


def _rows(text: str, *, decimal_comma: bool) -> Iterator[tuple[int, Reading | str]]:
    """Each line's reading, or what is wrong with it."""
    for line, record in records_of(text, COLUMNS, (*COLUMNS, *_OPTIONAL)):
        if isinstance(record, str):
            yield line, record
            continue
        try:
            yield line, reading_of(record, decimal_comma=decimal_comma)
        except (ValueError, KeyError, TypeError, InvalidValueError) as error:
            yield line, str(error).rstrip(".")


def reading_of(row: Mapping[str, str], *, decimal_comma: bool = False) -> Reading:
    """The reading of a register that a row says.

    Args:
        row: Texts under the columns of a file.
        decimal_comma: Whether a comma in a number is the decimal one.

    Raises:
        ValueError, KeyError, InvalidValueError: It is no reading.
    """
    unit = Unit(row["unit"])
    channel = Channel(
        row["manufacturer"],
        row["serial"],
        Obis.parse(row["obis"]),
        Kind.REGISTER,
        int(row.get("period_s") or _PERIOD_S),
        Source[(row.get("source") or "profile").upper()],
        unit,
    )
    quantity = Quantity.from_decimal(number_of(row["value"], decimal_comma=decimal_comma), unit)
    at = datetime.fromisoformat(row["at"])
    if at.tzinfo is None:
        message = f"{row['at']} has no offset from UTC"
        raise InvalidValueError(message)
    return Reading(channel, at.astimezone(UTC), quantity.mantissa, quantity.exponent)

"""Import readings from a file, through ingest like any gateway's.

The file is a CSV with a header: manufacturer, serial, obis, at (RFC 3339), value, unit, and
optionally source (profile or live) and period_s. Its content names the epoch, so that the same file
twice is a duplicate and never counts twice.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from itertools import islice
from uuid import UUID

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import OutcomeKind
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.envelope import NO_HASH, Link, seal
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source

COLUMNS = ("manufacturer", "serial", "obis", "at", "value", "unit")
_BATCH = 900
_PERIOD_S = 900


class ReadingsRefusedError(ConfigurationError):
    """A file of readings cannot be read; what came before the line at fault is stored."""

    code = "READINGS_REFUSED"


@dataclass(frozen=True, slots=True)
class ImportedReadings:
    """What became of a file.

    Args:
        readings: How many it has.
        outcomes: Batches by what became of them.
    """

    readings: int
    outcomes: Counter[OutcomeKind]


async def import_readings(  # noqa: PLR0913, PLR0917 - what, who and when
    ingest: Ingest,
    gateway: str,
    text: str,
    actor: Actor,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[int], None] = lambda _: None,
) -> ImportedReadings:
    """Store the readings of a file under a gateway's name.

    Args:
        ingest: The use-case.
        gateway: An enrolled gateway; meters that are not known yet appear behind it.
        text: The file.
        actor: Who asks.
        clock: Now, aware.
        progress: Told how many readings were sent, after each batch.

    Raises:
        ReadingsRefusedError: A line cannot be read.
        StoreUnavailableError: Call again with the same file.
    """
    rows = _rows(text)
    epoch = UUID(bytes=sha256(text.encode()).digest()[:16])
    outcomes: Counter[OutcomeKind] = Counter()
    sequence, previous, count = 0, NO_HASH, 0
    # Said before the first reading is stored: what is stopped half-way is told of as well.
    begun = {"gateway": gateway, "sha256": sha256(text.encode()).hexdigest()}
    note = DecisionNote(actor, "", clock())
    await ingest.audit(note, "readings.import_begun", str(epoch), change(None, begun))
    while batch := list(islice(rows, _BATCH)):
        sequence += 1
        # Sealed at a time that the file gives, so that the same file seals the same bytes.
        sealed = seal(Link(gateway, epoch, sequence, previous), _latest(batch), batch)
        previous = sealed.sha256
        result = await ingest.commit([examine(Arrival(gateway, sealed.payload, clock()))])
        outcomes.update(outcome.kind for outcome in result.outcomes)
        count += len(batch)
        progress(count)
    ended = {"readings": count} | {kind.value: batches for kind, batches in outcomes.items()}
    note = DecisionNote(actor, "", clock())
    await ingest.audit(note, "readings.imported", str(epoch), change(None, ended))
    return ImportedReadings(count, outcomes)


def _latest(batch: Sequence[Reading]) -> datetime:
    return max(reading.at for reading in batch)


def _rows(text: str) -> Iterator[Reading]:
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        message = f"The file has no column {missing[0]!r}."
        remedy = f"Its first line names its columns: {', '.join(COLUMNS)}."
        raise ReadingsRefusedError(message, value=missing, remedy=remedy)
    for row in reader:
        yield _reading(row, reader.line_num)


def _reading(row: dict[str, str], line: int) -> Reading:
    try:
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
        quantity = Quantity.from_decimal(Decimal(row["value"]), unit)
        at = datetime.fromisoformat(row["at"])
        if at.tzinfo is None:
            message = f"{row['at']} has no offset from UTC"
            raise InvalidValueError(message)
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        message = f"Line {line} of the readings cannot be read: {error}."
        raise ReadingsRefusedError(message, value=line) from error
    return Reading(channel, at.astimezone(UTC), quantity.mantissa, quantity.exponent)

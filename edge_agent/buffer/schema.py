"""The tables of the buffer file, its version, and the checksums of its small rows.

Batches carry their own SHA-256. SQLite does not notice a bit that flips inside a page, so each
small row has a CRC too: an acknowledgement that a flipped bit made up must not release a batch, nor
a mark skip a stretch of load profile.
"""

from __future__ import annotations

import zlib
from typing import Final

# "MLEB": tells our file from any other SQLite database.
APPLICATION_ID: Final = 0x4D4C4542
VERSION: Final = 1
PAGE_BYTES: Final = 4096

_SEQUENCE_BITS = 40

CREATE = f"""
PRAGMA page_size = {PAGE_BYTES};

-- A kill leaves the whole schema or nothing of it.
BEGIN IMMEDIATE;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};

-- The epochs of buffer files, this one's and those before; ordinal ascends, the last is current.
CREATE TABLE epoch (
    ordinal INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    gateway TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    previous BLOB,
    previous_last INTEGER NOT NULL,
    crc INTEGER NOT NULL
);

-- One sealed batch exactly as it is sent. id = ordinal of the epoch << 40 | sequence.
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL,
    count INTEGER NOT NULL,
    made_at_ms INTEGER NOT NULL,
    replaces BLOB,
    payload BLOB NOT NULL
);

-- Everything of an epoch up to the batch `id` is acknowledged. Kept apart from the batches, since
-- marking 64 KiB rows one by one would write them all again. 0 as time: the clock was not known.
CREATE TABLE ack (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL,
    acked_at_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL
);

-- Readings of a gateway that does not know the time yet.
CREATE TABLE held (
    id INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,
    taken_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    readings BLOB NOT NULL,
    crc INTEGER NOT NULL
);

-- Named integers: back-fill progress, last good reads, totals.
CREATE TABLE mark (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL,
    crc INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    raw BLOB
);

-- For people and tools that look into the file.
CREATE VIEW outbox AS
SELECT e.id AS epoch, b.id & {2**_SEQUENCE_BITS - 1} AS seq, b.sha256, b.count, b.made_at_ms,
       length(b.payload) AS bytes, b.payload,
       CASE WHEN a.id IS NULL THEN 'unacked' ELSE 'acked' END AS state,
       nullif(a.acked_at_ms, 0) AS acked_at_ms
FROM batch AS b
JOIN epoch AS e ON e.ordinal = b.id >> {_SEQUENCE_BITS}
LEFT JOIN ack AS a ON a.id = (
    SELECT min(id) FROM ack
    WHERE id BETWEEN b.id AND (((b.id >> {_SEQUENCE_BITS}) + 1) << {_SEQUENCE_BITS}) - 1
)
ORDER BY b.id;

COMMIT;
"""  # noqa: S608 - only constants of this file


def row_id(ordinal: int, sequence: int) -> int:
    """Where a batch stands in the file: epochs in order, sequences in order within them."""
    return ordinal << _SEQUENCE_BITS | sequence


def split_id(identity: int) -> tuple[int, int]:
    """The ordinal and sequence of a row."""
    return identity >> _SEQUENCE_BITS, identity & (2**_SEQUENCE_BITS - 1)


def checksum(*fields: object) -> int:
    """CRC-32 over the fields of a small row (integers, texts, bytes, None)."""
    crc = 0
    for field in fields:
        data = field if isinstance(field, bytes) else repr(field).encode()
        crc = zlib.crc32(len(data).to_bytes(4, "big") + data, crc)
    return crc

"""Arrays as PostgreSQL's binary formats, built by numpy without a step per row.

Source: PostgreSQL manual, COPY "Binary Format"; src/backend/utils/adt/arrayfuncs.c array_recv.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"
_INT8_ARRAY_OID = 1016
_INT8_OID = 20
_ARRAY_HEADER = struct.Struct(">iiIii")
# 2000-01-01, where PostgreSQL's time begins.
_EPOCH_MS = 946_684_800_000


def timestamps(at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Milliseconds since 1970 as timestamptz holds them: microseconds since 2000."""
    return (at_ms - _EPOCH_MS) * 1000


def copy_rows(columns: Sequence[tuple[str, NDArray[np.int64]]]) -> bytes:
    """Columns as the payload of COPY ... FROM STDIN (FORMAT binary).

    Args:
        columns: For each field of the row its width in numpy's notation (i2, i4, i8) and values.
    """
    dtype: list[tuple[str, str]] = [("fields", ">i2")]
    for position, (width, _) in enumerate(columns):
        dtype += [(f"length{position}", ">i4"), (f"value{position}", f">{width}")]
    table = np.empty(len(columns[0][1]), dtype)
    table["fields"] = len(columns)
    for position, (width, values) in enumerate(columns):
        table[f"length{position}"] = int(width[1:])
        table[f"value{position}"] = values
    return COPY_HEADER + table.tobytes() + COPY_TRAILER


class BigintArray:
    """A numpy array that goes into a statement as bigint[]."""

    def __init__(self, values: NDArray[np.int64]) -> None:
        self.values = values


class _BigintArrayDumper(Dumper):
    format = Format.BINARY
    oid = _INT8_ARRAY_OID

    def dump(self, obj: BigintArray) -> Buffer | None:
        items = np.empty(len(obj.values), [("length", ">i4"), ("value", ">i8")])
        items["length"] = 8
        items["value"] = obj.values
        dimensions = 1 if len(items) else 0
        head = _ARRAY_HEADER.pack(dimensions, 0, _INT8_OID, len(items), 1)
        return (head if dimensions else head[:12]) + items.tobytes()


def register_arrays(connection: AsyncConnection[object]) -> None:
    """Let a connection take `BigintArray` as a parameter."""
    connection.adapters.register_dumper(BigintArray, _BigintArrayDumper)

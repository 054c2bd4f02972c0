"""Columns of numbers that the server sends as arrays, read as they stand and not one by one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncCursor, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

# Dimensions, whether there are nulls, type, and of the one dimension its length and first index.
_HEADING = np.dtype(">i4")
_DIMENSIONS, _NULLS, _HEADING_BYTES = 0, 1, 20


class _Numbers(Loader):
    """An array of one dimension without nulls, as PostgreSQL's `array_send` writes it."""

    format = Format.BINARY
    column: ClassVar[np.dtype[Any]]
    sent: ClassVar[np.dtype[Any]]

    def load(self, data: Buffer) -> NDArray[Any]:
        """The numbers.

        Raises:
            ValueError: There is a null among them, or more than one dimension.
        """
        heading = np.frombuffer(data, _HEADING, 3)
        if heading[_DIMENSIONS] == 0:
            return np.zeros(0, self.column)
        if heading[_DIMENSIONS] != 1 or heading[_NULLS]:
            message = "A column of numbers has a null in it."
            raise ValueError(message)
        rows = np.frombuffer(data, self.sent, offset=_HEADING_BYTES)
        return rows["number"].astype(self.column)


class WideColumn(_Numbers):
    """An array of bigint."""

    column = np.dtype(np.int64)
    sent = np.dtype([("bytes", ">i4"), ("number", ">i8")])


class NarrowColumn(_Numbers):
    """An array of smallint."""

    column = np.dtype(np.int16)
    sent = np.dtype([("bytes", ">i4"), ("number", ">i2")])


def read_columns(cursor: AsyncCursor[Any]) -> None:
    """Let a binary cursor give arrays of bigint and smallint as columns, int64 and int16."""
    for name, loader in (("int8", WideColumn), ("int2", NarrowColumn)):
        cursor.adapters.register_loader(postgres.types[name].array_oid, loader)

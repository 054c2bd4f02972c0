"""Arrays as PostgreSQL sends them become columns of numbers."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from psycopg import postgres

from central.adapters.timescale.columns import NarrowColumn, WideColumn


def sent(type_name: str, form: str, numbers: list[int]) -> bytes:
    """A one-dimensional array as `array_send` writes it."""
    head = struct.pack(">iii", 1 if numbers else 0, 0, postgres.types[type_name].oid)
    if not numbers:
        return head
    rows = (struct.pack(f">i{form}", struct.calcsize(f">{form}"), number) for number in numbers)
    return head + struct.pack(">ii", len(numbers), 1) + b"".join(rows)


def test_numbers_come_as_they_were_sent() -> None:
    wide = WideColumn(postgres.types["int8"].array_oid).load(
        sent("int8", "q", [-(2**63), 0, 2**63 - 1])
    )
    assert wide.dtype == np.int64
    assert wide.tolist() == [-(2**63), 0, 2**63 - 1]
    narrow = NarrowColumn(postgres.types["int2"].array_oid).load(sent("int2", "h", [-32_768, 7]))
    assert narrow.dtype == np.int16
    assert narrow.tolist() == [-32_768, 7]
    assert WideColumn(0).load(sent("int8", "q", [])).tolist() == []


def test_a_null_is_no_number() -> None:
    head = struct.pack(">iii", 1, 1, postgres.types["int8"].oid)
    with pytest.raises(ValueError, match="null"):
        WideColumn(0).load(head + struct.pack(">iii", 1, 1, -1))

"""What a bill says beside its lines without what says nothing or stands in columns of its own.

A bill is read from either; its hash is always of the whole, so that of earlier ones stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_PARTIES = ("seller", "buyer")
_SUMMED = {"total", "tax"}  # of its lines
_COLUMNS = {"cycle", "currency"}
_NOTHING: Mapping[str, Any] = {
    "lines": [],
    "holds": [],
    "revision": 0,
    "run_type": "regular",
    "replaces": "",
    "previous_balance": None,
}


def short_document(head: Mapping[str, Any], *, priced: bool) -> dict[str, Any]:
    """A document without members that a reader takes for granted, or has from elsewhere.

    Args:
        head: As `Bill.to_json` gives it.
        priced: Whether it has lines: a bill without them has no currency of its own to be asked by.
    """
    left_out = _SUMMED | (_COLUMNS if priced else {"cycle"})
    short = {
        name: value
        for name, value in head.items()
        if name not in left_out and (name not in _NOTHING or value != _NOTHING[name])
    }
    short["supplies"] = [_without(supply, ("reads",)) for supply in head["supplies"]]
    for party in _PARTIES:
        short[party] = _without(head[party], ("address", "tax_id", "contact"))
    return short


def _without(whole: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """All but members of some names that are empty."""
    return {name: value for name, value in whole.items() if value or name not in names}

"""Lines of a bill, parted into forms that many bills share and the figures that fill them in.

Of the 1,000 letters of a line with its lineage some 60 are the bill's own: amounts, quantities,
which blocks are behind them. The rest is said by every bill of the tariff and period, and is kept
once. Where a text is cut decides how much is shared, and nothing else: form and figures make the
text again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import add
from typing import NamedTuple

from central.domain.rating.hashing import canonical

BETWEEN_VALUES = "\x1f"
BETWEEN_LINES = "\x1e"
"""Canonical text has neither: it is ASCII without control characters."""

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
# What is a bill's own: what stands before it, then the value.
_OWN = re.compile(
    r'("(?:amount|quantity|price|exact|value|adjusted|worth|note|channel_id|sha256|versions|number)":'
    r'|"how":"(?:daily_)?max"[^{}]*"selection":|"adjusts":)'
    rf"({_STRING}|null|\d+|\[[\d,]*\]|\{{[^{{}}]*\}})"
)
# Several lines of a bill rest on the same blocks: these are said once, and lines name their place.
_REPEATED = frozenset({'"sha256":', '"versions":'})
_NUMBERS = ('"amount":', '"price":', '"quantity":')
_BEFORE = 2
"""Values of a line before those of its text: its number, and where its service point is."""


class LineForm(NamedTuple):
    """What bills say alike in a line.

    Args:
        charge: Identifier of the charge.
        kind: As `RatedLine.kind`.
        name: As it is printed.
        label: Period, "" for none.
        unit: Of the quantity.
        content: Canonical text of the line with `BETWEEN_VALUES` in place of the bill's own values.
        amount_at: Which of a line's values is the amount; they count from 1.
        price_at: Which is the price.
        quantity_at: Which is the quantity.
    """

    charge: str
    kind: str
    name: str
    label: str
    unit: str
    content: str
    amount_at: int
    price_at: int
    quantity_at: int

    @property
    def sha256(self) -> bytes:
        """Of the content."""
        return hashlib.sha256(self.content.encode()).digest()


class NumberedLine(NamedTuple):
    """A line to be parted.

    Args:
        number: Its position on the bill.
        service_point: Name.
        text: Canonical text of the line with its lineage.
    """

    number: int
    service_point: str
    text: str


def parted(lines: Iterable[NumberedLine]) -> tuple[list[LineForm], str]:
    """The forms of a bill's lines, and the figures that fill them in.

    Args:
        lines: In print order.

    Returns:
        A form for each line; and groups of values: those that several lines share, then for each
        line its number, its service point, and the values that stand in its text. What is shared
        is named by `$` and its place, from 1.
    """
    shared: dict[str, str] = {}
    forms, groups = [], [""]
    for number, service_point, text in lines:
        pieces = _OWN.split(text)
        names, values = pieces[1::3], pieces[2::3]
        form = BETWEEN_VALUES.join([*map(add, pieces[::3], names), pieces[-1]])
        forms.append(_form(form, tuple(names)))
        point = shared.setdefault(canonical(service_point), f"${len(shared) + 1}")
        values = [
            shared.setdefault(value, f"${len(shared) + 1}") if name in _REPEATED else value
            for name, value in zip(names, values, strict=True)
        ]
        groups.append(BETWEEN_VALUES.join([str(number), point, *values]))
    groups[0] = BETWEEN_VALUES.join(shared)
    return forms, BETWEEN_LINES.join(groups)


def joined(contents: Sequence[str], figures: str) -> list[NumberedLine]:
    """The lines that `parted` parted.

    Args:
        contents: Those of the forms.
        figures: The figures.
    """
    first, *groups = figures.split(BETWEEN_LINES)
    shared = first.split(BETWEEN_VALUES)
    lines = []
    for content, group in zip(contents, groups, strict=True):
        number, point, *values = (
            shared[int(value[1:]) - 1] if value.startswith("$") else value
            for value in group.split(BETWEEN_VALUES)
        )
        pieces = content.split(BETWEEN_VALUES)
        filled = "".join([*map(add, pieces, values), pieces[-1]])
        lines.append(NumberedLine(int(number), json.loads(point), filled))
    return lines


# Most lines of a run have a form that the line of another bill had.
@lru_cache(maxsize=4096)
def _form(text: str, names: tuple[str, ...]) -> LineForm:
    line = json.loads(text.replace(BETWEEN_VALUES, "null"))
    # A line has each once; determinants and what is adjusted have members of other names.
    amount, price, quantity = (names.index(name) + 1 + _BEFORE for name in _NUMBERS)
    return LineForm(
        line["id"],
        line["kind"],
        line["name"],
        line["label"],
        line["unit"],
        text,
        amount,
        price,
        quantity,
    )

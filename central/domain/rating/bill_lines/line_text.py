"""The canonical text of lines with their lineage, for runs that tell millions of them.

What lines alike share is written once and kept as the text between their numbers; what several
lines of a bill rest on is written once per bill.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from central.domain.rating.bill_lines.line import (
    Determinant,
    RatedLine,
    Selection,
    WrittenLine,
    ratio,
)
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.block_source import BlockSource

_NOTHING, _ZERO = Fraction(0), Decimal(0)


class LineTexts:
    """Tells the lines of one bill, each as `canonical(line.to_json())` does.

    Args:
        written: Lines whose text was made before.
    """

    def __init__(self, written: Iterable[WrittenLine] = ()) -> None:
        # With the line itself, so that no other can come to lie at its address.
        self._written = {id(entry.line): entry for entry in written}
        self._known: dict[int, str] = {}

    def of(self, line: RatedLine) -> str:
        """The text of a line of the bill."""
        entry = self._written.get(id(line))
        return self._text_of(line) if entry is None else entry.text

    def _text_of(self, line: RatedLine) -> str:
        before, to_exact, to_of, to_quantity, end = line_frame(line)
        behind = ",".join(map(self._determinant, line.determinants))
        quantity = "null" if line.quantity is None else f'"{line.quantity:f}"'
        return (
            f'{before}"{line.amount:f}","determinants":[{behind}]{to_exact}"{ratio(line.exact)}"'
            f"{to_of}{keys_text(line.of)}{to_quantity}{quantity}{end}"
        )

    def _determinant(self, determinant: Determinant) -> str:
        known = self._known.get(id(determinant))
        if known is None:
            self._known[id(determinant)] = known = self._determinant_text(determinant)
        return known

    def _determinant_text(self, determinant: Determinant) -> str:
        if determinant.events is not None or determinant.worth is not None:
            return canonical(determinant.to_json())
        before, to_exact, to_selection, to_sources, to_value, end = determinant_frame(determinant)
        selection = "null" if determinant.selection is None else _selection(determinant.selection)
        sources = ",".join(map(self._source, determinant.sources))
        return (
            f'{before}"{ratio(determinant.adjusted)}"{to_exact}"{ratio(determinant.exact)}"'
            f'{to_selection}{selection}{to_sources}[{sources}]{to_value}"{ratio(determinant.value)}"{end}'
        )

    def _source(self, source: BlockSource) -> str:
        known = self._known.get(id(source))
        if known is None:
            self._known[id(source)] = known = canonical(source.to_json())
        return known


def line_frame(line: RatedLine) -> list[str]:
    """The text of a line around amount and determinants, exact, keys it rests on, quantity."""
    shared = line._replace(
        amount=_ZERO, exact=_NOTHING, of=(), quantity=None, determinants=(), price=None
    )
    return _line_frame(shared, None if line.price is None else format(line.price, "f"))


@lru_cache(maxsize=4096)
def _line_frame(shared: RatedLine, price: str | None) -> list[str]:
    said = shared.to_json() | {"price": price}
    del said["determinants"]
    numbers = {"amount": '"0"', "exact": '"0/1"', "of": "[]", "quantity": "null"}
    return _frame(said, numbers)


def determinant_frame(determinant: Determinant) -> list[str]:
    """The text of a determinant around adjusted, exact, selection, sources and value."""
    return _determinant_frame(
        determinant._replace(
            exact=_NOTHING, value=_NOTHING, adjusted=_NOTHING, selection=None, sources=()
        )
    )


@lru_cache(maxsize=4096)
def _determinant_frame(shared: Determinant) -> list[str]:
    numbers = {"adjusted": '"0/1"', "exact": '"0/1"', "selection": "null", "sources": "[]"}
    return _frame(shared.to_json(), numbers | {"value": '"0/1"'})


@lru_cache(maxsize=4096)
def keys_text(keys: tuple[str, ...]) -> str:
    """The canonical text of the keys of lines."""
    return canonical(list(keys))


def _frame(said: dict[str, object], varying: dict[str, str]) -> list[str]:
    """The text around members that vary, which come in the order of their names."""
    frame, rest = [], canonical(said)
    for name, value in varying.items():
        # In a string a quote follows a backslash, so only the member itself looks like this.
        before, _, rest = rest.partition(f'"{name}":{value}')
        frame.append(f'{before}"{name}":')
    return [*frame, rest]


@lru_cache(maxsize=1024)
def _selection(selection: Selection) -> str:
    """Bills of one cycle select the same intervals for their sums."""
    return canonical(selection.to_json())

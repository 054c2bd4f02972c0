"""The canonical text of lines with their lineage, for runs that tell millions of them.

What lines alike share is written once and kept as the text between their numbers; what several
lines of a bill rest on is written once per bill.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from central.domain.rating.bill_lines.line import Determinant, RatedLine, Selection, ratio
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.block_source import BlockSource

_NOTHING, _ZERO = Fraction(0), Decimal(0)


class LineTexts:
    """Tells the lines of one bill, each as `canonical(line.to_json())` does."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, line: RatedLine) -> str:
        """The text of a line of the bill."""
        shared = line._replace(
            amount=_ZERO, exact=_NOTHING, quantity=None, determinants=(), price=None
        )
        price = None if line.price is None else format(line.price, "f")
        before, to_exact, to_quantity, end = _line_frame(shared, price)
        behind = ",".join(map(self._determinant, line.determinants))
        quantity = "null" if line.quantity is None else f'"{line.quantity:f}"'
        return (
            f'{before}"{line.amount:f}","determinants":[{behind}]{to_exact}"{ratio(line.exact)}"'
            f"{to_quantity}{quantity}{end}"
        )

    def _determinant(self, one: Determinant) -> str:
        known = self._known.get(id(one))
        if known is None:
            self._known[id(one)] = known = self._text_of(one)
        return known

    def _text_of(self, one: Determinant) -> str:
        if one.events is not None:
            return canonical(one.to_json())
        shared = one._replace(
            exact=_NOTHING, value=_NOTHING, adjusted=_NOTHING, selection=None, sources=()
        )
        before, to_exact, to_selection, to_sources, to_value, end = _determinant_frame(shared)
        selection = "null" if one.selection is None else _selection(one.selection)
        sources = ",".join(map(self._source, one.sources))
        return (
            f'{before}"{ratio(one.adjusted)}"{to_exact}"{ratio(one.exact)}"'
            f'{to_selection}{selection}{to_sources}[{sources}]{to_value}"{ratio(one.value)}"{end}'
        )

    def _source(self, source: BlockSource) -> str:
        known = self._known.get(id(source))
        if known is None:
            self._known[id(source)] = known = canonical(source.to_json())
        return known


@lru_cache(maxsize=4096)
def _line_frame(shared: RatedLine, price: str | None) -> list[str]:
    said = shared.to_json() | {"price": price}
    del said["determinants"]
    return _frame(said, {"amount": '"0"', "exact": '"0/1"', "quantity": "null"})


@lru_cache(maxsize=4096)
def _determinant_frame(shared: Determinant) -> list[str]:
    numbers = {"adjusted": '"0/1"', "exact": '"0/1"', "selection": "null", "sources": "[]"}
    return _frame(shared.to_json(), numbers | {"value": '"0/1"'})


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

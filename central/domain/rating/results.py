"""The bills of a batch as objects and as canonical text, column by column.

What bills share is made once: names, prices, selections, the text around the numbers. What differs
is made a column at a time and put together bill by bill, so that a bill with all its lineage takes
little more than its own numbers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from itertools import compress, repeat
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from central.domain.rating.columns import Column, Ints, Mask
from central.domain.rating.hashing import Piece, canonical, told
from central.domain.rating.line import Determinant, Line, Selection, Source
from central.domain.rating.measure import Measured
from central.domain.rating.numbers import Ratios, decimals, printed_all, texts
from central.domain.rating.period import DayRange
from central.domain.rating.price_columns import LineColumn
from central.domain.rating.series import source_of
from central.domain.rating.stack import Row

T = TypeVar("T")
_VERSION, _SHA256 = attrgetter("version"), attrgetter("sha256")


class Told(NamedTuple, Generic[T]):
    """A column of objects.

    Args:
        values: One per meter.
        texts: Their canonical text.
    """

    values: list[T]
    texts: list[str]


class Results:
    """The objects of one batch; what several lines share is made once.

    Args:
        rows: Input to the blocks of each meter.
        days: Of those blocks.
        measured: Determinants.
        count: How many meters.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        days: DayRange,
        measured: Sequence[Measured],
        count: int,
    ) -> None:
        self._rows = rows
        self._days = days
        self._count = count
        self._memo: dict[object, Any] = {}
        self._found = [self._determinant(one) for one in measured]

    def determinants(self) -> Told[tuple[Determinant, ...]]:
        """All determinants of each bill."""
        return _together(self._found, self._count, gaps=False)

    def sources(self, name: str, days: DayRange) -> Told[Source]:
        """The blocks of an input on some days."""
        return self._once(("source", name, days), lambda: self._source(name, days))

    def lines(self, columns: Sequence[LineColumn]) -> Told[tuple[Line, ...]]:
        """The lines of each bill, in print order."""
        made = [self._line(one, columns) for one in columns]
        gaps = any(one.present is not None for one in columns)
        return _together(made, self._count, gaps=gaps)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        made: T = self._memo[key]
        return made

    def _source(self, name: str, days: DayRange) -> Told[Source]:
        first = (days.first - self._days.first).days
        rows = self._rows[name]
        if days != self._days:
            rows = [row[first : first + days.count] for row in rows]
        model = source_of(name, rows[0])
        channels = [row[0].channel_id for row in rows]
        versions = [tuple(map(_VERSION, row)) for row in rows]
        hashes = [sha256(b"".join(map(_SHA256, row))).hexdigest() for row in rows]
        found = _made(model, {"channel_id": channels, "versions": versions, "sha256": hashes})
        varying: dict[str, Sequence[Piece]] = {
            "channel_id": (list(map(str, channels)),),
            "sha256": ('"', hashes, '"'),
            "versions": (list(map(_versions, versions)),),
        }
        return Told(found, told(model.to_json(), varying, self._count))

    def _determinant(self, one: Measured) -> Told[Determinant]:
        model = one.model
        if not one.series:
            return Told([model] * self._count, told(model.to_json(), {}, self._count))
        sources = self.sources(one.series, one.days)
        own: dict[str, Iterable[object]] = {"sources": zip(sources.values, strict=True)}
        varying: dict[str, Sequence[Piece]] = {"sources": ("[", sources.texts, "]")}
        for name, column in (
            ("exact", one.exact),
            ("value", one.value),
            ("adjusted", one.adjusted),
        ):
            if column is not None:
                own[name], varying[name] = self._fractions(column)
        if one.begins is not None and model.selection is not None:
            windows = _windows(model.selection, one.begins, one.width)
            own["selection"], varying["selection"] = windows.values, (windows.texts,)
        return Told(_made(model, own), told(model.to_json(), varying, self._count))

    def _line(self, one: LineColumn, lines: Sequence[LineColumn]) -> Told[Line]:
        rows: slice | Mask = slice(1 if one.alike else None) if one.present is None else one.present
        flags = None if one.present is None else one.present.tolist()
        exact = Ratios.of(one.exact.only(rows))
        amounts = decimals(one.amount[rows].tolist(), one.digits)
        own: dict[str, Iterable[object]] = {"exact": exact.fractions(), "amount": amounts}
        varying: dict[str, Sequence[Piece]] = {
            "exact": exact.told(),
            "amount": ('"', texts(amounts), '"'),
        }
        if one.quantity is not None:
            quantities = self._quantities(one.quantity, rows, one.decimals)
            own["quantity"], varying["quantity"] = quantities.values, ('"', quantities.texts, '"')
        if one.determinants:
            own["determinants"] = _some(self._behind(one.determinants), flags)
        of = _rested_on(one, lines)
        if of is not None:
            own["of"], varying["of"] = _some(of.values, flags), (_some(of.texts, flags),)
        model = one.model(lines)
        found = _made(model, own)
        example = model.to_json(()) | {"determinants": list(one.determinants)}
        said = Told(found, told(example, varying, len(found)))
        if one.alike:
            return Told(said.values * self._count, said.texts * self._count)
        return said if flags is None else _spread(said, flags)

    def _fractions(self, column: Column) -> tuple[list[Fraction], tuple[Piece, ...]]:
        def make() -> tuple[list[Fraction], tuple[Piece, ...]]:
            ratios = Ratios.of(column)
            return ratios.fractions(), ratios.told()

        return self._once(("fractions", id(column)), make)

    def _quantities(self, quantity: Column, rows: slice | Mask, digits: int) -> Told[Decimal]:
        def make() -> Told[Decimal]:
            found = printed_all(quantity.only(rows), digits)
            return Told(found, texts(found))

        if not isinstance(rows, slice) or rows.stop is not None:
            return make()
        return self._once(("quantity", id(quantity), digits), make)

    def _behind(self, numbers: tuple[int, ...]) -> list[tuple[Determinant, ...]]:
        return self._once(
            ("behind", numbers),
            lambda: list(zip(*(self._found[number].values for number in numbers), strict=True)),
        )


def _made(model: Any, own: Mapping[str, Iterable[object]]) -> list[Any]:  # noqa: ANN401 - any named tuple
    """Named tuples like a model but for some fields, whose columns are given."""
    columns = [
        own.get(name, repeat(value)) for name, value in zip(model._fields, model, strict=True)
    ]
    return list(map(tuple.__new__, repeat(type(model)), zip(*columns, strict=False)))


def _together(columns: Sequence[Told[T]], count: int, *, gaps: bool) -> Told[tuple[T, ...]]:
    """The objects of each bill, without those that a bill has not."""
    if not columns:
        return Told([()] * count, [""] * count)
    values = zip(*(column.values for column in columns), strict=True)
    said = zip(*(column.texts for column in columns), strict=True)
    if not gaps:
        return Told(list(values), list(map(",".join, said)))
    return Told(
        [tuple(filter(None, row)) for row in values],
        [",".join(filter(None, row)) for row in said],
    )


def _some(values: Sequence[T], flags: Sequence[bool] | None) -> list[T]:
    return list(values if flags is None else compress(values, flags))


def _spread(column: Told[Any], flags: Sequence[bool]) -> Told[Any]:
    """A column with nothing where a bill has no such line."""
    values, said = iter(column.values), iter(column.texts)
    return Told(
        [next(values) if flag else None for flag in flags],
        [next(said) if flag else "" for flag in flags],
    )


def _windows(selection: Selection, begins: Ints, width: int) -> Told[Selection]:
    """The selection of each meter's own windows, a column of `begins` each."""
    windows = [list(zip(own, repeat(width), strict=False)) for own in begins.T.tolist()]
    said = [[f"[{begin},{width}]" for begin, _ in own] for own in windows]
    found = _made(selection, {"runs": zip(*windows, strict=True)})
    together = list(map(",".join, zip(*said, strict=True)))
    return Told(found, told(selection.to_json(), {"runs": ("[", together, "]")}, len(found)))


def _rested_on(one: LineColumn, lines: Sequence[LineColumn]) -> Told[tuple[str, ...]] | None:
    """Keys of the lines a line rests on, where bills differ in which of them they have."""
    masks = [lines[number].present for number in one.of]
    if all(mask is None for mask in masks):
        return None
    keys = [lines[number].key for number in one.of]
    rows = list(
        zip(*(repeat(True) if mask is None else mask.tolist() for mask in masks), strict=False)
    )
    found = {row: tuple(compress(keys, row)) for row in set(rows)}
    said = {row: canonical(list(own)) for row, own in found.items()}
    return Told([found[row] for row in rows], [said[row] for row in rows])


@lru_cache(maxsize=4096)
def _versions(versions: tuple[int, ...]) -> str:
    return canonical(list(versions))

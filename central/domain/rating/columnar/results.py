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

from central.domain.rating.bill_lines.bill_form import (
    determinant_figures,
    determinant_form,
    line_form,
)
from central.domain.rating.bill_lines.line import Determinant, RatedLine, Selection, ratio
from central.domain.rating.columnar.column_format import Ratios, decimals, printed_all, texts
from central.domain.rating.columnar.day_matrix import Row
from central.domain.rating.columnar.determinant_columns import Measured
from central.domain.rating.columnar.exact_column import Column, Ints, Mask
from central.domain.rating.columnar.line_column import LineColumn
from central.domain.rating.hashing import (
    Piece,
    canonical,
    canonical_objects,
    canonical_texts,
    digest_parts,
)
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import source_of
from central.domain.rating.inputs.segments import DayRange

T = TypeVar("T")
_version = attrgetter("version")
_sha256 = attrgetter("sha256")


class CanonicalColumn(NamedTuple, Generic[T]):
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
        lines: In print order.
        count: How many meters.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        days: DayRange,
        measured: Sequence[Measured],
        lines: Sequence[LineColumn],
        count: int,
    ) -> None:
        self._rows = rows
        self._days = days
        self._measured = measured
        self._columns = lines
        self._count = count
        self._memo: dict[object, Any] = {}
        places = [(one.series, one.days) for one in measured if one.series]
        self._places = list(dict.fromkeys(places))
        self._found = [self._determinant(one) for one in measured]

    def determinants(self) -> CanonicalColumn[tuple[Determinant, ...]]:
        """All determinants of each bill."""
        return _together(self._found, self._count, gaps=False)

    def lines(self) -> CanonicalColumn[tuple[RatedLine, ...]]:
        """The lines of each bill, in print order."""
        gaps = any(one.present is not None for one in self._columns)
        return _together([self._line(one) for one in self._columns], self._count, gaps=gaps)

    def sources(self) -> list[str]:
        """The blocks behind the determinants of each bill."""
        columns = [self.source(*place) for place in self._places]
        return _together(columns, self._count, gaps=False).texts

    def forms(self, currency: str, tzdata: str) -> list[str]:
        """The hash of each bill's form."""
        determinants = [determinant_form(one.model.to_json()) for one in self._measured]
        shared = {"currency": currency, "tzdata": tzdata, "determinants": determinants}
        parts = {name: canonical(value) for name, value in shared.items()}

        def form(absent: set[int]) -> str:
            present = [number for number in range(len(self._columns)) if number not in absent]
            of = [[n for n in self._columns[number].of if n not in absent] for number in present]
            lines = ",".join(map(self._line_form, present, map(tuple, of)))
            return digest_parts({**parts, "lines": f"[{lines}]"})

        masks = {n: one.present for n, one in enumerate(self._columns) if one.present is not None}
        if not masks:
            return [form(set())] * self._count
        rows = list(zip(*(mask.tolist() for mask in masks.values()), strict=True))
        found = {
            row: form({n for n, has in zip(masks, row, strict=True) if not has})
            for row in set(rows)
        }
        return [found[row] for row in rows]

    def source(self, name: str, days: DayRange) -> CanonicalColumn[BlockSource]:
        """The blocks of an input on some days."""
        return self._once(("source", name, days), lambda: self._source(name, days))

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        made: T = self._memo[key]
        return made

    def _source(self, name: str, days: DayRange) -> CanonicalColumn[BlockSource]:
        first = (days.first - self._days.first).days
        rows = self._rows[name]
        if days != self._days:
            rows = [row[first : first + days.count] for row in rows]
        model = source_of(name, rows[0])
        channels = [row[0].channel_id for row in rows]
        versions = [tuple(map(_version, row)) for row in rows]
        hashes = [sha256(b"".join(map(_sha256, row))).hexdigest() for row in rows]
        found = _made(model, {"channel_id": channels, "versions": versions, "sha256": hashes})
        members: dict[str, Sequence[Piece]] = {
            name: (canonical(value),) for name, value in model.to_json().items()
        }
        members["channel_id"] = (list(map(str, channels)),)
        members["sha256"] = ('"', hashes, '"')
        members["versions"] = (list(map(_versions, versions)),)
        return CanonicalColumn(found, canonical_objects(members, self._count))

    def _determinant(self, one: Measured) -> CanonicalColumn[Determinant]:
        model = one.model
        if not one.series:
            said = canonical(determinant_figures(model.to_json(), ()))
            return CanonicalColumn([model] * self._count, [said] * self._count)
        exact = self._fractions(one.exact)
        value = self._fractions(one.value)
        own: dict[str, Iterable[object]] = {
            "exact": exact.values,
            "value": value.values,
            "sources": zip(self.source(one.series, one.days).values, strict=True),
        }
        adjusted: Piece = ratio(model.adjusted)
        if one.adjusted is not None:
            left_out = self._fractions(one.adjusted)
            own["adjusted"], adjusted = left_out.values, left_out.texts
        windows: Piece = "null"
        if one.begins is not None and model.selection is not None:
            selections = _windows(model.selection, one.begins, one.width)
            own["selection"], windows = selections.values, selections.texts
        number = self._places.index((one.series, one.days))
        figures = (
            '["',
            exact.texts,
            '","',
            value.texts,
            '","',
            adjusted,
            f'",[{number}],',
            windows,
        )
        return CanonicalColumn(_made(model, own), canonical_texts([*figures, "]"], self._count))

    def _line(self, one: LineColumn) -> CanonicalColumn[RatedLine]:
        rows: slice | Mask = slice(1 if one.alike else None) if one.present is None else one.present
        flags = None if one.present is None else one.present.tolist()
        exact = Ratios.of(one.exact.only(rows))
        amounts = decimals(one.amount[rows].tolist(), one.digits)
        own: dict[str, Iterable[object]] = {"exact": exact.fractions(), "amount": amounts}
        printed: tuple[Piece, ...] = ("null",)
        if one.quantity is not None:
            quantities = self._quantities(one.quantity, rows, one.decimals)
            own["quantity"], printed = quantities.values, ('"', quantities.texts, '"')
        if one.determinants:
            own["determinants"] = _some(self._behind(one.determinants), flags)
        if any(self._columns[number].present is not None for number in one.of):
            own["of"] = _some(self._rested_on(one), flags)
        found = _made(self._model(one, one.of), own)
        figures = ('["', texts(amounts), '","', exact.texts(), '",', *printed, "]")
        said = CanonicalColumn(found, canonical_texts(figures, len(found)))
        if one.alike:
            return CanonicalColumn(said.values * self._count, said.texts * self._count)
        return said if flags is None else _spread(said, flags)

    def _model(self, one: LineColumn, of: Sequence[int]) -> RatedLine:
        keys = tuple(self._columns[number].key for number in of)
        return one.model(tuple(self._measured[n].model for n in one.determinants), keys)

    def _line_form(self, number: int, of: tuple[int, ...]) -> str:
        def make() -> str:
            models = [one.model for one in self._measured]
            return canonical(line_form(self._model(self._columns[number], of).to_json(models)))

        return self._once(("form", number, of), make)

    def _rested_on(self, one: LineColumn) -> list[tuple[str, ...]]:
        """Keys of the lines a line rests on, of those that each bill has."""
        bases = [self._columns[number] for number in one.of]
        keys = tuple(base.key for base in bases)
        flags = [[True] * self._count if b.present is None else b.present.tolist() for b in bases]
        present = list(zip(*flags, strict=True))
        found = {row: tuple(compress(keys, row)) for row in set(present)}
        return [found[row] for row in present]

    def _fractions(self, column: Column) -> CanonicalColumn[Fraction]:
        def make() -> CanonicalColumn[Fraction]:
            ratios = Ratios.of(column)
            return CanonicalColumn(ratios.fractions(), ratios.texts())

        return self._once(("fractions", id(column)), make)

    def _quantities(
        self, quantity: Column, rows: slice | Mask, digits: int
    ) -> CanonicalColumn[Decimal]:
        def make() -> CanonicalColumn[Decimal]:
            found = printed_all(quantity.only(rows), digits)
            return CanonicalColumn(found, texts(found))

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


def _together(
    columns: Sequence[CanonicalColumn[T]], count: int, *, gaps: bool
) -> CanonicalColumn[tuple[T, ...]]:
    """The objects of each bill, without those that a bill has not."""
    if not columns:
        return CanonicalColumn([()] * count, [""] * count)
    values = zip(*(column.values for column in columns), strict=True)
    said = zip(*(column.texts for column in columns), strict=True)
    if not gaps:
        return CanonicalColumn(list(values), list(map(",".join, said)))
    return CanonicalColumn(
        [tuple(filter(None, row)) for row in values],
        [",".join(filter(None, row)) for row in said],
    )


def _some(values: Sequence[T], flags: Sequence[bool] | None) -> list[T]:
    return list(values if flags is None else compress(values, flags))


def _spread(column: CanonicalColumn[Any], flags: Sequence[bool]) -> CanonicalColumn[Any]:
    """A column with nothing where a bill has no such line."""
    values, said = iter(column.values), iter(column.texts)
    return CanonicalColumn(
        [next(values) if flag else None for flag in flags],
        [next(said) if flag else "" for flag in flags],
    )


def _windows(selection: Selection, begins: Ints, width: int) -> CanonicalColumn[Selection]:
    """The selection of each meter's own windows, a column of `begins` each."""
    windows = [list(zip(own, repeat(width), strict=False)) for own in begins.T.tolist()]
    said = [[f"[{begin},{width}]" for begin, _ in own] for own in windows]
    found = _made(selection, {"runs": zip(*windows, strict=True)})
    together = list(map(",".join, zip(*said, strict=True)))
    members: dict[str, Sequence[Piece]] = {
        name: (canonical(value),) for name, value in selection.to_json().items()
    }
    return CanonicalColumn(
        found, canonical_objects(members | {"runs": ("[", together, "]")}, len(found))
    )


@lru_cache(maxsize=4096)
def _versions(versions: tuple[int, ...]) -> str:
    return canonical(list(versions))

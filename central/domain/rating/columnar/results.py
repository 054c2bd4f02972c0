"""The bills of a batch as objects, column by column.

What bills share is made once: names, prices, selections. What differs is made a column at a time
and put together bill by bill, so that a bill with all its lineage takes little more than its own
numbers do. `result_texts` tells the same figures as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from hashlib import sha256
from itertools import compress, repeat
from typing import Any, Generic, NamedTuple, TypeVar

from central.domain.rating.bill_lines.line import Determinant, RatedLine, Selection
from central.domain.rating.columnar.column_format import Ratios, decimals, printed_all, texts
from central.domain.rating.columnar.computed_columns import ComputedRow, Multiplied
from central.domain.rating.columnar.day_matrix import InputRow
from central.domain.rating.columnar.determinant_columns import Measured
from central.domain.rating.columnar.exact_column import Column, Ints, Mask
from central.domain.rating.columnar.line_column import LineColumn
from central.domain.rating.hashing import Piece, canonical, canonical_objects
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.segments import DayRange

T = TypeVar("T")
E = TypeVar("E")


Rows = Mapping[str, Sequence[Sequence[InputRow | ComputedRow]]]
"""Input or series to what it is made of, and of each of those a row per meter."""


class CanonicalColumn(Generic[T]):
    """A column of objects, written out once somebody asks for their text.

    Args:
        values: One per meter.
        write: Gives their canonical texts.
    """

    def __init__(self, values: list[T], write: Callable[[], list[str]]) -> None:
        self.values = values
        self._write = write

    @cached_property
    def texts(self) -> list[str]:
        """The canonical text of each."""
        return self._write()


class DeterminantFigures(NamedTuple):
    """What differs between the meters in a determinant.

    Args:
        exact: Before rounding.
        value: That is priced and printed.
        adjusted: What was left out of the sum; None where every meter has the model's.
        selection: The meter's own windows; None where every meter has the model's.
        sources: The blocks behind it; none where it is a formula.
        source_numbers: Their numbers among all sources.
    """

    exact: CanonicalColumn[Fraction]
    value: CanonicalColumn[Fraction]
    adjusted: CanonicalColumn[Fraction] | None
    selection: CanonicalColumn[Selection] | None
    sources: tuple[CanonicalColumn[BlockSource], ...]
    source_numbers: tuple[int, ...]


Place = tuple[str, int, DayRange]
"""An input or series, the number of what it is made of, and days."""


class LineFigures(NamedTuple):
    """What differs in a line between the meters that have it; one row where nothing does.

    Args:
        exact: Amount before rounding. [currency]
        amount: [currency]
        quantity: As printed; None where a line has only an amount.
        of: Keys of the lines that it rests on; None where every meter has the model's.
        flags: Which meters have it; None for all.
    """

    exact: CanonicalColumn[Fraction]
    amount: CanonicalColumn[Decimal]
    quantity: CanonicalColumn[Decimal] | None
    of: list[tuple[str, ...]] | None
    flags: list[bool] | None


class Results:
    """The objects of one batch; what several lines share is made once.

    Args:
        rows: Input or series to what it is made of, and of each of those the blocks of each meter.
        days: Of those blocks.
        measured: Determinants.
        columns: Lines, in print order.
        count: How many meters.
    """

    def __init__(
        self,
        rows: Rows,
        days: DayRange,
        measured: Sequence[Measured],
        columns: Sequence[LineColumn],
        count: int,
    ) -> None:
        self._rows = rows
        self._days = days
        self._memo: dict[object, Any] = {}
        self.measured = measured
        self.columns = columns
        self.count = count
        self._numbers: dict[BlockSource, int] = {}
        self.places: list[Place] = []
        for measure in measured:
            for place in self._places(measure) if measure.series else ():
                if self._source_of_first(place) not in self._numbers:
                    self._numbers[self._source_of_first(place)] = len(self.places)
                    self.places.append(place)
        self.determinant_figures = [self._determinant_figures(one) for one in measured]
        self._determinants = list(map(self._determinant, measured, self.determinant_figures))

    def determinants(self) -> list[tuple[Determinant, ...]]:
        """All determinants of each bill."""
        return together(self._determinants, self.count)

    def lines(self) -> list[tuple[RatedLine, ...]]:
        """The lines of each bill, in print order."""
        numbers = range(len(self.columns))
        gaps = any(one.present is not None for one in self.columns)
        return together(list(map(self._line, numbers)), self.count, gaps=gaps)

    def source(self, name: str, number: int, days: DayRange) -> CanonicalColumn[BlockSource]:
        """The blocks of one of the inputs that a series is made of, on some days."""
        key = ("source", name, number, days)
        return self._once(key, lambda: self._source(name, self._rows[name][number], days))

    def sources(self, name: str, days: DayRange) -> tuple[CanonicalColumn[BlockSource], ...]:
        """The blocks of an input or series on some days."""
        return tuple(self.source(name, number, days) for number in range(len(self._rows[name])))

    def line_figures(self, number: int) -> LineFigures:
        """What differs in a line."""
        return self._once(("line", number), lambda: self._line_figures(self.columns[number]))

    def line_model(self, number: int, of: Sequence[int]) -> RatedLine:
        """A line with all that meters share.

        Args:
            number: Of the line.
            of: Numbers of the lines that it rests on.
        """
        keys = tuple(self.columns[base].key for base in of)
        one = self.columns[number]
        return one.model(tuple(self.measured[n].model for n in one.determinants), keys)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        made: T = self._memo[key]
        return made

    def _source_of_first(self, place: Place) -> BlockSource:
        """Of the first meter: an input by itself is the same source as in a series with others."""
        return self.source(*place).values[0]

    def _places(self, one: Measured) -> list[Place]:
        return [(one.series, number, one.days) for number in range(len(self._rows[one.series]))]

    def _source(
        self, name: str, rows: Sequence[InputRow | ComputedRow], days: DayRange
    ) -> CanonicalColumn[BlockSource]:
        first = (days.first - self._days.first).days
        end = first + days.count
        model = rows[0].source(name, days, first)
        channels = [row.channel_id for row in rows]
        versions = [row.versions[first:end] for row in rows]
        hashes = [sha256(row.sha256[32 * first : 32 * end]).hexdigest() for row in rows]
        found = _made(model, {"channel_id": channels, "versions": versions, "sha256": hashes})

        def write() -> list[str]:
            members: dict[str, Sequence[Piece]] = {
                name: (canonical(value),) for name, value in model.to_json().items()
            }
            members["channel_id"] = (list(map(str, channels)),)
            members["sha256"] = ('"', hashes, '"')
            members["versions"] = (list(map(_versions, versions)),)
            return canonical_objects(members, self.count)

        return CanonicalColumn(found, write)

    def _determinant_figures(self, one: Measured) -> DeterminantFigures | None:
        """None where every meter has the same, with nothing measured behind it."""
        if not one.varies:
            return None
        windows = None
        if one.begins is not None and one.model.selection is not None:
            windows = _windows(one.model.selection, one.begins, one.width)
        return DeterminantFigures(
            self._fractions(one.exact),
            self._fractions(one.value),
            None if one.adjusted is None else self._fractions(one.adjusted),
            windows,
            self.sources(one.series, one.days) if one.series else (),
            tuple(self._numbers[self._source_of_first(place)] for place in self._places(one))
            if one.series
            else (),
        )

    def _determinant(self, one: Measured, figures: DeterminantFigures | None) -> list[Determinant]:
        if figures is None:
            return [one.model] * self.count
        own: dict[str, Iterable[object]] = {
            "exact": figures.exact.values,
            "value": figures.value.values,
        }
        if figures.sources:
            own["sources"] = zip(*(source.values for source in figures.sources), strict=True)
        if figures.adjusted is not None:
            own["adjusted"] = figures.adjusted.values
        if figures.selection is not None:
            own["selection"] = figures.selection.values
        return _made(one.model, own)

    def _line_figures(self, one: LineColumn) -> LineFigures:
        rows: slice | Mask = slice(1 if one.alike else None) if one.present is None else one.present
        flags = None if one.present is None else one.present.tolist()
        exact = Ratios.of(one.exact.only(rows))
        amounts = decimals(one.amount[rows].tolist(), one.digits)
        of = None
        if any(self.columns[number].present is not None for number in one.of):
            of = some(self._rested_on(one), flags)
        return LineFigures(
            CanonicalColumn(exact.fractions(), exact.texts),
            CanonicalColumn(amounts, partial(texts, amounts)),
            None if one.quantity is None else self._quantities(one.quantity, rows, one.decimals),
            of,
            flags,
        )

    def _line(self, number: int) -> list[RatedLine] | list[RatedLine | None]:
        one, figures = self.columns[number], self.line_figures(number)
        own: dict[str, Iterable[object]] = {
            "exact": figures.exact.values,
            "amount": figures.amount.values,
        }
        if figures.quantity is not None:
            own["quantity"] = figures.quantity.values
        if one.determinants:
            own["determinants"] = some(self._behind(one.determinants), figures.flags)
        if figures.of is not None:
            own["of"] = figures.of
        found: list[RatedLine] = _made(self.line_model(number, one.of), own)
        if one.alike:
            return found * self.count
        return found if figures.flags is None else spread(found, figures.flags, None)

    def _rested_on(self, one: LineColumn) -> list[tuple[str, ...]]:
        """Keys of the lines a line rests on, of those that each bill has."""
        bases = [self.columns[number] for number in one.of]
        keys = tuple(base.key for base in bases)
        flags = [[True] * self.count if b.present is None else b.present.tolist() for b in bases]
        present = list(zip(*flags, strict=True))
        found = {row: tuple(compress(keys, row)) for row in set(present)}
        return [found[row] for row in present]

    def _fractions(self, column: Column) -> CanonicalColumn[Fraction]:
        def make() -> CanonicalColumn[Fraction]:
            ratios = Ratios.of(column)
            return CanonicalColumn(ratios.fractions(), ratios.texts)

        return self._once(("fractions", id(column)), make)

    def _quantities(
        self, quantity: Column, rows: slice | Mask, digits: int
    ) -> CanonicalColumn[Decimal]:
        def make() -> CanonicalColumn[Decimal]:
            found = printed_all(quantity.only(rows), digits)
            return CanonicalColumn(found, partial(texts, found))

        if not isinstance(rows, slice) or rows.stop is not None:
            return make()
        return self._once(("quantity", id(quantity), digits), make)

    def _behind(self, numbers: tuple[int, ...]) -> list[tuple[Determinant, ...]]:
        columns = [self._determinants[number] for number in numbers]
        return self._once(("behind", numbers), lambda: list(zip(*columns, strict=True)))


def _made(model: Any, own: Mapping[str, Iterable[object]]) -> list[Any]:  # noqa: ANN401 - any named tuple
    """Named tuples like a model but for some fields, whose columns are given."""
    columns = [
        own.get(name, repeat(value)) for name, value in zip(model._fields, model, strict=True)
    ]
    return list(map(tuple.__new__, repeat(type(model)), zip(*columns, strict=False)))


def rows_of(
    table: Sequence[Sequence[InputRow]],
    inputs: Sequence[str],
    computed: Mapping[str, tuple[object, Sequence[Multiplied]]],
) -> Rows:
    """What the inputs and series of a bill are made of.

    Args:
        table: Of each meter the row of each input.
        inputs: Their names.
        computed: Series to what becomes of its inputs.
    """
    columns = {name: [row[number] for row in table] for number, name in enumerate(inputs)}
    rows: dict[str, list[list[InputRow | ComputedRow]]] = {
        name: [list(column)] for name, column in columns.items()
    }
    for name, (_, terms) in computed.items():
        rows[name] = [[ComputedRow(row, how) for row in columns[how.input]] for how in terms]
    return rows


def together(
    columns: Sequence[Sequence[T | None]], count: int, *, gaps: bool = False
) -> list[tuple[T, ...]]:
    """What each bill has of some columns.

    Args:
        columns: An entry per bill each; nothing where a bill has none.
        count: How many bills.
        gaps: Whether a bill may have none.
    """
    if not columns:
        return [()] * count
    rows = zip(*columns, strict=True)
    return [tuple(filter(None, row)) for row in rows] if gaps else list(rows)


def some(values: Sequence[T], flags: Sequence[bool] | None) -> list[T]:
    """Those of some values that a flag stands at; all where there are no flags."""
    return list(values if flags is None else compress(values, flags))


def spread(column: Sequence[T], flags: Sequence[bool], empty: E) -> list[T | E]:
    """A column at the places that a flag stands at, with something empty between."""
    values = iter(column)
    return [next(values) if flag else empty for flag in flags]


def _windows(selection: Selection, begins: Ints, width: int) -> CanonicalColumn[Selection]:
    """The selection of each meter's own windows, a column of `begins` each."""
    windows = [list(zip(begun, repeat(width), strict=False)) for begun in begins.T.tolist()]
    selections = _made(selection, {"runs": zip(*windows, strict=True)})

    def write() -> list[str]:
        pairs = [[f"[{begin},{width}]" for begin, _ in begun] for begun in windows]
        runs = list(map(",".join, zip(*pairs, strict=True)))
        members: dict[str, Sequence[Piece]] = {
            name: (canonical(value),) for name, value in selection.to_json().items()
        }
        return canonical_objects(members | {"runs": ("[", runs, "]")}, len(selections))

    return CanonicalColumn(selections, write)


@lru_cache(maxsize=4096)
def _versions(versions: tuple[int, ...]) -> str:
    return canonical(list(versions))

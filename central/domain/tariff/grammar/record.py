"""A construct as a table of rows, from which it is read, written and described."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    Json,
    Kind,
    Schema,
    list_shape,
    map_shape,
    read_entries,
)
from central.domain.tariff.refusal import Code

Check: TypeAlias = Callable[[Cursor], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One key of a construct.

    Args:
        key: As the document says it.
        kind: Of its value.
        default: What holds where it is absent; a value equal to it is not written.
        required: Whether it must be there; such a key is always written.
        always: Whether it is written at its default as well.
        attribute: Name in the model, "" for the key's own.
        in_model: Whether the model holds it; what only repeats or restricts is read and forgotten.
        get: What to write of the model, where that is no attribute of it.
        when: Whether the key has a meaning beside what is read before it; it is unknown otherwise.
        absent: What refuses a required key's absence, where there is more to say.
        then: What follows from the value, or its absence, for what is read after it.
        published: Whether the schema requires it, though documents of before are read without.
        ends: Whether its refusal ends the reading, since what stands after it rests on it.
    """

    key: str
    kind: Kind | Record
    default: Any = None
    required: bool = False
    always: bool = False
    attribute: str = ""
    in_model: bool = True
    get: Callable[[Any], object] | None = None
    when: Callable[[Cursor], bool] | None = None
    absent: Callable[[Cursor], NoReturn] | None = None
    then: Check | None = None
    published: bool = False
    ends: bool = False

    @property
    def is_always_required(self) -> bool:
        """Whether no document of the construct is without it."""
        return self.required and self.when is None

    def read(self, record: Cursor) -> None:
        """Put the value, or what holds in its absence, among the record's values."""
        if record.has(self.key):
            record.values[self.key] = self.kind.read(record.field(self.key))
        elif self.required:
            self._refuse_absence(record)
        else:
            record.values[self.key] = self.default
        if self.then is not None:
            self.then(record)

    def _refuse_absence(self, record: Cursor) -> NoReturn:
        if self.absent is not None:
            self.absent(record)
        record.refuse(Code.MISSING_KEY, f"{self.key!r} is missing.", "Add it.")

    def write(self, model: object) -> Iterator[tuple[str, object]]:
        """The key and its value as text, unless they need not be said."""
        if not self.in_model and self.get is None:
            return
        value = self.get(model) if self.get else getattr(model, self.attribute or self.key)
        if self.always or self.is_always_required or value != self.default:
            yield self.key, self.kind.write(value)


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys.

    Args:
        model: The class of what is read.
        rows: Its keys, in the order in which they are read and written.
        checks: What must hold between them, in this order.
        make: The model from the values read; None passes each to the attribute of its row.
        named: Whether the model is named by the key under which it stands.
        ref: Its name among the schema's definitions, "" where the shape is written out.
    """

    model: Any
    rows: tuple[Row, ...]
    checks: tuple[Check, ...] = ()
    make: Callable[[Cursor], object] | None = None
    named: bool = False
    ref: str = ""

    def read(self, cursor: Cursor) -> object:
        """The model, from the mapping at a cursor."""
        self.read_values(cursor)
        return self.model_of(cursor)

    def read_values(self, cursor: Cursor) -> None:
        """The values of all rows, with what the checks say of them; every fault is named."""
        for key in cursor.fields().keys() - {row.key for row in self.rows}:
            self._note_unknown(key, cursor)
        for row in self.rows:
            with cursor.reading(row.key):
                self._read_row(row, cursor)
            if row.ends and row.key in cursor.values.refused:
                cursor.stop_if_refused()
        for check in self.checks:
            with cursor.reading():
                check(cursor)
        cursor.stop_if_refused()

    def _read_row(self, row: Row, cursor: Cursor) -> None:
        if row.when is None or row.when(cursor):
            row.read(cursor)
            return
        cursor.values[row.key] = row.default
        if cursor.has(row.key):
            self._note_unknown(row.key, cursor)

    def _note_unknown(self, key: str, cursor: Cursor) -> None:
        keys = sorted(row.key for row in self.rows if row.key != key)
        message, remedy = f"{key!r} is not a key here.", f"Use one of {', '.join(keys)}."
        path = cursor.inside(key, cursor.node).path
        cursor.report.note(Code.UNKNOWN_KEY, cursor.key_line(key), path, message, remedy)

    def model_of(self, cursor: Cursor) -> object:
        """The model of values that are read."""
        if self.make is not None:
            return self.make(cursor)
        return self.model(**self.attributes(cursor))

    def attributes(self, cursor: Cursor) -> dict[str, Any]:
        """The values read, by the model's names."""
        values = {
            row.attribute or row.key: cursor.values[row.key] for row in self.rows if row.in_model
        }
        return {"name": cursor.key, **values} if self.named else values

    def write(self, model: object) -> Json:
        """The mapping that `read` takes."""
        return {key: value for row in self.rows for key, value in row.write(model)}

    @property
    def schema(self) -> Schema:
        """The shape, or a reference to it."""
        return {"$ref": f"#/$defs/{self.ref}"} if self.ref else self.shape

    @property
    def shape(self) -> Schema:
        """What the JSON Schema says of it."""
        required = [row.key for row in self.rows if row.is_always_required or row.published]
        shape: Schema = {
            "type": "object",
            "properties": {row.key: row.kind.schema for row in self.rows},
            "additionalProperties": False,
        }
        return shape | ({"required": required} if required else {})


def list_of(kind: Kind | Record, *, alone: bool = False) -> Kind:
    """A list.

    Args:
        kind: Of each entry.
        alone: Whether the list stands without the entries that are refused.
    """

    def read(cursor: Cursor) -> tuple[object, ...]:
        values = cursor.each(kind.read, cursor.items())
        if not alone:
            cursor.stop_if_refused()
        return values

    def write(values: tuple[object, ...]) -> list[object]:
        return [kind.write(value) for value in values]

    return Kind(read, write, list_shape(kind.schema))


def named(kind: Kind | Record, *, alone: bool = False) -> Kind:
    """A mapping of names to models that hold their name; `alone` as for a list."""

    def read(cursor: Cursor) -> tuple[object, ...]:
        values = cursor.each(kind.read, read_entries(cursor))
        if not alone:
            cursor.stop_if_refused()
        return values

    def write(values: tuple[Any, ...]) -> Json:
        return {value.name: kind.write(value) for value in values}

    return Kind(read, write, map_shape(kind.schema))


def pairs(kind: Kind | Record) -> Kind:
    """A mapping of names to values, as pairs."""

    def read(cursor: Cursor) -> tuple[tuple[str, object], ...]:
        entries = read_entries(cursor)
        values = cursor.each(kind.read, entries)
        cursor.stop_if_refused()
        return tuple((entry.key, value) for entry, value in zip(entries, values, strict=True))

    def write(values: tuple[tuple[str, object], ...]) -> Json:
        return {name: kind.write(value) for name, value in values}

    return Kind(read, write, map_shape(kind.schema))


def variants(*records: Record, pick: Callable[[Cursor], Record], ref: str = "") -> Kind:
    """One of several constructs, told apart by what stands in the mapping."""

    def read(cursor: Cursor) -> object:
        return pick(cursor).read(cursor)

    def write(value: object) -> object:
        return next(record for record in records if record.model is type(value)).write(value)

    return Kind(read, write, {"anyOf": [record.schema for record in records]}, ref=ref)

"""Numbers made of events."""

from __future__ import annotations

from dataclasses import dataclass

from central.domain.tariff.determinant_rules import EventDeterminant
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import NAME, TEXT, TEXTS, one_of
from central.domain.tariff.grammar.names import SCHEDULE
from central.domain.tariff.grammar.record import Record, Row, pairs
from central.domain.tariff.refusal import Code

_LEVELS = frozenset({"latest", "time_weighted"})


@dataclass(frozen=True, slots=True)
class Split:
    """The field that splits a number of events.

    Args:
        field: Name of the field.
        values: Its values, each a label.
        other: Label of all other values, None where they hold the bill.
    """

    field: str = ""
    values: tuple[str, ...] = ()
    other: str | None = None


def _check_distinct_values(split: Cursor) -> None:
    values = split.values["values"]
    if len(set(values) | {split.values["other"]}) <= len(values):
        split.refuse(Code.DUPLICATE_NAME, "A value is listed twice.", "Keep one of them.")


SPLIT = Record(
    Split,
    (
        Row("field", TEXT, required=True),
        Row("values", TEXTS, required=True),
        Row("other", TEXT),
    ),
    checks=(_check_distinct_values,),
)


def _check_key(events: Cursor) -> None:
    take, key = events.values["take"], events.values["key"]
    if take == "unique" and key is None:
        events.refuse(Code.MISSING_KEY, "`unique` needs a key.", "Add `key: user`.")
    if key is not None and take not in _LEVELS | {"unique"}:
        events.refuse(Code.CONFLICT, f"`key` does not apply to {take}.", "Drop `key`.")


def _check_time(events: Cursor) -> None:
    take = events.values["take"]
    if events.values["per"] != "average" and take != "time_weighted":
        message = f"{take} is not multiplied by time."
        remedy = "Use take: time_weighted."
        events.field("per").refuse(Code.CONFLICT, message, remedy, line=events.line)


def _check_one_split(events: Cursor) -> None:
    values = events.values
    if values["by"] and (values["split"].field or values["take"] in _LEVELS):
        message = "Levels, and what is split by a field, are not split by period."
        remedy = "Keep one of them."
        events.field("by").refuse(Code.CONFLICT, message, remedy, line=events.line)


def _make_events(events: Cursor) -> EventDeterminant:
    values, split = events.values, events.values["split"]
    units = {"count": "event", "unique": values["key"]}
    return EventDeterminant(
        name=events.key,
        stream=values["events"],
        take=values["take"],
        unit=values["unit"] or units.get(values["take"], values["events"]),
        key=values["key"],
        where=values["where"],
        by=values["by"],
        field=split.field,
        values=split.values,
        other=split.other,
        per=values["per"],
    )


def _split_of(rule: EventDeterminant) -> Split:
    return Split(rule.field, rule.values, rule.other)


EVENTS = Record(
    EventDeterminant,
    (
        Row("events", NAME, required=True, attribute="stream"),
        Row(
            "take",
            one_of("sum", "count", "max", "unique", "latest", "time_weighted"),
            default="sum",
            always=True,
        ),
        Row("unit", TEXT),
        Row("key", TEXT),
        Row("where", pairs(TEXTS), default=()),
        Row("by", SCHEDULE, default=""),
        Row("split", SPLIT, default=Split(), get=_split_of),
        Row("per", one_of("average", "hour", "day"), default="average"),
    ),
    checks=(_check_key, _check_time, _check_one_split),
    make=_make_events,
)

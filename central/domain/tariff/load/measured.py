"""Rebates against a baseline, and events, from text."""

from __future__ import annotations

from typing import Literal, cast

from central.domain.tariff.determinant_rules import (
    Adjustment,
    Baseline,
    EventDeterminant,
    RebateDeterminant,
    Take,
)
from central.domain.tariff.load.fields import FieldReader, fields_of, text_of, texts_of
from central.domain.tariff.load.names import hours_named, schedule_named, series_named
from central.domain.tariff.load.prices import Scope
from central.domain.tariff.load.yaml_source import Fields, Node
from central.domain.tariff.refusal import Code

Made = tuple[RebateDeterminant | EventDeterminant, str, str]
_TAKES = ("sum", "count", "max", "unique", "latest", "time_weighted")
_KEPT = frozenset({"latest", "time_weighted"})


def rebate(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    """A reduction against a baseline, in the hours of events."""
    series = series_named("rebate", reader, units)
    during = hours_named("during", reader, scope)
    if during is None:
        reader.need("during")
        raise AssertionError
    baseline = _baseline(
        FieldReader(reader.need("baseline"), reader.where("baseline"), reader.report)
    )
    floor = reader.choice("floor", ("event", "interval", "none"), "event")
    made = RebateDeterminant(
        name, series, during, baseline, cast("Literal['event', 'interval', 'none']", floor)
    )
    return made, units[series], ""


def _baseline(reader: FieldReader) -> Baseline:
    days = reader.whole("days", 1, 60)
    pick = reader.whole("pick", 1, 60, default=days)
    if pick > days:
        message = f"{pick} of {days} days cannot be picked."
        reader.report.refuse(
            Code.OUT_OF_RANGE, reader.line, reader.where("pick"), message, "Pick fewer."
        )
    rank = reader.choice("rank", ("highest", "lowest", "latest"), "highest")
    like = reader.choice("like", ("day_type", "any"), "day_type")
    reach = reader.whole("reach", 1, 366, default=60)
    adjust = None
    if (node := reader.take("adjust")) is not None:
        adjust = _adjustment(FieldReader(node, reader.where("adjust"), reader.report))
    reader.done()
    return Baseline(
        days,
        pick,
        cast("Literal['highest', 'lowest', 'latest']", rank),
        cast("Literal['day_type', 'any']", like),
        reach,
        adjust,
    )


def _adjustment(reader: FieldReader) -> Adjustment:
    minutes = reader.whole("minutes", 1, 1440)
    gap = reader.whole("gap", 0, 1440, default=0)
    cap = reader.number("cap")
    if not 0 <= cap <= 100:  # noqa: PLR2004 - percent
        message = f"A cap of {cap} % is out of range."
        reader.report.refuse(
            Code.OUT_OF_RANGE, reader.line, reader.where("cap"), message, "Write 0 to 100."
        )
    reader.done()
    return Adjustment(minutes, gap, cap)


def events(name: str, reader: FieldReader, scope: Scope, units: dict[str, str]) -> Made:
    """A number made of events."""
    del units
    stream = reader.name("events")
    take = cast("Take", reader.choice("take", _TAKES, "sum"))
    key = reader.text("key")
    if take == "unique" and key is None:
        message = "What is unique has to be named."
        reader.report.refuse(
            Code.MISSING_KEY, reader.line, reader.path, message, "Add `key: user`."
        )
    if key is not None and take not in _KEPT | {"unique"}:
        message = f"A key says nothing for {take}."
        reader.report.refuse(Code.CONFLICT, reader.line, reader.path, message, "Drop `key`.")
    per = reader.choice("per", ("average", "hour", "day"), "average")
    if per != "average" and take != "time_weighted":
        message = f"{take} is not multiplied by time."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.where("per"), message, "Use take: time_weighted."
        )
    unit = reader.text("unit") or {"count": "event", "unique": key or ""}.get(take, stream)
    where = _where(reader)
    by = schedule_named(reader, scope.calendar)
    field, values, other = _dimension(reader)
    if by and (field or take in _KEPT):
        message = "Levels, and what is split by a field, are not split by period."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.where("by"), message, "Keep one of them."
        )
    split = by
    if field:
        split = f"{name} by {field}"
        scope.fields[split] = frozenset(values) | ({other} if other else frozenset())
    average = cast("Literal['average', 'hour', 'day']", per)
    made = EventDeterminant(name, stream, take, unit, key, where, by, field, values, other, average)
    return made, unit, split


def _where(reader: FieldReader) -> tuple[tuple[str, tuple[str, ...]], ...]:
    node = reader.take("where")
    if node is None:
        return ()
    path = reader.where("where")
    return tuple(
        (field, texts_of(child, f"{path}.{field}", reader.report))
        for field, child in fields_of(node, path, reader.report)
    )


def _dimension(reader: FieldReader) -> tuple[str, tuple[str, ...], str | None]:
    node: Node | None = reader.take("split")
    if node is None:
        return "", (), None
    path = reader.where("split")
    if isinstance(node, Fields) and not node.nodes:
        reader.report.refuse(Code.MISSING_KEY, node.line, path, "There is no field.", "Name one.")
    inner = FieldReader(node, path, reader.report)
    field = text_of(inner.need("field"), inner.where("field"), reader.report)
    values = texts_of(inner.need("values"), inner.where("values"), reader.report)
    other = inner.text("other")
    inner.done()
    if len(set(values) | {other}) <= len(values):
        message = "A value stands here twice."
        reader.report.refuse(Code.DUPLICATE_NAME, node.line, path, message, "Keep one of them.")
    return field, values, other

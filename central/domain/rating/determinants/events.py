"""Determinants made of events: counted, summed, held over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.period_runs import plan_of
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.inputs.usage_event import SECONDS, Event, EventSource
from central.domain.tariff.determinant_rules import EventDeterminant
from firmware_bridge.contract.interval import Interval

_MINUTE_S = 60
_HOW = {"count": "sum"}
Spans = tuple[tuple[datetime, datetime], ...]
Fields = tuple[tuple[str, bool, tuple[str, ...]], ...]


def compute_events(
    rule: EventDeterminant, segment: Segment, context: RatingContext
) -> Iterator[Determinant]:
    """The number of a segment's events, by period or by the values of a field.

    How events make it stands in `EventSource.value`. Levels of `latest` and `time_weighted` come
    from the bill before, go on from segment to segment, and are left to the next bill.

    Raises:
        HeldError: The stream is not given, two events of one identifier differ, or one has a value
            of the field that the tariff does not list.

    Source: docs/reference/charges.md, "Counted things"
    """
    given = context.events.get(rule.stream)
    if given is None:
        # A stream without events is given as such: that nobody asked for it is no zero.
        message = f"The events of {rule.stream!r} are missing."
        raise HeldError(Hold("MISSING_EVENTS", message, rule.stream))
    events = distinct(rule.stream, given)
    where: Fields = tuple((name, True, values) for name, values in rule.where)
    for label, spans, fields in _labels(rule, segment, context):
        levels = context.levels.setdefault((rule.name, label), {})
        source = EventSource(
            rule.stream,
            rule.take,
            spans,
            (*where, *fields),
            rule.key or "",
            SECONDS.get(rule.per, 0),
            tuple(sorted(levels.items())) if rule.take in {"latest", "time_weighted"} else (),
        )
        chosen = source.chosen(events)
        value, left = source.value(chosen)
        if source.opening or rule.take in {"latest", "time_weighted"}:
            levels.update(left)
        yield Determinant(
            rule.name,
            segment.number,
            label,
            rule.unit,
            value,
            value,
            _HOW.get(rule.take, rule.take),
            events=source.signed(chosen),
        )
    _all_listed(rule, segment, events, where)


def distinct(stream: str, events: Sequence[Event]) -> list[Event]:
    """Events without repetitions.

    Raises:
        HeldError: Two of one identifier differ.
    """
    found: dict[str, Event] = {}
    for event in events:
        if found.setdefault(event.id, event) != event:
            message = f"Two events {event.id!r} of {stream!r} differ."
            raise HeldError(Hold("DUPLICATE_EVENT", message, event.id))
    return list(found.values())


def _labels(
    rule: EventDeterminant, segment: Segment, context: RatingContext
) -> Iterator[tuple[str, Spans, Fields]]:
    document = segment.version.document
    whole = segment.days.interval(document.zone, document.day_start)
    spans: Spans = ((whole.start, whole.end),)
    if rule.by:
        plan = plan_of(segment.version, rule.by, segment.days, _MINUTE_S, context.resolved)
        for number, label in enumerate(plan.labels):
            if plan.runs[number]:
                yield label, tuple(_span(whole.start, run) for run in plan.runs[number]), ()
    elif rule.field:
        for value in rule.values:
            yield value, spans, ((rule.field, True, (value,)),)
        if rule.other is not None:
            yield rule.other, spans, ((rule.field, False, rule.values),)
    else:
        yield "", spans, ()


def _span(start: datetime, run: tuple[int, int]) -> tuple[datetime, datetime]:
    begin = start + timedelta(minutes=run[0])
    return begin, begin + timedelta(minutes=run[1])


def _all_listed(
    rule: EventDeterminant, segment: Segment, events: Sequence[Event], where: Fields
) -> None:
    if not rule.field or rule.other is not None:
        return
    document = segment.version.document
    whole = segment.days.interval(document.zone, document.day_start)
    every = EventSource(
        rule.stream, rule.take, ((whole.start, whole.end),), where, "", 0, ()
    ).chosen(events)
    for event in every:
        if event.field(rule.field) not in rule.values:
            message = f"{rule.name!r} does not list the {rule.field} {event.field(rule.field)!r}."
            raise HeldError(Hold("UNKNOWN_DIMENSION", message, event.id))


def events_within(events: Sequence[Event], span: Interval) -> tuple[Event, ...]:
    """The events of some local days."""
    return tuple(event for event in events if span.start <= event.at < span.end)

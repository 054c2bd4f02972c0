"""Usage events from cloud services, each kept once, and whose they are."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Limit, Services, UpdatedSince
from central.api.schemas.base import PageOut, When, page_out
from central.api.schemas.usage_events import (
    AssignmentIn,
    AssignmentOut,
    EventOut,
    EventResultsOut,
    WaitingEventsOut,
    WaitingOut,
)
from central.domain.usage.cloud_event import read_json
from central.domain.usage.usage_event import EventKey
from central.service.operator.services import OperatorServices
from central.service.ports.usage_events import EventFilter, KeptEvent
from central.service.usage.assign_subjects import AssignSubjects
from central.service.usage.events_file import events_of_json, line_of_events
from central.service.usage.gather_events import GatherEvents
from central.service.usage.take_events import BATCH, Given
from central.service.views.paging import Key, decode_cursor, instant_of_cursor, paged
from firmware_bridge.contract.errors import InvalidValueError

router = APIRouter(tags=["usage"])
_LINES = "application/x-ndjson"
_CONTENT = {
    "application/cloudevents+json": {"schema": {"type": "object"}},
    "application/cloudevents-batch+json": {"schema": {"type": "array", "items": {}}},
    "application/json": {"schema": {}},
    _LINES: {"schema": {"type": "string"}},
}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _CONTENT}}
Text = Annotated[str | None, Query(min_length=1, max_length=200)]
Subjects = Annotated[int, Query(ge=1, le=1_000, description="Maximum number of subjects.")]


@router.post(
    "/usage-events",
    openapi_extra=_BODY,
    response_model=None,
    responses={HTTPStatus.OK.value: {"model": EventResultsOut}},
)
async def send_events(request: Request) -> Response:
    """Take in a CloudEvent, a list of them, or one a line; sent again, each is kept once.

    Up to 1,000 at a time, which are kept together. What is refused stops no other: each has its own
    result, in their order.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    given: list[Given]
    if kind == _LINES:
        text = body.decode("utf-8", errors="replace")
        given = [line_of_events(line) for line in text.split("\n") if line.strip()]
    else:
        given = [each.event for each in events_of_json(read_json(body))]
    if len(given) > BATCH:
        message = f"There are {len(given)} events."
        raise InvalidValueError(message, value=len(given), remedy=f"Send {BATCH} at a time.")
    gathered: GatherEvents = request.app.state.gathered_events
    results = await gathered.take(given, request.state.actor)
    return JSONResponse(EventResultsOut.document(results))


@router.get("/usage-events")
async def list_events(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    subject: Text = None,
    type: Text = None,  # noqa: A002 - as events say it
    from_at: When | None = None,
    until_at: When | None = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[EventOut]:
    """List events by time, every version of them."""
    wanted = EventFilter(subject, type, from_at, until_at)
    rows = await services.usage.listed(wanted, _behind(after), limit + 1)
    return page_out(paged(rows, limit, _event_key), EventOut.of)


_EVENT_KEY = (str, str, str, int)


def _event_key(row: KeptEvent) -> Key:
    return (row.event.at.isoformat(), *row.event.key)


def _behind(after: str | None) -> tuple[datetime, EventKey] | None:
    """The place in the list after which a page begins.

    Raises:
        CursorError: It is none of this list.
    """
    key = decode_cursor(after, _EVENT_KEY)
    return None if key is None else (instant_of_cursor(key[0]), EventKey(*key[1:]))  # type: ignore[arg-type]


@router.get("/usage-events/waiting")
async def list_waiting(services: Services, limit: Subjects = 100) -> WaitingEventsOut:
    """Count the events that belong to no service point yet, and list their subjects."""
    count, subjects = await services.usage.waiting(limit)
    return WaitingEventsOut(events=count, subjects=[WaitingOut.of(row) for row in subjects])


@router.post(
    "/usage-subjects",
    response_model=None,
    responses={HTTPStatus.OK.value: {"model": AssignmentOut}},
)
async def assign_subject(services: Services, once: DoOnce, order: AssignmentIn) -> Response:
    """Say to which service point a subject's events belong, until another day says otherwise."""

    async def work() -> tuple[HTTPStatus, AssignmentOut]:
        await _subjects(services).assign(
            order.subject,
            order.point or "",
            order.first,
            once.actor,
            until=order.until,
            reason=order.reason,
        )
        history = await _subjects(services).listed(order.subject)
        newest = [row for row in history if row.from_day == order.first][-1]
        return HTTPStatus.OK, AssignmentOut.of(newest)

    return await once(work)


@router.get("/usage-subjects")
async def list_subjects(
    services: Services,
    subject: Text = None,
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[AssignmentOut]:
    """List to which service points subjects belong, day by day with their revisions."""
    page = await _subjects(services).page(subject, after, limit, updated_since)
    return page_out(page, AssignmentOut.of)


def _subjects(services: OperatorServices) -> AssignSubjects:
    return AssignSubjects(services.usage_event_store, services.clock)

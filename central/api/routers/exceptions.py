"""The queue of what waits for a clerk, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Limit, Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.exceptions import (
    ActionIn,
    ActionOut,
    AssignIn,
    AssignPointIn,
    DecideIn,
    EditExceptionsIn,
    EstimateExceptionsIn,
    ExceptionCountOut,
    ExceptionDocumentOut,
    ExceptionOut,
    FieldOrderIn,
    FieldOrderOut,
    SuppressExceptionsIn,
)
from central.domain.vee.finding import Severity
from central.service.exceptions.accept import accept, decide
from central.service.exceptions.actions import Action, act, outcomes_json
from central.service.exceptions.assign import assign, suppress
from central.service.exceptions.edit import edit
from central.service.exceptions.estimate import estimate
from central.service.exceptions.field_order import field_order
from central.service.exceptions.matching import matching_keys
from central.service.exceptions.release import release
from central.service.exceptions.rerun import rerun
from central.service.exceptions.show import show_exception
from central.service.exceptions.subject_events import assign_point, dismiss
from central.service.operator.services import OperatorServices
from central.service.ports.decisions import DecisionNote
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionFilter, ExceptionKey, ExceptionKind
from central.service.views.paging import changed_since, instant_key

router = APIRouter(tags=["exceptions"])
_Text = Query(min_length=1, max_length=200)
Kinds = Annotated[
    list[ExceptionKind] | None, Query(max_length=len(ExceptionKind), description="Where from.")
]
_DONE: dict[int | str, dict[str, Any]] = {HTTPStatus.OK.value: {"model": ActionOut}}


@router.get("/exceptions")
async def list_exceptions(  # noqa: PLR0913, PLR0917 - one filter each
    services: Services,
    kind: Kinds = None,
    severity: Severity | None = None,
    code: Annotated[str | None, _Text] = None,
    owner: Annotated[str | None, Query(max_length=200, description="'' for nobody.")] = None,
    subject: Annotated[str | None, _Text] = None,
    older: Annotated[int | None, Query(ge=0, le=36_500, description="In days.")] = None,
    after: After = None,
    limit: Limit = LIMIT,
    *,
    hidden: Annotated[bool, Query(description="Those too that are hidden.")] = False,
) -> PageOut[ExceptionOut]:
    """List what waits for a clerk, the oldest first."""
    now = services.clock()
    asked = ExceptionFilter(
        tuple(kind or ()),
        severity,
        code,
        owner,
        None if older is None else now - timedelta(days=older),
        subject,
        None if hidden else now.date(),
    )
    return page_out(await services.exceptions.page(asked, after, limit), ExceptionOut.of)


@router.get("/exceptions/counts")
async def count_exceptions(services: Services, page: Paging) -> PageOut[ExceptionCountOut]:
    """Count what waits by kind and code, and say since when."""
    return page(
        await services.exceptions.counts(),
        lambda entry: (entry.kind.value, entry.code, entry.severity.value),
        ExceptionCountOut.of,
    )


@router.get("/exceptions/{exception}")
async def get_exception(services: Services, exception: str) -> ExceptionDocumentOut:
    """An exception with its evidence: values, register, same days of other weeks."""
    key = ExceptionKey.parse(exception)
    document = await show_exception(services.exceptions, services.evidence, key)
    return ExceptionDocumentOut.of_document(document)


@router.get("/field-orders")
async def list_field_orders(
    services: Services,
    page: Paging,
    updated_since: UpdatedSince = None,
    *,
    closed: Annotated[bool, Query(description="Those too that a reading has closed.")] = False,
) -> PageOut[FieldOrderOut]:
    """List readings that are ordered on site, the earliest due first."""
    orders = changed_since(
        await services.field_orders.orders(None, every=closed),
        updated_since,
        lambda entry: (entry.ordered_at, entry.read_at),
    )
    return page(
        orders,
        lambda entry: (entry.due_on.isoformat(), instant_key(entry.ordered_at), str(entry.uid)),
        FieldOrderOut.of,
    )


@router.post("/exceptions/assign", responses=_DONE, response_model=None)
async def assign_exceptions(services: Services, once: DoOnce, order: AssignIn) -> Response:
    """Give exceptions to somebody, with a due date, or to nobody."""
    return await _done(services, once, order, lambda: assign(order.owner, order.due_on))


@router.post("/exceptions/suppress", responses=_DONE, response_model=None)
async def suppress_exceptions(
    services: Services, once: DoOnce, order: SuppressExceptionsIn
) -> Response:
    """Hide exceptions from the queue until a day; what they hold is held all the same."""
    today = services.clock().date()
    return await _done(services, once, order, lambda: suppress(order.until, today))


@router.post("/exceptions/assign-point", responses=_DONE, response_model=None)
async def assign_points(services: Services, once: DoOnce, order: AssignPointIn) -> Response:
    """Say to which service point the events of subjects belong, from a day on."""
    action = assign_point(order.service_point, order.first, order.end)
    return await _done(services, once, order, lambda: action)


@router.post("/exceptions/dismiss", responses=_DONE, response_model=None)
async def dismiss_exceptions(services: Services, once: DoOnce, order: ActionIn) -> Response:
    """Say that the events of subjects that wait concern nobody; later ones wait again."""
    return await _done(services, once, order, lambda: dismiss)


@router.post("/exceptions/accept", responses=_DONE, response_model=None)
async def accept_exceptions(services: Services, once: DoOnce, order: ActionIn) -> Response:
    """Answer for findings: they hold no bill any more."""
    return await _done(services, once, order, lambda: accept)


@router.post("/exceptions/decide", responses=_DONE, response_model=None)
async def decide_exceptions(services: Services, once: DoOnce, order: DecideIn) -> Response:
    """Decide which of two values readings have; their days are validated again."""
    return await _done(services, once, order, lambda: decide(order.value))


@router.post("/exceptions/edit", responses=_DONE, response_model=None)
async def edit_exceptions(services: Services, once: DoOnce, order: EditExceptionsIn) -> Response:
    """Give intervals of a finding's day other values; the versions before stay."""
    return await _done(services, once, order, lambda: edit(order.values()))


@router.post("/exceptions/estimate", responses=_DONE, response_model=None)
async def estimate_exceptions(
    services: Services, once: DoOnce, order: EstimateExceptionsIn
) -> Response:
    """Estimate what the gaps of findings lack, by a method; the versions before stay."""
    return await _done(services, once, order, lambda: estimate(order.chosen()))


@router.post("/exceptions/release", responses=_DONE, response_model=None)
async def release_exceptions(services: Services, once: DoOnce, order: ActionIn) -> Response:
    """Let bills go on that checks hold, for what they say now."""
    return await _done(services, once, order, lambda: release)


@router.post("/exceptions/rerun", responses=_DONE, response_model=None)
async def rerun_exceptions(services: Services, once: DoOnce, order: ActionIn) -> Response:
    """Validate the days of findings again, or rate held bills again."""
    return await _done(services, once, order, lambda: rerun)


@router.post("/exceptions/field-order", responses=_DONE, response_model=None)
async def order_fields(services: Services, once: DoOnce, order: FieldOrderIn) -> Response:
    """Order readings on site; the first reading since then closes an order."""
    today = services.clock().date()
    return await _done(services, once, order, lambda: field_order(order.due_on, today))


async def _done(
    services: OperatorServices, once: DoOnce, order: ActionIn, action: Callable[[], Action]
) -> Response:
    async def work() -> tuple[HTTPStatus, ActionOut]:
        keys = [ExceptionKey.parse(key) for key in order.exceptions]
        if order.matching is not None:
            asked = order.matching.asked(services.clock())
            keys = await matching_keys(services.exceptions, asked, order.expected)
        note = DecisionNote(once.actor, order.reason, services.clock())
        answer = ActionNote(note, order.reason_code)
        keep = not order.preview
        outcomes = await act(services.actions, keys, action(), answer, keep=keep)
        return HTTPStatus.OK, ActionOut.model_validate(outcomes_json(outcomes, keep=keep))

    return await once(work)

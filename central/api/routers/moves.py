"""Moves: customers, meters and agreements, each move as a whole."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import LIMIT, After, Limit, Services, UpdatedSince
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.moves import (
    AgreementChangeIn,
    MeterExchangeIn,
    MoveInIn,
    MoveOutcomeOut,
    MoveOutIn,
    MoveRecordOut,
    UndoMoveIn,
)
from central.service.moves.requests import MoveOutcome
from central.service.registry.record_changes import Effect
from central.service.views.paging import decode_cursor, paged

router = APIRouter(tags=["orders"])
_OUTCOME: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {
        "model": MoveOutcomeOut,
        "description": "It was so already, was taken back, or is a preview.",
    },
    HTTPStatus.CREATED.value: {"model": MoveOutcomeOut, "description": "It was done."},
}
OneAccount = Annotated[str | None, Query(min_length=1, max_length=200, description="Number.")]
OnePoint = Annotated[str | None, Query(min_length=1, max_length=200, description="Name.")]


async def _outcome(work: Awaitable[MoveOutcome]) -> tuple[HTTPStatus, MoveOutcomeOut]:
    outcome = await work
    added = outcome.effect is Effect.ADDED and outcome.move is not None
    status = HTTPStatus.CREATED if added else HTTPStatus.OK
    return status, MoveOutcomeOut.model_validate(outcome.to_json())


@router.get("/moves")
async def list_moves(  # noqa: PLR0913, PLR0917 - one filter each
    services: Services,
    account: OneAccount = None,
    service_point: OnePoint = None,
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[MoveRecordOut]:
    """List moves, newest first."""
    key = decode_cursor(after, (int,))
    behind = None if key is None else int(key[0])
    rows = await services.move_store.listed(
        account, service_point, limit + 1, behind, updated_since
    )
    page = paged(rows, limit, lambda row: (row.place,))
    return page_out(page, lambda row: MoveRecordOut.model_validate(row.to_json()))


@router.post("/moves/in", responses=_OUTCOME, response_model=None)
async def move_in(services: Services, once: DoOnce, order: MoveInIn) -> Response:
    """Let an account come to a service: account, agreement, cycle and opening read."""
    use_case = services.moves(once.actor)
    return await once(
        lambda: _outcome(use_case.move_in(order.asked(), order.reason, preview=order.preview)),
        shown_at("moves"),
    )


@router.post("/moves/out", responses=_OUTCOME, response_model=None)
async def move_out(services: Services, once: DoOnce, order: MoveOutIn) -> Response:
    """Let an account leave: its agreements end, with a closing read."""
    use_case = services.moves(once.actor)
    return await once(
        lambda: _outcome(use_case.move_out(order.asked(), order.reason, preview=order.preview)),
        shown_at("moves"),
    )


@router.post("/moves/meter-exchange", responses=_OUTCOME, response_model=None)
async def exchange_meter(services: Services, once: DoOnce, order: MeterExchangeIn) -> Response:
    """Let one meter take the place of another, with the reads of both."""
    use_case = services.moves(once.actor)
    return await once(
        lambda: _outcome(
            use_case.exchange_meter(order.asked(), order.reason, preview=order.preview)
        ),
        shown_at("moves"),
    )


@router.post("/moves/agreement-change", responses=_OUTCOME, response_model=None)
async def change_agreement(services: Services, once: DoOnce, order: AgreementChangeIn) -> Response:
    """Let an account go on under another tariff, with what is agreed."""
    use_case = services.moves(once.actor)
    return await once(
        lambda: _outcome(
            use_case.change_agreement(order.asked(), order.reason, preview=order.preview)
        ),
        shown_at("moves"),
    )


@router.post("/moves/{move}/undo", responses=_OUTCOME, response_model=None)
async def undo_move(services: Services, once: DoOnce, move: UUID, order: UndoMoveIn) -> Response:
    """Take a move back, where nothing that came later rests on it."""
    use_case = services.moves(once.actor)
    return await once(
        lambda: _outcome(use_case.undo(move, order.reason, preview=order.preview)),
        shown_at("moves"),
    )

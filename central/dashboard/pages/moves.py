"""Moves: who came and left, a move in or out with its preview, and on to the final bill."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, last_of, pages_of
from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.service.moves.requests import MoveIn, MoveOut, MoveOutcome, ReadsAtMove
from central.service.moves.written import written_facts, written_reads

router = APIRouter(include_in_schema=False)
NAME_MAX = 200


@router.get("/moves")
async def moves(request: Request) -> Response:
    """The newest moves; of an account or a service point, if one is named."""
    pages = pages_of(request)
    account, point = (asked(request, name, NAME_MAX) for name in ("account", "point"))
    listed = await pages.services.move_store.listed(account or None, point or None, ROWS)
    return pages.render(request, "moves.html", moves=listed, account=account, point=point)


@router.get("/moves/in")
@router.get("/moves/out")
async def write(request: Request) -> Response:
    """What a move needs to know."""
    given = {name: asked(request, name, NAME_MAX) for name in ("account", "point", "tariff")}
    return pages_of(request).render(request, "move.html", do=last_of(request), given=given)


@router.post("/moves/in")
async def move_in(request: Request) -> Response:
    """Let an account come, or say what would be done."""
    form = await SentForm.of(request)
    first, end = form.day("first", "First day"), form.optional_day("last", "Last day")
    wanted = MoveIn(
        form.text("account", "Account"),
        form.text("point", "Service point"),
        form.text("tariff", "Tariff"),
        first,
        form.optional("service", "Service") or None,
        end + timedelta(days=1) if end else None,
        written_facts(form.lines("facts", "Facts"), first),
        _party(form),
        form.optional("cycle", "Billing cycle") or None,
        form.has("replaces"),
        _reads(form),
    )
    preview = not form.has("confirmed")
    use_case = pages_of(request).services.moves(request.state.actor)
    outcome = await use_case.move_in(wanted, form.text("reason", "Reason"), preview=preview)
    return _became(request, form, outcome, preview=preview)


@router.post("/moves/out")
async def move_out(request: Request) -> Response:
    """Let an account leave, or say what would be done."""
    form = await SentForm.of(request)
    account, last = form.text("account", "Account"), form.day("last", "Last day")
    wanted = MoveOut(
        account,
        form.text("point", "Service point"),
        last + timedelta(days=1),
        form.optional("service", "Service") or None,
        _party(form),
        _reads(form),
    )
    preview = not form.has("confirmed")
    use_case = pages_of(request).services.moves(request.state.actor)
    outcome = await use_case.move_out(wanted, form.text("reason", "Reason"), preview=preview)
    final = (account, str(Cycle(last.year, last.month)))
    return _became(request, form, outcome, final, preview=preview)


@router.post("/moves/{move}/undo")
async def undo(request: Request, move: UUID) -> Response:
    """Take a move back, or say what would be done."""
    form = await SentForm.of(request)
    preview = not form.has("confirmed")
    use_case = pages_of(request).services.moves(request.state.actor)
    outcome = await use_case.undo(move, form.text("reason", "Reason"), preview=preview)
    return _became(request, form, outcome, preview=preview)


def _became(
    request: Request,
    form: SentForm,
    outcome: MoveOutcome,
    final: tuple[str, str] | None = None,
    *,
    preview: bool,
) -> Response:
    """What was done or would be; with what was sent, to be sent once more."""
    return pages_of(request).render(
        request,
        "move_outcome.html",
        do=last_of(request),
        outcome=outcome,
        preview=preview,
        sent=form.pairs("csrf_token"),
        final=final,
    )


def _party(form: SentForm) -> Party | None:
    name, address = form.optional("name", "Name"), form.lines("address", "Address")
    if address and not name:
        message = "Name is empty; an address alone does not say whose it is."
        raise FieldRefusedError(message)
    return Party(name, address) if name else None


def _reads(form: SentForm) -> ReadsAtMove:
    return ReadsAtMove(written_reads(form.lines("reads", "Reads")), form.has("read_later"))

"""What somebody sees and ends of themselves: rights, sign-ins, keys, bills."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.api.identities import principal_of
from central.api.parameters import LIMIT, After, Limit, Paging, Services
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.billing import BillOut
from central.api.schemas.people import (
    EndedOut,
    GivenKeyOut,
    KeyIn,
    KeyOut,
    MeOut,
    ReasonIn,
    SessionOut,
)
from central.domain.actor import ActorKind
from central.domain.billing.state import BillState
from central.service.operator.own_bills import bills_of
from central.service.people.people import PersonRefusedError
from central.service.ports.decisions import DecisionNote
from central.service.ports.web_sessions import IDLE
from central.service.views.lookup import NotFoundError

router = APIRouter(prefix="/me", tags=["people"])


@router.get("")
async def get_me(request: Request) -> MeOut:
    """Get who asks, and what they may do."""
    principal = principal_of(request)
    return MeOut(
        name=principal.actor.id,
        kind=principal.actor.kind,
        permissions=sorted(principal.permissions),
        limited=principal.limited,
        groups=sorted(principal.groups),
        accounts=sorted(principal.accounts),
    )


@router.get("/bills")
async def list_own_bills(
    request: Request, services: Services, after: After = None, limit: Limit = LIMIT
) -> PageOut[BillOut]:
    """List the issued bills of one's own accounts, account by account, the oldest first."""
    accounts = await services.people.store.account_uids(principal_of(request).accounts)
    page = await bills_of(services.billing, accounts, BillState.ISSUED, after, limit)
    return page_out(page, BillOut.model_validate)


@router.get("/sessions")
async def list_own_sessions(
    request: Request, services: Services, page: Paging
) -> PageOut[SessionOut]:
    """List one's own sign-ins that have not ended, newest first."""
    account = principal_of(request).actor.id
    sessions = await services.sessions.sessions(services.clock(), IDLE, account)
    return page(sessions, lambda row: (row.number,), SessionOut.of, newest_first=True)


@router.post("/sessions/{session}/revoke")
async def revoke_own_session(
    request: Request, services: Services, session: int, order: ReasonIn
) -> EndedOut:
    """End a sign-in of one's own at once."""
    actor = principal_of(request).actor
    note = DecisionNote(actor, order.reason, services.clock())
    ended = await services.sessions.revoke(session, note, actor.id)
    if not ended:
        message = f"There is no sign-in {session} of {actor.id}."
        raise NotFoundError(message, value=session)
    return EndedOut(ended=ended)


@router.get("/keys")
async def list_own_keys(request: Request, services: Services, page: Paging) -> PageOut[KeyOut]:
    """List one's own keys, newest first, also those that have ended."""
    keys = await services.keys.list(principal_of(request).actor.id)
    return page(keys, lambda key: (key.number,), KeyOut.of, newest_first=True)


@router.post("/keys", status_code=HTTPStatus.CREATED)
async def give_own_key(
    request: Request, response: Response, services: Services, order: KeyIn
) -> GivenKeyOut:
    """Give oneself a key. The answer is the only one that shows it; no idempotency key counts."""
    actor = principal_of(request).actor
    if actor.kind is not ActorKind.PERSON:
        message = "The operator's token has no keys."
        raise PersonRefusedError(message, remedy="Add a person first, who has keys.")
    given = await services.keys.give(
        actor.id, order.label, frozenset(order.permissions), order.lasts, actor
    )
    response.headers["Location"] = "/api/v1/me/keys"
    return GivenKeyOut.of(given)


@router.post("/keys/{key}/revoke")
async def revoke_own_key(
    request: Request, services: Services, key: int, order: ReasonIn
) -> EndedOut:
    """End a key of one's own at once."""
    actor = principal_of(request).actor
    await services.keys.revoke(key, actor, order.reason, actor.id)
    return EndedOut(ended=[key])

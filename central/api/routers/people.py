"""Who may sign in, and everybody's sign-ins and keys."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.api.identities import principal_of
from central.api.parameters import Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut
from central.api.schemas.people import (
    EndedOut,
    InvitedOut,
    KeyOut,
    PersonIn,
    PersonOut,
    ReasonIn,
    RolesIn,
    SessionOut,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.web_sessions import IDLE
from central.service.views.lookup import NotFoundError
from central.service.views.paging import changed_since

router = APIRouter(tags=["people"])


@router.get("/people")
async def list_people(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[PersonOut]:
    """List everybody who was ever added, by name."""
    people = changed_since(
        await services.people.store.people(),
        updated_since,
        lambda person: (person.added_at, person.disabled_at),
    )
    return page(people, lambda person: (person.name,), PersonOut.of)


@router.post("/people", status_code=HTTPStatus.CREATED)
async def add_person(
    request: Request, response: Response, services: Services, order: PersonIn
) -> InvitedOut:
    """Add somebody. The answer is the only one that shows their code."""
    actor = principal_of(request).actor
    invited = await services.people.add(order.person(order.name), actor)
    response.headers["Location"] = "/api/v1/people"
    return InvitedOut.of(invited)


@router.post("/people/{person}/invite")
async def invite_person(
    request: Request, services: Services, person: str, order: ReasonIn
) -> InvitedOut:
    """Give somebody a code to choose a new password with."""
    actor = principal_of(request).actor
    return InvitedOut.of(await services.people.invite(person, actor, order.reason))


@router.post("/people/{person}/roles")
async def change_roles(
    request: Request, services: Services, person: str, order: RolesIn
) -> PersonOut:
    """Give somebody other roles and limits, from their next request on; nobody themselves."""
    actor = principal_of(request).actor
    changed = await services.people.change(order.person(person), actor, order.reason)
    return PersonOut.of(changed)


@router.post("/people/{person}/disable")
async def disable_person(
    request: Request, services: Services, person: str, order: ReasonIn
) -> PersonOut:
    """Keep somebody out at once: sign-ins end, keys count no longer."""
    actor = principal_of(request).actor
    changed = await services.people.set_disabled(person, actor, order.reason, disabled=True)
    return PersonOut.of(changed)


@router.post("/people/{person}/enable")
async def enable_person(
    request: Request, services: Services, person: str, order: ReasonIn
) -> PersonOut:
    """Let somebody in again."""
    actor = principal_of(request).actor
    changed = await services.people.set_disabled(person, actor, order.reason, disabled=False)
    return PersonOut.of(changed)


@router.get("/sessions")
async def list_sessions(services: Services, page: Paging) -> PageOut[SessionOut]:
    """List everybody's sign-ins that have not ended, newest first."""
    sessions = await services.sessions.sessions(services.clock(), IDLE)
    return page(sessions, lambda row: (row.number,), SessionOut.of, newest_first=True)


@router.post("/sessions/{session}/revoke")
async def revoke_session(
    request: Request, services: Services, session: int, order: ReasonIn
) -> EndedOut:
    """End a sign-in at once."""
    note = DecisionNote(principal_of(request).actor, order.reason, services.clock())
    ended = await services.sessions.revoke(session, note)
    if not ended:
        message = f"There is no sign-in {session}."
        raise NotFoundError(message, value=session)
    return EndedOut(ended=ended)


@router.get("/keys")
async def list_keys(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[KeyOut]:
    """List everybody's keys, newest first, also those that have ended."""
    keys = changed_since(
        await services.keys.list(), updated_since, lambda key: (key.added_at, key.revoked_at)
    )
    return page(keys, lambda key: (key.number,), KeyOut.of, newest_first=True)


@router.post("/keys/{key}/revoke")
async def revoke_key(request: Request, services: Services, key: int, order: ReasonIn) -> EndedOut:
    """End a key at once."""
    await services.keys.revoke(key, principal_of(request).actor, order.reason)
    return EndedOut(ended=[key])

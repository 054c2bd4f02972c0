"""People with their roles, sign-ins and keys; and the page of whoever is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, back_to, pages_of
from central.domain.access.policy import MEANING, ROLES, Permission, Principal, Role
from central.domain.actor import ActorKind
from central.domain.billing.state import BillState
from central.service.people.keys import LONGEST, NO_KEYS, GivenKey
from central.service.people.people import Invited, PersonRefusedError
from central.service.people.second_factor import BegunFactor, SecondFactors
from central.service.ports.decisions import DecisionNote
from central.service.ports.people import NewPerson
from central.service.ports.web_sessions import IDLE

router = APIRouter(include_in_schema=False)
_NAME_MAX = 64
_CODE_MAX = 40


@router.get("/people")
async def people(request: Request) -> Response:
    """Everybody, with sign-ins and keys."""
    return await _people(request)


@router.post("/people")
async def add(request: Request) -> Response:
    """Add somebody; the page shows their code once."""
    form = await SentForm.of(request)
    person = _limits(form, form.text("name", "Name", _NAME_MAX))
    invited = await pages_of(request).services.people.add(person, request.state.actor)
    return await _people(request, invited=invited)


@router.post("/people/{person}/roles")
async def change_roles(request: Request, person: str) -> Response:
    """Give somebody other roles and limits."""
    form = await SentForm.of(request)
    use_case, reason = pages_of(request).services.people, form.text("reason", "Reason")
    await use_case.change(_limits(form, person), request.state.actor, reason)
    return back_to("/people")


@router.post("/people/{person}/invite")
async def invite(request: Request, person: str) -> Response:
    """Give somebody a code to choose a new password with; the page shows it once."""
    form = await SentForm.of(request)
    use_case, reason = pages_of(request).services.people, form.text("reason", "Reason")
    invited = await use_case.invite(person, request.state.actor, reason)
    return await _people(request, invited=invited)


@router.post("/people/{person}/disable")
async def disable(request: Request, person: str) -> Response:
    """Keep somebody out at once."""
    return await _set_disabled(request, person, disabled=True)


@router.post("/people/{person}/enable")
async def enable(request: Request, person: str) -> Response:
    """Let somebody in again."""
    return await _set_disabled(request, person, disabled=False)


@router.post("/people/sessions/{session}/revoke")
async def revoke_session(request: Request, session: int) -> Response:
    """End anybody's sign-in."""
    form = await SentForm.of(request)
    services, reason = pages_of(request).services, form.text("reason", "Reason")
    note = DecisionNote(request.state.actor, reason, services.clock())
    await services.sessions.revoke(session, note)
    return back_to("/people")


@router.post("/people/keys/{key}/revoke")
async def revoke_key(request: Request, key: int) -> Response:
    """End anybody's key."""
    form = await SentForm.of(request)
    services, reason = pages_of(request).services, form.text("reason", "Reason")
    await services.keys.revoke(key, request.state.actor, reason)
    return back_to("/people")


@router.get("/me")
async def me(request: Request) -> Response:
    """One's own rights, sign-ins, keys and bills."""
    return await _me(request)


@router.post("/me/sessions/{session}/revoke")
async def revoke_own_session(request: Request, session: int) -> Response:
    """End a sign-in of one's own."""
    services, actor = pages_of(request).services, request.state.actor
    note = DecisionNote(actor, "by its owner", services.clock())
    await services.sessions.revoke(session, note, actor.id)
    return back_to("/me")


@router.post("/me/second-factor")
async def begin_second_factor(request: Request) -> Response:
    """Show a secret for an app, once.

    Raises:
        PersonRefusedError: There is one, or what seals it would not outlive a restart.
    """
    if not request.app.state.settings.lasting_key:
        message = "The centre has no key that outlives a restart."
        raise PersonRefusedError(message, remedy="Set METERLINE_WEB_SECRET.")
    begun = await _factors(request).begin(_oneself(request))
    return await _me(request, begun=begun)


@router.post("/me/second-factor/confirm")
async def confirm_second_factor(request: Request) -> Response:
    """Ask for codes from now on; the page shows codes to recover with, once."""
    code = (await SentForm.of(request)).secret("code", "Code", _CODE_MAX)
    name = _oneself(request)
    return await _me(
        request, recovery=await _factors(request).confirm(name, code, request.state.actor)
    )


@router.post("/me/second-factor/end")
async def end_second_factor(request: Request) -> Response:
    """Ask for no code any more."""
    code = (await SentForm.of(request)).secret("code", "Code", _CODE_MAX)
    await _factors(request).end(_oneself(request), code, request.state.actor)
    return back_to("/me")


@router.post("/people/{person}/reset-second-factor")
async def reset_second_factor(request: Request, person: str) -> Response:
    """Ask somebody for no code any more, who lost their app."""
    form = await SentForm.of(request)
    named = await pages_of(request).services.people.named(person)
    reason = form.text("reason", "Reason")
    await _factors(request).reset(named.name, request.state.actor, reason)
    return back_to("/people")


@router.post("/me/keys")
async def give_key(request: Request) -> Response:
    """Give oneself a key; the page shows it once."""
    form = await SentForm.of(request)
    services, actor = pages_of(request).services, request.state.actor
    permissions = frozenset(each for each in Permission if form.has(f"may-{each}"))
    days = form.whole("days", "Days", LONGEST.days)
    given = await services.keys.give(
        actor.id, form.text("label", "What for", 100), permissions, timedelta(days=days), actor
    )
    return await _me(request, given=given)


@router.post("/me/keys/{key}/revoke")
async def revoke_own_key(request: Request, key: int) -> Response:
    """End a key of one's own."""
    actor = request.state.actor
    await pages_of(request).services.keys.revoke(key, actor, "by its owner", actor.id)
    return back_to("/me")


async def _people(request: Request, invited: Invited | None = None) -> Response:
    pages = pages_of(request)
    services = pages.services
    return pages.render(
        request,
        "people.html",
        people=await services.people.store.people(),
        sessions=await services.sessions.sessions(pages.now(), IDLE),
        keys=[key for key in await services.keys.list() if key.revoked_at is None],
        roles=list(Role),
        invited=invited,
    )


async def _me(
    request: Request,
    given: GivenKey | None = None,
    begun: BegunFactor | None = None,
    recovery: Sequence[str] = (),
) -> Response:
    pages = pages_of(request)
    services, principal = pages.services, request.state.principal
    account = principal.actor.id
    accounts = await services.people.store.account_uids(principal.accounts)
    listed = [
        await services.billing.bills(account=each, state=BillState.ISSUED, limit=ROWS)
        for each in accounts
    ]
    return pages.render(
        request,
        "me.html",
        principal=principal,
        meaning=MEANING,
        sessions=await services.sessions.sessions(pages.now(), IDLE, account),
        keys=[key for key in await services.keys.list(account) if key.revoked_at is None],
        grantable=_grantable(principal),
        bills=[bill for page in listed for bill in page.rows],
        accounts=[
            view
            for each in accounts
            if _sees_usage(principal)
            and (view := await services.billing.account(each, pages.now().date())) is not None
        ],
        given=given,
        begun=begun,
        recovery=recovery,
        is_person=principal.actor.kind is ActorKind.PERSON,
        has_factor=await _factors(request).is_asked(account),
    )


def _sees_usage(principal: Principal) -> bool:
    return bool({Permission.READ_OWN_USAGE, Permission.READ_BILLS} & set(principal.permissions))


def _factors(request: Request) -> SecondFactors:
    factors: SecondFactors = request.app.state.second_factors
    return factors


def _oneself(request: Request) -> str:
    """The name of whoever is signed in.

    Raises:
        PersonRefusedError: It is the operator's token, which is nobody.
    """
    actor = request.state.actor
    if actor.kind is not ActorKind.PERSON:
        message = "The operator's token has no second factor."
        raise PersonRefusedError(message, remedy="Add a person first.")
    return str(actor.id)


def _grantable(principal: Principal) -> list[Permission]:
    """What a key of somebody may be given; the operator's token has no keys."""
    if principal.actor.kind is not ActorKind.PERSON:
        return []
    return [each for each in Permission if each in principal.permissions - NO_KEYS]


async def _set_disabled(request: Request, person: str, *, disabled: bool) -> Response:
    form = await SentForm.of(request)
    use_case, reason = pages_of(request).services.people, form.text("reason", "Reason")
    await use_case.set_disabled(person, request.state.actor, reason, disabled=disabled)
    return back_to("/people")


def _limits(form: SentForm, name: str) -> NewPerson:
    roles = frozenset(role for role in ROLES if form.has(f"role-{role}"))
    if not roles:
        message = "Roles: none is ticked."
        raise FieldRefusedError(message)
    groups = frozenset(form.lines("groups", "Groups"))
    return NewPerson(name, roles, groups, frozenset(form.lines("accounts", "Accounts")))

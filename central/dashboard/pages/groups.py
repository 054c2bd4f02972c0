"""Named groups of service points and accounts, and their members."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, pages_of
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)


@router.get("/groups")
async def groups(request: Request) -> Response:
    """All groups, fifty at a time."""
    pages = pages_of(request)
    search = asked(request, "q")
    listed = await pages.services.memberships.groups(
        today=pages.now().date(), search=search, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "groups.html", groups=listed, search=search)


@router.post("/groups")
async def add(request: Request) -> Response:
    """Add a group."""
    form = await SentForm.of(request)
    of = form.text("of", "Members")
    if of not in set(GroupOf):
        message = f"Members: {of!r} is not point or account."
        raise FieldRefusedError(message, value=of)
    group = GroupRecord(form.text("group", "Name", 63), GroupOf(of))
    use_case = pages_of(request).services.groups(request.state.actor, form.text("reason", "Reason"))
    await use_case.add(group)
    return back_to(_address(group.name))


@router.get("/groups/{name}")
async def group(request: Request, name: str) -> Response:
    """One group and its members."""
    pages = pages_of(request)
    overview, today = pages.services.memberships, pages.now().date()
    view = require(await overview.group(name, today), "group", name)
    ever, search = asked(request, "who") == "ever", asked(request, "q")
    members = await overview.members(
        name,
        today=None if ever else today,
        search=search,
        after=cursor(request),
        limit=ROWS,
    )
    return pages.render(
        request,
        "group.html",
        group=view,
        members=members,
        ever=ever,
        search=search,
        today=today,
    )


@router.post("/groups/{name}/members")
async def assign(request: Request, name: str) -> Response:
    """Put a member in for some days."""
    form = await SentForm.of(request)
    membership = Membership(
        form.text("member", "Member"),
        form.day("first", "From"),
        form.optional_day("end", "Out again from"),
    )
    use_case = pages_of(request).services.groups(request.state.actor, form.text("reason", "Reason"))
    await use_case.assign(name, membership)
    return back_to(_address(name))


@router.post("/groups/{name}/members/remove")
async def remove(request: Request, name: str) -> Response:
    """Take a member out from a day on."""
    form = await SentForm.of(request)
    use_case = pages_of(request).services.groups(request.state.actor, form.text("reason", "Reason"))
    await use_case.remove(name, form.text("member", "Member"), form.day("first", "Out from"))
    return back_to(_address(name))


def _address(name: str) -> str:
    return f"/groups/{quote(name, safe='')}"

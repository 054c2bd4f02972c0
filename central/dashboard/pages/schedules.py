"""When the worker's jobs are done, and how they stand."""

from __future__ import annotations

from datetime import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import back_to, pages_of
from central.service.schedules.change import ScheduleChange
from central.service.schedules.kinds import KINDS

router = APIRouter(include_in_schema=False)
_PAGE = "/schedules"
_DOES = {kind.name: f"{kind.does[0].upper()}{kind.does[1:]}" for kind in KINDS}


@router.get(_PAGE)
async def schedules(request: Request) -> Response:
    """All jobs, in each of their zones."""
    pages = pages_of(request)
    jobs = await pages.services.jobs()
    return pages.render(request, "schedules.html", jobs=jobs, does=_DOES)


@router.post(_PAGE)
async def add(request: Request) -> Response:
    """Have bills run by a schedule of its own."""
    pages, form = pages_of(request), await SentForm.of(request)
    name = form.text("name", "Name")
    if any(job.schedule.name == name for job in await pages.services.jobs()):
        message = f"Name: there is a schedule {name!r}."
        raise FieldRefusedError(message, value=name)
    entry = ScheduleChange(
        job="bill_run",
        at=_time(form.text("at", "Time")),
        zone=form.text("zone", "Time zone"),
        day=_day(form.optional("day", "Day of the month")),
        group=form.optional("group", "Group"),
        cycle=form.optional("cycle", "Billing cycle"),
    )
    use_case = pages.services.schedules(request.state.actor)
    await use_case.set(name, entry, form.text("reason", "Reason"))
    return back_to(_PAGE)


@router.post("/schedules/{name}")
async def change(request: Request, name: str) -> Response:
    """Change the time of one, pause or resume it, or have it done once more."""
    form = await SentForm.of(request)
    use_case = pages_of(request).services.schedules(request.state.actor)
    do, reason = form.text("do", "Action"), form.text("reason", "Reason")
    if do == "run":
        await use_case.again(name, reason)
    elif do in {"pause", "resume"}:
        await use_case.set(name, ScheduleChange(paused=do == "pause"), reason)
    elif do == "set":
        await use_case.set(name, ScheduleChange(at=_time(form.text("at", "Time"))), reason)
    else:
        message = f"Action: {do!r} is not set, pause, resume or run."
        raise FieldRefusedError(message, value=do)
    return back_to(_PAGE)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        message = f"Time: {text!r} is not a time of day such as 04:30."
        raise FieldRefusedError(message, value=text) from None


def _day(text: str) -> int:
    """A day of the month; 0, for every day, where none is given."""
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        message = f"Day of the month: {text!r} is not a number such as 5."
        raise FieldRefusedError(message, value=text)
    return int(text)

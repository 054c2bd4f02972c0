"""What an account uses and what it costs, as its customer looks at it; and for a spreadsheet."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from central.dashboard.page import asked, pages_of, presenter_of
from central.dashboard.present import DASH, Presenter, local
from central.domain.interval_files.write_green_button import write_green_button
from central.domain.rating.daily_usage import DailyUsage
from central.service.operator.account_green_button import account_green_button
from central.service.operator.account_usage import (
    COUNTED,
    AccountUsage,
    UsageStep,
    days_shown,
    view_account_usage,
)
from central.service.so_far.figures import SoFarBy
from central.service.spreadsheet import written_csv
from central.service.views.lookup import require
from central.service.views.usage_chart import ChartTexts, DayMark, draw_usage
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import zone_info
from firmware_bridge.contract.obis import NAMES, Obis

router = APIRouter(include_in_schema=False)
_DAY = timedelta(days=1)
_HOURS_LABELLED = 3
_YEAR_MIN, _YEAR_MAX = 2000, 2999


@router.get("/accounts/{account}/usage")
async def usage(request: Request, account: str) -> Response:
    """Use by hour, day or month, its cost, and the year before."""
    pages = pages_of(request)
    shown = await _shown(request, account)
    before, after = shown.days.first - _DAY, shown.days.end
    return pages.render(
        request,
        "usage.html",
        usage=shown,
        title=_title(shown, presenter_of(request)),
        drawing=_draw(shown, presenter_of(request)),
        before=before if days_shown(shown.by, before).first.year >= _YEAR_MIN else None,
        after=after if after <= shown.today else None,
        By=SoFarBy,
        at=_looked_at(shown),
        names=NAMES,
        labels={step.start: _label(step, shown, presenter_of(request)) for step in shown.steps},
    )


@router.get("/accounts/{account}/usage.xml")
async def as_green_button(request: Request, account: str) -> Response:
    """Every interval of the same days as a Green Button (ESPI) file, of all that is counted."""
    services = pages_of(request).services
    view = await services.billing.account(account, services.clock().date())
    by, day = _asked(request)
    shown = require(view, "account", account)
    days = days_shown(by, day or services.clock().date())
    file = await account_green_button(services, shown, days)
    return StreamingResponse(
        write_green_button(file),
        media_type="application/atom+xml; charset=utf-8",
        headers=download(f"usage-{shown.number}-{days.first}-{days.count}-days.xml"),
    )


@router.get("/accounts/{account}/usage.csv")
async def as_csv(request: Request, account: str) -> Response:
    """The same for a spreadsheet, with every digit."""
    shown = await _shown(request, account)
    return Response(
        written_csv(shown.rows()),
        media_type="text/csv; charset=utf-8",
        headers=download(f"usage-{shown.account.number}-{shown.days.first}-by-{shown.by}.csv"),
    )


def download(name: str) -> dict[str, str]:
    """Headers of a file that is saved, under a name of plain signs."""
    safe = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-.") else "_" for sign in name
    )
    return {"Content-Disposition": f'attachment; filename="{safe}"'}


async def _shown(request: Request, account: str) -> AccountUsage:
    services = pages_of(request).services
    view = await services.billing.account(account, services.clock().date())
    by, day = _asked(request)
    of = asked(request, "of")
    obis = Obis.parse(of) if of else None
    if obis is not None and obis not in COUNTED:
        message = f"{of!r} is not counted for customers."
        remedy = f"Ask for {', '.join(map(str, COUNTED))}."
        raise InvalidValueError(message, value=of, remedy=remedy)
    return await view_account_usage(services, require(view, "account", account), by, day, obis)


def _asked(request: Request) -> tuple[SoFarBy, date | None]:
    """What a step is of, and a day of what is shown; None is the present one."""
    by, at = asked(request, "by") or SoFarBy.DAY.value, asked(request, "at")
    if by not in set(SoFarBy):
        message = f"{by!r} is not hour, day or month."
        raise InvalidValueError(message, value=by)
    return SoFarBy(by), _day(at) if at else None


def _looked_at(shown: AccountUsage) -> date:
    """The day that another view is of: the newest of what is shown that is not to come."""
    return max(min(shown.days.end - _DAY, shown.today), shown.days.first)


def _day(text: str) -> date:
    """A day of the query.

    Raises:
        InvalidValueError: It is none, or not of the years 2000 to 2998.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not _YEAR_MIN < day.year < _YEAR_MAX:
        message = f"{text!r} is not a day such as 2026-10-31."
        raise InvalidValueError(message, value=text)
    return day


def _title(shown: AccountUsage, presenter: Presenter) -> str:
    """What the chart is of."""
    if shown.by is SoFarBy.HOUR:
        return presenter.day(shown.days.first)
    if shown.by is SoFarBy.DAY:
        return presenter.month_name(shown.days.first)
    last = shown.days.end - _DAY
    return f"{presenter.month_name(shown.days.first)} {DASH} {presenter.month_name(last)}"


def _label(step: UsageStep, shown: AccountUsage, presenter: Presenter) -> str:
    """What a step is called in the table."""
    if isinstance(step.start, datetime):
        return local(step.start, shown.zone)
    if shown.by is SoFarBy.MONTH:
        return presenter.month_name(step.start)
    return presenter.day(step.start)


def _draw(shown: AccountUsage, presenter: Presenter) -> str:
    """The chart; hours are instants in UTC, so that the two of an autumn night are two bars."""
    zone, language = zone_info(shown.zone), presenter.language

    def name(day: date) -> str:
        if isinstance(day, datetime):
            return f"{day.astimezone(zone):%H:%M}"
        short = f"{day:%m}" if shown.by is SoFarBy.MONTH else f"{day.day}"
        return f"{short}/{day:%y}" if shown.by is SoFarBy.MONTH else short

    def labelled(day: date) -> bool:
        if isinstance(day, datetime):
            return day.astimezone(zone).hour % _HOURS_LABELLED == 0
        return shown.by is SoFarBy.MONTH or day.day == 1 or day.day % 5 == 0

    steps = shown.steps
    marks = {
        step.start: DayMark(
            f"{_label(step, shown, presenter)}: {presenter.number(step.used)} {shown.unit}",
            step.total.estimated > 0,
            step.total.missing > 0,
        )
        for step in steps
    }
    by = {
        SoFarBy.HOUR: language.gettext("%(unit)s per hour"),
        SoFarBy.DAY: language.gettext("%(unit)s per day"),
        SoFarBy.MONTH: language.gettext("%(unit)s per month"),
    }[shown.by] % {"unit": shown.unit}
    # A month that has begun has room for its other days.
    to_come: list[date] = []
    if shown.by is SoFarBy.DAY and steps:
        count = (shown.days.end - steps[-1].start).days
        to_come = [steps[-1].start + _DAY * number for number in range(1, count)]
    return draw_usage(
        DailyUsage(
            shown.unit,
            ("",),
            (*(step.start for step in steps), *to_come),
            (*((step.used,) for step in steps), *((Decimal(0),) for _ in to_come)),
        ),
        title=f"{by}, {_title(shown, presenter)}",
        marks=marks,
        texts=ChartTexts(by, name, language.numeral, labelled),
    )

"""What customers do with an account of theirs beside looking at it: compare tariffs, set alerts."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import asked, back_to, cursor, pages_of
from central.dashboard.pages.usage import download
from central.service.pilots.compare_tariffs import MONTHS_MAX, AgreementCosts, CompareTariffs
from central.service.so_far.customer_alerts import CHOICES, AlertChoice, CustomerAlerts
from central.service.spreadsheet import written_csv
from central.service.views.billing import AccountView
from central.service.views.lookup import require
from firmware_bridge.contract.errors import InvalidValueError

router = APIRouter(include_in_schema=False)
MONTHS = (3, 6, MONTHS_MAX)
_ALERTS_SHOWN = 20


async def account_of(request: Request, account: str) -> AccountView:
    """The account that a page is about.

    Raises:
        NotFoundError: There is none.
    """
    services = pages_of(request).services
    view = await services.billing.account(account, services.clock().date())
    return require(view, "account", account)


@router.get("/accounts/{account}/tariffs")
async def tariffs(request: Request, account: str) -> Response:
    """What the use of past months would have cost under the tariffs that are offered."""
    view = await account_of(request, account)
    months = _months(request)
    return pages_of(request).render(
        request,
        "tariffs_compared.html",
        account=view,
        agreements=await _compared(request, view, months),
        months=months,
        choices=MONTHS,
    )


@router.get("/accounts/{account}/tariffs.csv")
async def tariffs_as_csv(request: Request, account: str) -> Response:
    """The same for a spreadsheet."""
    view = await account_of(request, account)
    compared = await _compared(request, view, _months(request))
    return Response(
        written_csv([row for each in compared for row in each.rows()]),
        media_type="text/csv; charset=utf-8",
        headers=download(f"tariffs-{view.number}.csv"),
    )


def _months(request: Request) -> int:
    text = asked(request, "months") or str(MONTHS_MAX)
    if text not in set(map(str, MONTHS)):
        message = f"{text!r} is not one of {', '.join(map(str, MONTHS))} months."
        raise InvalidValueError(message, value=text)
    return int(text)


async def _compared(
    request: Request, account: AccountView, months: int
) -> tuple[AgreementCosts, ...]:
    services = pages_of(request).services
    current = (await services.settings.current()).settings
    compare = CompareTariffs(services.pilot_store, services.clock)
    return await compare(account.number, current.offered, compare.whole_months(months))


@router.get("/accounts/{account}/alerts")
async def account_alerts(request: Request, account: str) -> Response:
    """Thresholds that are set on an account, and what was reached."""
    view = await account_of(request, account)
    services = pages_of(request).services
    return pages_of(request).render(
        request,
        "account_alerts.html",
        account=view,
        rules=await CustomerAlerts(services.alerts).listed(view),
        choices=CHOICES,
        alerts=await services.so_far_store.alerts(cursor(request), _ALERTS_SHOWN, view.number),
    )


@router.post("/accounts/{account}/alerts")
async def set_alert(request: Request, account: str) -> Response:
    """Set a threshold."""
    form = await SentForm.of(request)
    view = await account_of(request, account)
    threshold = _amount(form.text("threshold", "Threshold", 20))
    use_case = CustomerAlerts(pages_of(request).services.alerts)
    await use_case.set(view, _choice(form), threshold, request.state.actor)
    return back_to(f"/accounts/{view.account}/alerts")


@router.post("/accounts/{account}/alerts/end")
async def end_alert(request: Request, account: str) -> Response:
    """Raise no more alerts of a threshold."""
    form = await SentForm.of(request)
    view = await account_of(request, account)
    use_case = CustomerAlerts(pages_of(request).services.alerts)
    await use_case.end(view, _choice(form), request.state.actor)
    return back_to(f"/accounts/{view.account}/alerts")


def _choice(form: SentForm) -> AlertChoice:
    key = form.text("choice", "What is compared")
    for choice in CHOICES:
        if choice.key == key:
            return choice
    message = f"What is compared: {key!r} is not one of {', '.join(each.key for each in CHOICES)}."
    raise FieldRefusedError(message, value=key)


def _amount(text: str) -> Decimal:
    """A number as people write it, with a comma or a point before its decimals."""
    try:
        amount = Decimal(text.replace(",", ".")) if text.isascii() else Decimal("nan")
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite():
        message = f"Threshold: {text!r} is not a number such as 50 or 12.5."
        raise FieldRefusedError(message, value=text)
    return amount

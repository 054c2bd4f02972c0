"""Accounts, agreements and tariffs."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.parameters import LIMIT, After, AtDesk, Limit, Search
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.billing import AccountOut, AgreementOut, BillOut, TariffOut
from central.service.views.lookup import found

router = APIRouter(tags=["accounts"])


@router.get("/accounts")
async def list_accounts(
    desk: AtDesk, search: Search = "", after: After = None, limit: Limit = LIMIT
) -> PageOut[AccountOut]:
    """Accounts by number."""
    page = await desk.billing.accounts(
        today=desk.clock().date(), search=search, after=after, limit=limit
    )
    return page_out(page, AccountOut.model_validate)


@router.get("/accounts/{account}")
async def get_account(desk: AtDesk, account: str) -> AccountOut:
    """One account."""
    view = found(await desk.billing.account(account, desk.clock().date()), "account", account)
    return AccountOut.model_validate(view)


@router.get("/accounts/{account}/agreements")
async def list_agreements(desk: AtDesk, account: str) -> list[AgreementOut]:
    """An account's agreements, newest first."""
    found(await desk.billing.account(account, desk.clock().date()), "account", account)
    views = await desk.billing.agreements(account)
    return [AgreementOut.model_validate(view) for view in views]


@router.get("/accounts/{account}/bills")
async def list_account_bills(
    desk: AtDesk, account: str, after: After = None, limit: Limit = LIMIT
) -> PageOut[BillOut]:
    """An account's bills, oldest first."""
    found(await desk.billing.account(account, desk.clock().date()), "account", account)
    page = await desk.billing.bills(account=account, after=after, limit=limit)
    return page_out(page, BillOut.model_validate)


@router.get("/tariffs")
async def list_tariffs(
    desk: AtDesk, after: After = None, limit: Limit = LIMIT
) -> PageOut[TariffOut]:
    """Tariff versions by name and date."""
    page = await desk.billing.tariffs(after=after, limit=limit)
    return page_out(page, TariffOut.model_validate)

"""Accounts, agreements and tariffs."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.parameters import LIMIT, After, Limit, Search, ServicesAsOf
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.billing import AccountOut, AgreementOut, BillOut, TariffOut
from central.service.views.lookup import require

router = APIRouter(tags=["accounts"])


@router.get("/accounts")
async def list_accounts(
    services: ServicesAsOf, search: Search = "", after: After = None, limit: Limit = LIMIT
) -> PageOut[AccountOut]:
    """List accounts by number."""
    page = await services.billing.accounts(
        today=services.clock().date(), search=search, after=after, limit=limit
    )
    return page_out(page, AccountOut.model_validate)


@router.get("/accounts/{account}")
async def get_account(services: ServicesAsOf, account: str) -> AccountOut:
    """Get one account."""
    view = require(
        await services.billing.account(account, services.clock().date()), "account", account
    )
    return AccountOut.model_validate(view)


@router.get("/accounts/{account}/agreements")
async def list_agreements(
    services: ServicesAsOf, account: str, after: After = None, limit: Limit = LIMIT
) -> PageOut[AgreementOut]:
    """List an account's agreements, newest first."""
    require(await services.billing.account(account, services.clock().date()), "account", account)
    page = await services.billing.agreements(account, after=after, limit=limit)
    return page_out(page, AgreementOut.model_validate)


@router.get("/accounts/{account}/bills")
async def list_account_bills(
    services: ServicesAsOf, account: str, after: After = None, limit: Limit = LIMIT
) -> PageOut[BillOut]:
    """List an account's bills, oldest first."""
    require(await services.billing.account(account, services.clock().date()), "account", account)
    page = await services.billing.bills(account=account, after=after, limit=limit)
    return page_out(page, BillOut.model_validate)


@router.get("/tariffs")
async def list_tariffs(
    services: ServicesAsOf, after: After = None, limit: Limit = LIMIT
) -> PageOut[TariffOut]:
    """List tariff versions by name and date."""
    page = await services.billing.tariffs(after=after, limit=limit)
    return page_out(page, TariffOut.model_validate)

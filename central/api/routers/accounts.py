"""Accounts, agreements and tariffs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import LIMIT, After, Limit, Paging, Search, ServicesAsOf, UpdatedSince
from central.api.schemas.agreed_facts import AgreedFactOut
from central.api.schemas.base import Day, PageOut, page_out
from central.api.schemas.billing import AccountOut, AgreementOut, BillOut, TariffOut
from central.service.registry.listings import facts_of
from central.service.views.lookup import require

router = APIRouter(tags=["accounts"])
FactName = Annotated[str | None, Query(max_length=200, description="Only those of this name.")]
FactDay = Annotated[Day | None, Query(description="Only those that begin on this day.")]


@router.get("/accounts")
async def list_accounts(
    services: ServicesAsOf,
    search: Search = "",
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[AccountOut]:
    """List accounts by number."""
    page = await services.billing.accounts(
        today=services.clock().date(),
        search=search,
        since=updated_since,
        after=after,
        limit=limit,
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
    services: ServicesAsOf,
    account: str,
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[AgreementOut]:
    """List an account's agreements, newest first."""
    require(await services.billing.account(account, services.clock().date()), "account", account)
    page = await services.billing.agreements(account, since=updated_since, after=after, limit=limit)
    return page_out(page, AgreementOut.model_validate)


@router.get("/agreements/{agreement}")
async def get_agreement(services: ServicesAsOf, agreement: str) -> AgreementOut:
    """Get one agreement."""
    view = require(await services.billing.agreement(agreement), "agreement", agreement)
    return AgreementOut.model_validate(view)


@router.get("/agreements/{agreement}/facts")
async def list_agreement_facts(
    services: ServicesAsOf,
    agreement: str,
    page: Paging,
    name: FactName = None,
    effective: FactDay = None,
) -> PageOut[AgreedFactOut]:
    """List the facts of an agreement by name and day."""
    view = require(await services.billing.agreement(agreement), "agreement", agreement)
    facts = [
        fact
        for fact in await facts_of(services.registry, view)
        if name in {None, fact.name} and effective in {None, fact.effective}
    ]
    return page(facts, lambda fact: (fact.name, fact.effective.isoformat()), AgreedFactOut.of)


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
    services: ServicesAsOf,
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[TariffOut]:
    """List tariff versions by name and date."""
    page = await services.billing.tariffs(since=updated_since, after=after, limit=limit)
    return page_out(page, TariffOut.model_validate)


@router.get("/tariffs/{tariff}/versions/{effective}")
async def get_tariff_version(services: ServicesAsOf, tariff: str, effective: Day) -> TariffOut:
    """Get the newest revision of a tariff's version of a day."""
    view = await services.billing.tariff_version(tariff, effective)
    return TariffOut.model_validate(require(view, "tariff version", f"{tariff} of {effective}"))

"""What is used until now: figures, load profiles, changes and losses."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import Paging, Services
from central.api.schemas.alerts import SoFarSumOut
from central.api.schemas.base import Day, PageOut
from central.api.schemas.consumption import (
    ConsumptionOut,
    LoadProfileOut,
    LossesOut,
    UseChangesOut,
)
from central.domain.alerts.alert_rule import AlertSubject
from central.domain.consumption.change import RankedBy
from central.domain.rating.inputs.segments import DayRange
from central.service.consumption.changes import CHANGES_MOST, show_changes
from central.service.consumption.figures import ConsumptionBy
from central.service.consumption.losses import show_losses
from central.service.consumption.profile import show_profile
from central.service.operator.services import OperatorServices
from central.service.ports.consumption import LoadOf
from central.service.so_far.figures import SoFarBy
from central.service.views.lookup import require
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis

router = APIRouter(tags=["consumption"])
First = Annotated[Day, Query(alias="from", description="First local day.")]
End = Annotated[Day | None, Query(alias="to", description="Day after the last; default: tomorrow.")]
By = Annotated[ConsumptionBy, Query(description="What a row is of.")]
Counted = Annotated[str, Query(max_length=40, description="What is counted, such as 1-0:1.8.0.")]
_NAME = Query(min_length=1, max_length=200)
IMPORT = str(ACTIVE_IMPORT)


@router.get("/service-points/{point}/consumption")
async def list_point_consumption(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    point: str,
    first: First,
    end: End = None,
    by: By = ConsumptionBy.DAY,
    obis: Counted = IMPORT,
) -> ConsumptionOut:
    """List what a service point uses, from closed days and readings since."""
    view = require(await services.field.point(point, services.clock()), "service point", point)
    return await _shown(services, LoadOf.POINT, view.name, (first, end), by, obis)


@router.get("/accounts/{account}/consumption")
async def list_account_consumption(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    account: str,
    first: First,
    end: End = None,
    by: By = ConsumptionBy.DAY,
    obis: Counted = IMPORT,
) -> ConsumptionOut:
    """List what an account uses on the days of its agreements."""
    today = services.clock().date()
    view = require(await services.billing.account(account, today), "account", account)
    return await _shown(services, LoadOf.ACCOUNT, view.number, (first, end), by, obis)


@router.get("/groups/{group}/consumption")
async def list_group_consumption(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    group: str,
    first: First,
    end: End = None,
    by: By = ConsumptionBy.DAY,
    obis: Counted = IMPORT,
) -> ConsumptionOut:
    """List what the points or accounts of a group use on the days of their membership."""
    return await _shown(services, LoadOf.GROUP, group, (first, end), by, obis)


@router.get("/tariffs/{tariff}/consumption")
async def list_tariff_consumption(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    tariff: str,
    first: First,
    end: End = None,
    by: By = ConsumptionBy.DAY,
    obis: Counted = IMPORT,
) -> ConsumptionOut:
    """List what is used on the days on which a tariff is agreed."""
    return await _shown(services, LoadOf.TARIFF, tariff, (first, end), by, obis)


@router.get("/groups/{group}/load-profile")
async def get_load_profile(
    services: Services, group: str, first: First, end: End = None, obis: Counted = IMPORT
) -> LoadProfileOut:
    """A group's average day by hour, on weekdays and at weekends, highest load and load factor."""
    days = _days(services, first, end)
    shown = await show_profile(services.consumption, LoadOf.GROUP, group, days, Obis.parse(obis))
    return LoadProfileOut.model_validate(shown.to_json())


@router.get("/groups/{group}/losses")
async def list_losses(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    group: str,
    feeder: Annotated[str, _NAME],
    first: First,
    end: End = None,
    by: By = ConsumptionBy.DAY,
) -> LossesOut:
    """List what a feeder, a service point, delivers and the points of a group do not use."""
    days = _days(services, first, end)
    shown = await show_losses(services.consumption, group, feeder, days, by)
    return LossesOut.model_validate(shown.to_json())


@router.get("/consumption-changes")
async def list_consumption_changes(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    before_first: Annotated[Day, Query(alias="before_from", description="First local day.")],
    before_end: Annotated[Day, Query(alias="before_to", description="Day after the last.")],
    first: First,
    end: End = None,
    group: Annotated[str | None, _NAME] = None,
    by: Annotated[RankedBy, Query(description="What counts.")] = RankedBy.ABSOLUTE,
    most: Annotated[int, Query(ge=1, le=CHANGES_MOST, description="How many.")] = 20,
    obis: Counted = IMPORT,
) -> UseChangesOut:
    """List whose use a day changed most from one period to another; default: of all points."""
    periods = DayRange(before_first, before_end), _days(services, first, end)
    kind = LoadOf.ALL if group is None else LoadOf.GROUP
    loads, counted = services.consumption.loads, Obis.parse(obis)
    shown = await show_changes(loads, kind, group or "", periods, by, most, counted)
    return UseChangesOut.model_validate(shown.to_json())


@router.get("/groups/{group}/so-far")
async def list_group_so_far(
    services: Services, group: str, page: Paging, by: SoFarBy = SoFarBy.DAY
) -> PageOut[SoFarSumOut]:
    """List what the accounts of a group used and what it costs so far, together."""
    rows = await services.so_far.summed(AlertSubject.GROUP, group, by)
    return page(rows, lambda row: (str(row["from"]),), SoFarSumOut.model_validate)


@router.get("/tariffs/{tariff}/so-far")
async def list_tariff_so_far(
    services: Services, tariff: str, page: Paging, by: SoFarBy = SoFarBy.DAY
) -> PageOut[SoFarSumOut]:
    """List what the accounts of a tariff used and what it costs so far, together."""
    rows = await services.so_far.summed(AlertSubject.TARIFF, tariff, by)
    return page(rows, lambda row: (str(row["from"]),), SoFarSumOut.model_validate)


async def _shown(  # noqa: PLR0913, PLR0917 - what is asked for
    services: OperatorServices,
    of: LoadOf,
    subject: str,
    days: tuple[date, date | None],
    by: ConsumptionBy,
    obis: str,
) -> ConsumptionOut:
    span = _days(services, *days)
    shown = await services.consumption(of, subject, span, by, Obis.parse(obis))
    return ConsumptionOut.model_validate(shown.to_json())


def _days(services: OperatorServices, first: date, end: date | None) -> DayRange:
    return DayRange(first, end or services.clock().date() + timedelta(days=2))

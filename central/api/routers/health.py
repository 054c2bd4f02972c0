"""Whether the service works."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from central.api.parameters import Services

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """What works."""

    status: Literal["ok"]


@router.get("/health")
async def health(services: Services) -> HealthOut:
    """Get `ok` while the database answers, else a problem with status 503."""
    await services.field.ping()
    return HealthOut(status="ok")


class UnclosedDaysOut(BaseModel):
    """The oldest day that is over and not closed, as a worker counted last."""

    as_of: datetime | None
    channels: int | None
    oldest_unclosed_day: date | None
    service_point: str | None
    obis: str | None


@router.get("/unclosed-days")
async def unclosed_days(services: Services) -> UnclosedDaysOut:
    """Get the oldest day of all channels that is over and not closed, and whose it is.

    `as_of` is null where no worker has counted yet.
    """
    newest = await services.unclosed.newest()
    names = UnclosedDaysOut.model_fields
    values = dict.fromkeys(names) if newest is None else newest.to_json()
    return UnclosedDaysOut.model_validate(values)

"""Whether the service works."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from central.api.parameters import Services

router = APIRouter(tags=["health"])


class LiveOut(BaseModel):
    """The process answers."""

    status: Literal["live"]


class ReadyOut(BaseModel):
    """What was looked at, and works."""

    status: Literal["ready"]
    database: Literal["ok"]
    schema_version: Literal["ok"]


@router.get("/health/live")
async def live() -> LiveOut:
    """Get `live` while the process answers, whatever else is away."""
    return LiveOut(status="live")


@router.get("/health/ready")
async def ready(services: Services) -> ReadyOut:
    """Get `ready` while the database answers with a schema that this release works with.

    Else a problem with status 503: `STORE_UNAVAILABLE` where it does not answer, `SCHEMA_MISSING`,
    `SCHEMA_OLD`, `SCHEMA_NEW` or `STORE_UNFIT` where its schema or a right is at fault.
    """
    await services.field.ping()
    return ReadyOut(status="ready", database="ok", schema_version="ok")


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

"""Whether the service works."""

from __future__ import annotations

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

"""The API's routers, one module per thing."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.routers import (
    accounts,
    bills,
    channels,
    commands,
    gateways,
    health,
    meters,
    points,
)


def all_routers() -> tuple[APIRouter, ...]:
    """Every router of the API."""
    return tuple(
        module.router
        for module in (health, gateways, meters, channels, points, accounts, bills, commands)
    )

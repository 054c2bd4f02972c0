"""Which release makes a bill: what a bill says may differ from one to the next."""

from __future__ import annotations

from functools import cache

from central.service.rating.resolve_calendar import tzdata_version
from firmware_bridge.contract.software import software_version


@cache
def this_release() -> str:
    """The software and its time zone data, such as `0.2.0, tzdata 2026.1`."""
    return f"{software_version() or 'unknown'}, tzdata {tzdata_version()}"

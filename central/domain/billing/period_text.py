"""How a bill's document says its period."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.billing_period import BillingPeriod


@lru_cache(maxsize=256)
def period_members(period: BillingPeriod) -> Mapping[str, Any]:
    """The members that say a period: the name alone, where that says it all."""
    cycle = Cycle.parse(period.name)
    if not cycle.of and cycle.period == period:
        return {"cycle": period.name}
    return {"cycle": period.name, "period": period.to_json()}


def period_of(document: Mapping[str, Any]) -> BillingPeriod:
    """The period that a bill's document says.

    Raises:
        InvalidValueError: The document says no period.
    """
    if "period" in document:
        return BillingPeriod.from_json(document["period"])
    return Cycle.parse(document["cycle"]).period

"""What went into a bill, under one hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from central.domain.rating.hashing import canonical, digest_parts
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.calendar import ResolvedCalendar


def shared_inputs(  # noqa: PLR0913, PLR0917 - all that bills share
    segments: Sequence[Segment],
    calendar: ResolvedCalendar,
    days: DayRange,
    period: BillingPeriod,
    prices: Mapping[str, PriceSeries],
    stay: DayRange | None = None,
) -> dict[str, str]:
    """Canonical text of the inputs that many bills share."""
    more = {}
    if stay not in {None, days}:
        more = {"stay": canonical([stay.first.isoformat(), stay.end.isoformat()])}
    tables = sorted({segment.version.tables_sha256 for segment in segments} - {""})
    if tables:
        more["tables"] = canonical(tables)
    return more | {
        "tariffs": canonical(sorted({segment.version.sha256 for segment in segments})),
        "calendar": _calendar_text(calendar),
        "days": canonical([days.first.isoformat(), days.end.isoformat()]),
        "cycle": canonical(_period_text(period)),
        "prices": canonical([prices[name].to_json() for name in sorted(prices)]),
    }


def _period_text(period: BillingPeriod) -> list[str] | dict[str, Any]:
    """A month by its days alone, as bills were hashed when there was no other period."""
    if period.is_one_month:
        return [period.days.first.isoformat(), period.days.end.isoformat()]
    return period.to_json()


@lru_cache(maxsize=64)
def _calendar_text(calendar: ResolvedCalendar) -> str:
    return canonical(calendar.to_json())


def input_hash(
    sources: Iterable[BlockSource],
    facts: AgreementFacts,
    opening: CarriedState,
    shared: Mapping[str, str],
) -> str:
    """Hex digest over everything that went into a bill.

    Args:
        sources: Of all its series, by name.
        facts: Of the agreement.
        opening: What earlier bills left.
        shared: As `shared_inputs` gives it.
    """
    own = {
        "sources": canonical([source.to_json() for source in sources]),
        "facts": canonical(facts.to_json()),
        "opening": canonical(opening.to_json()),
    }
    return digest_parts({**shared, **own})

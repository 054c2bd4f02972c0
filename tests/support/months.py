"""Bills of consecutive months under one tariff, each opening with what the one before left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

ZONE = "Europe/Madrid"
HEAD = """\
tariff: t
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 1}]
"""


def version(text: str, effective: str = "2020-01-01") -> TariffVersion:
    """The version of a document, in force from a date."""
    return TariffVersion.of(
        load_tariff(text.replace("effective: 2020-01-01", f"effective: {effective}"))
    )


def month_of(kwh: int, cycle: str) -> dict[str, list[DayBlock]]:
    """Import of a month: all of it in the first hour."""
    days = Cycle.parse(cycle).days

    def first_hour(at: datetime) -> int:
        return kwh * 1000 if (at.date(), at.hour) == (days.first, 0) else 0

    return {"import": blocks_from(days, ZONE, 3600, first_hour)}


def bills(  # noqa: PLR0913 - what a chain of bills depends on
    text: str,
    months: Mapping[str, int],
    facts: AgreementFacts | None = None,
    *,
    opening: CarriedState | None = None,
    grants: Sequence[Grant] = (),
    events: Events | None = None,
    prices: Sequence[PriceSeries] = (),
) -> list[Rated]:
    """A bill per month, each with its kWh.

    Args:
        text: Of the tariff.
        months: Cycle to kWh, ascending.
        facts: Of the agreement.
        opening: State before the first.
        grants: Money paid in.
        events: By stream.
        prices: Price and factor series.
    """
    state = opening or CarriedState()
    found: list[Rated] = []
    versions = [version(text)]
    for cycle, kwh in months.items():
        days = Cycle.parse(cycle).days
        blocks = month_of(kwh, cycle)
        known = facts or AgreementFacts()
        found.append(
            rate(
                blocks,
                known,
                versions,
                ResolvedCalendar(),
                days,
                opening=state,
                prices=prices,
                grants=grants,
                events=events or {},
            )
        )
        state = CarriedState.from_json(found[-1].closing.to_json())
    return found


def amounts(rated: Rated) -> dict[str, str]:
    """Lines of a bill: key to amount."""
    return {line.key: format(line.amount, "f") for line in rated.lines}


def codes(rated: Rated) -> Sequence[str]:
    """Why a bill is held."""
    return [hold.code for hold in rated.holds]

"""Rules that ask for history have it from every store, of days kept and of days just judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from central.service.ports.registry import AgreementRecord
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.reading import Reading
from tests.contract.billing.test_closing import DAY, STEP, counted, night, opened
from tests.support.books import ZONE, Utility
from tests.support.ingest import Edge

SINCE = date(2026, 9, 1)
FIRST = PointChannelId(1)


def standing(first: date, end: date, since: date) -> list[Reading]:
    """The register of `counted`, which stands still from a local day on."""
    still = (
        1000
        + (local_day(since, ZONE).start - local_day(SINCE, ZONE).start)
        // (timedelta(hours=1))
        * STEP
    )
    return [
        replace(reading, mantissa=min(reading.mantissa, still))
        for reading in counted(first, end, SINCE)
    ]


async def named(utility: Utility, code: str) -> list[date]:
    found = await utility.validation.open_findings(FIRST)
    return [one.day for one in found if one.code == code]


async def stood_still(utility: Utility) -> Edge:
    """A register that stands still from the fifth on, closed in two nights."""
    edge = await opened(utility, SINCE)
    for first, end in ((1, 7), (7, 10)):
        days = SINCE.replace(day=first), SINCE.replace(day=end)
        utility.now = night(days[1])
        await utility.deliver(edge, standing(*days, SINCE.replace(day=5)))
        await utility.validate()
    return edge


async def test_a_register_that_stands_still_from_the_fifth_on_is_named_on_the_seventh(
    utility: Utility,
) -> None:
    edge = await stood_still(utility)
    assert await named(utility, "ZERO_DAYS") == [SINCE.replace(day=7)]
    # Nothing of the day itself changed, so that what is known of it stands.
    utility.now = night(SINCE.replace(day=11))
    await utility.deliver(edge, counted(SINCE.replace(day=10), SINCE.replace(day=11), SINCE))
    await utility.validate()
    assert await named(utility, "ZERO_DAYS") == [SINCE.replace(day=7)]


async def test_the_history_of_one_transaction_has_the_days_that_it_judges(
    utility: Utility,
) -> None:
    edge = await opened(utility, SINCE)
    utility.now = night(SINCE + 9 * DAY)
    await utility.deliver(edge, standing(SINCE, SINCE + 9 * DAY, SINCE + 4 * DAY))
    await utility.validate()
    assert await named(utility, "ZERO_DAYS") == [SINCE + 6 * DAY]


async def test_energy_after_the_customer_has_left_is_named(utility: Utility) -> None:
    edge = await opened(utility, SINCE)
    left = AgreementRecord("A-1", "SP-1", "HOME", SINCE, SINCE + 2 * DAY)
    await utility.enrol.agreement(left)
    utility.now = night(SINCE + 4 * DAY)
    more = [
        replace(reading, mantissa=reading.mantissa * 4)
        for reading in counted(SINCE, SINCE + 4 * DAY, SINCE)
    ]
    await utility.deliver(edge, more)
    await utility.validate()
    assert await named(utility, "INACTIVE_POINT") == [SINCE + 2 * DAY, SINCE + 3 * DAY]


async def test_a_meter_that_never_spoke_is_named_and_no_more_once_it_does(
    utility: Utility,
) -> None:
    edge = await opened(utility, SINCE)
    utility.now = night(SINCE + 4 * DAY)
    await utility.validate()
    assert await named(utility, "FIRST_READ_MISSING") == [SINCE + DAY]
    await utility.deliver(edge, counted(SINCE, SINCE + 4 * DAY, SINCE))
    await utility.validate()
    assert await named(utility, "FIRST_READ_MISSING") == []

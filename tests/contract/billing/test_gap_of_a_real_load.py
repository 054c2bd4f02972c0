"""Three days of a real load are silent: estimated, billed so, and made equal by what comes late.

Through all there is: readings, validation, the night's estimates, rating, bills and a correction.
Two customers have the same load of hours; of one nothing is ever missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.policies import TimescalePolicies
from central.domain.billing.bill_window import BillWindow
from central.domain.billing.correction import CorrectionWay
from central.domain.vee.policy_document import VEE_SCHEMA
from central.service.billing.correct_bills import CorrectBills
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.validation.estimate_held import EstimateHeld
from central.service.validation.policies import Policies
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK, OPERATOR
from tests.support.books import HOURLY, NOVEMBER, ZONE, Utility, timescale_utility
from tests.support.corrected_books import total_of
from tests.support.daily_books import bill, settle
from tests.support.data import data_root
from tests.support.ingest import channel
from tests.support.servers import Database

SEPTEMBER, DECEMBER, DAY = date(2026, 9, 1), date(2026, 12, 1), timedelta(days=1)
# The days around the autumn's clock change: one of them has 25 hours.
FIRST, BACK = date(2026, 10, 24), date(2026, 10, 27)
POLICY = "thresholds: {estimate_after_days: 2}"


def registers(serial: str, first: date, end: date) -> list[Reading]:
    """What a meter shows at each hour: a household's hours of a year, from September on."""
    lines = (data_root("loads") / "load_residential.csv").read_text().split()
    begin = day_start(SEPTEMBER, ZONE)
    hours = (day_start(end, ZONE) - begin) // timedelta(hours=1)
    skipped = (day_start(first, ZONE) - begin) // timedelta(hours=1)
    used = [round(Fraction(text) * 1000) for text in lines[5832 : 5832 + hours]]
    of = channel(serial, period_s=HOURLY)
    return [
        Reading(of, begin + number * timedelta(hours=1), 5_000 + sum(used[:number]), 0)
        for number in range(skipped, hours + 1)
    ]


async def quality(utility: Utility, number: int, day: date) -> set[int]:
    key = ChannelDay(PointChannelId(number), day)
    return set((await utility.validation.blocks({key: None}))[key].quality.tolist())


async def test_what_was_estimated_is_equal_in_sum_and_then_in_all(migrated: Database) -> None:
    async with (
        timescale_utility(migrated.dsn) as utility,
        make_pool(migrated.dsn, max_size=2) as pool,
    ):
        utility.now = datetime(2026, 11, 2, 9, tzinfo=UTC)
        edge = await utility.found(2, period_s=HOURLY)
        policies = Policies(TimescalePolicies(pool), lambda: utility.now)
        document = VEE_SCHEMA.parse(POLICY)
        await policies.set_policy("electricity", document, SEPTEMBER, (OPERATOR, "no bill waits"))
        silent = registers("S1", FIRST, BACK)[1:-1]
        gone = {reading.at for reading in silent}
        whole = registers("S1", SEPTEMBER, NOVEMBER)
        await utility.deliver(edge, [entry for entry in whole if entry.at not in gone])
        await utility.deliver(edge, registers("S2", SEPTEMBER, NOVEMBER))
        await utility.validate()
        night = EstimateHeld(utility.window, utility.validation, lambda: utility.now)
        assert (await night(BillWindow())).days == 3
        await settle(utility, "2026-10")
        estimated, metered = [await bill(utility, account, "2026-10") for account in ("A-1", "A-2")]
        # The register says the sum, so kWh are equal; when they were used is estimated.
        assert estimated.kwh == metered.kwh
        assert estimated.bill.amounts.billed != metered.bill.amounts.billed
        assert [read.estimated for read in estimated.bill.supplies[0].reads] == [True]
        assert [read.estimated for read in metered.bill.supplies[0].reads] == [False]
        assert await quality(utility, 1, FIRST) == {2}
        # What was silent comes late: the true values take the place of the estimates.
        utility.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        await utility.deliver(edge, silent)
        await utility.validate()
        assert await quality(utility, 1, FIRST) == {0}
        correct = CorrectBills(TimescaleCorrections(pool), lambda: utility.now)
        assert not (await correct.preview("A-2")).differs
        uid = await correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "readings came late")
        await correct.approve(uid, CHIEF)
        utility.now = datetime(2026, 12, 3, 9, tzinfo=UTC)
        for serial in ("S1", "S2"):
            await utility.deliver(edge, registers(serial, NOVEMBER, DECEMBER)[1:])
        await utility.validate()
        await settle(utility, "2026-11")
        both = "2026-10", "2026-11"
        assert await total_of(utility, "A-1", *both) == await total_of(utility, "A-2", *both)

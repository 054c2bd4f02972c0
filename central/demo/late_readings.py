"""A late reading: what a technician read at the bakery after its bill was issued.

The meter's memory had too much of one morning before eight, when the price rises, and too little
after it: three kilowatt-hours. The sum of the day is the same, and the bill is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.validation.decisions import TimescaleDecisionStore
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.demo.households import HOUSEHOLDS, STEP
from central.demo.virtual_meters import GATEWAY, PERIOD_S, Scene, manufacturer, meters
from central.domain.actor import Actor
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.cycle import Cycle
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.find_candidates import FindCandidates
from central.service.ingest.import_readings import import_readings
from central.service.ingest.ingest import Ingest
from central.service.operator.services import OperatorServices
from central.service.ports.decisions import Choice, DecisionNote
from central.service.validation.decisions import decide_conflict
from central.service.validation.validate import Validate
from firmware_bridge.contract.obis import ACTIVE_IMPORT

UNIT, BAKERY = len(HOUSEHOLDS), HOUSEHOLDS[-1]
_RISES = time(8)
_WH = 500
_STEPS = 6
_EARLIEST_DAY = 18
_SATURDAY = 5
_REASON = "read at the meter after the bill"


@dataclass(frozen=True, slots=True)
class LateReading:
    """What came of it.

    Args:
        day: Whose readings came late.
        readings: How many.
        report: The bill as it is and as it would be; None where it says the same.
    """

    day: date
    readings: int
    report: CorrectionReport | None


def late_day(cycle: Cycle) -> date:
    """A working day after the middle of a month."""
    day = date(cycle.year, cycle.month, _EARLIEST_DAY)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return day


def readings_file(scene: Scene, day: date) -> tuple[str, int]:
    """What the technician read, as `meterline-central import readings` takes it, and how many."""
    meter = meters(scene)[UNIT]
    rises = datetime.combine(day, _RISES, scene.zone)
    rows = ["manufacturer,serial,obis,at,value,unit,source,period_s"]
    for step in range(1 - _STEPS, _STEPS):
        at = rises + step * STEP
        register = meter.register_wh(ACTIVE_IMPORT, at) - _WH * (_STEPS - abs(step))
        nameplate = f"{manufacturer()},{BAKERY.serial},{ACTIVE_IMPORT}"
        rows.append(f"{nameplate},{at.isoformat()},{register},Wh,profile,{PERIOD_S}")
    return "\n".join([*rows, ""]), len(rows) - 1


async def read_late(
    pool: Pool, services: OperatorServices, scene: Scene, day: date, clerk: Actor
) -> LateReading:
    """Bring late readings in, take them, and find what the issued bill should have said.

    Args:
        pool: Connections in the application's role.
        services: Of the operator.
        scene: When it plays.
        day: Whose readings come late.
        clerk: Who imports them, and takes them in place of the stored ones.
    """
    text, count = readings_file(scene, day)
    now = services.clock
    await import_readings(Ingest(TimescaleIngestStore(pool), now), GATEWAY, text, clerk, now)
    decisions = TimescaleDecisionStore(pool)
    for conflict in await decisions.conflicts(count):
        note = DecisionNote(clerk, _REASON, now())
        await decide_conflict(decisions, conflict.id, Choice.REPLACE, note)
    await Validate(TimescaleValidationStore(pool), scene.clock).until_idle()
    await FindCandidates(services.candidates, now).changed()
    candidates = await services.show_candidates.listed(BAKERY.account)
    report = await services.show_candidates.report(candidates[0]) if candidates else None
    return LateReading(day, count, report)


async def adjust(services: OperatorServices, clerk: Actor, supervisor: Actor) -> None:
    """Have the next bill carry the difference: one decides, another approves."""
    decision = await services.correct.decide(BAKERY.account, CorrectionWay.ADJUST, clerk, _REASON)
    await services.correct.approve(decision, supervisor)


async def was_played(services: OperatorServices) -> bool:
    """Whether readings came late already, when the demo was started before."""
    shown = services.show_candidates
    return bool(
        await shown.listed(BAKERY.account) or await shown.listed(BAKERY.account, closed=True)
    )

"""One meter takes the place of another, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from central.service.moves.errors import ReadMissingError
from central.service.moves.repeats import recorded
from central.service.moves.requests import MeterExchange
from central.service.moves.steps import MoveSteps, facts_of
from central.service.ports.moves import MoveKind, MoveRecord, NewMove
from central.service.ports.registry import InstallationRecord, NotRegisteredError
from central.service.registry.refusals import need
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis


async def exchange_meter(steps: MoveSteps, asked: MeterExchange) -> NewMove | MoveRecord:
    """Do the steps; the move to record, or the one that was recorded before."""
    registry = steps.registry
    await registry.hold([asked.point], [])
    need(await registry.point(asked.point), "service point", asked.point)
    if asked.at.tzinfo is None:
        message = f"{asked.at.isoformat()} has no UTC offset."
        raise InvalidValueError(message, value=asked.at)
    move = NewMove(MoveKind.METER_EXCHANGE, asked.point, None, asked.at, asked.to_json(), {})
    if before := await recorded(registry, move):
        return before
    units = {channel.obis: channel.unit for channel in await registry.channels(asked.point)}
    old = _meter_at(await registry.installations(asked.point), asked.point, asked.at)
    _need_reads(steps, asked, old, sorted(units))
    await steps.take_out(old, asked.at, asked.closing, units)
    meter = asked.meter
    facts = facts_of(asked.point, meter.moduli, asked.opening, units)
    nameplate = meter.manufacturer, meter.serial
    await steps.put_in(
        InstallationRecord(
            asked.point, *nameplate, asked.at, old.end, meter.multiplier, facts, meter.gateway
        )
    )
    return replace(move, steps=steps.to_json())


def _need_reads(
    steps: MoveSteps, asked: MeterExchange, old: InstallationRecord, counted: Sequence[Obis]
) -> None:
    """Refuse an exchange that lacks a read, unless it is to come."""
    now = steps.enrol.clock()
    if (asked.closing or asked.opening) and asked.at > now:
        message = f"Nobody can have read a meter at {asked.at.isoformat()}, which is to come."
        remedy = "Record the exchange when it is done, with its reads."
        raise InvalidValueError(message, value=asked.at, remedy=remedy)
    reads = (
        ("closing", f"{old.manufacturer}/{old.serial}", asked.closing),
        ("opening", f"{asked.meter.manufacturer}/{asked.meter.serial}", asked.opening),
    )
    names = [
        f"the {which} read of {meter} {obis}"
        for which, meter, given in reads
        for obis in counted
        if obis not in {read.obis for read in given}
    ]
    steps.awaited += names
    if names and asked.at <= now and not asked.later:
        message = f"The exchange at {asked.point} lacks {', '.join(names)}."
        raise ReadMissingError(message, value=names)


def _meter_at(
    installations: Sequence[InstallationRecord], point: str, at: datetime
) -> InstallationRecord:
    """The meter that is at a point at an instant and before it.

    Raises:
        NotRegisteredError: None is.
    """
    for each in installations:
        if each.start < at and (each.end is None or each.end > at):
            return each
    message = f"No meter is at {point} at {at.isoformat()} that could come out."
    remedy = "Name a time at which one is there; the first meter comes with `import customers`."
    raise NotRegisteredError(message, value=point, remedy=remedy)

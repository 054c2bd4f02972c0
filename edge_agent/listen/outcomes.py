"""Read meters and show each outcome as it comes, for whoever installs one or writes its firmware.

Nothing is stored and nothing is sent. A line that only one program can hold, such as a serial port,
is read by a running agent or here, not by both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_agent.cancellation import end
from edge_agent.config.settings import MeterSettings
from edge_agent.errors import UnknownMeterError
from edge_agent.polling.claims import Claims
from edge_agent.polling.meter import Meter, describe
from edge_agent.polling.meter_set import make_meter
from firmware_bridge.driver.interface import ReadOut

_WAITING_MAX = 100
FAILED_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class MeterFault:
    """Why a read, or telegrams beside it, gave nothing.

    Args:
        code: The reason's.
        reason: What happened, and what to do where that is known.
        raw: The bytes that were refused; None where none came.
        count: How often since the last outcome.
    """

    code: str
    reason: str
    raw: bytes | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one read of a meter gave.

    Args:
        meter: As configured.
        at: When, by this machine. Aware, UTC.
        read_out: What it showed; None where the read failed.
        faults: Why not, and what was refused beside it.
    """

    meter: str
    at: datetime
    read_out: ReadOut | None
    faults: tuple[MeterFault, ...] = ()


def chosen(meters: Sequence[MeterSettings], names: Sequence[str]) -> tuple[MeterSettings, ...]:
    """The configured meters of these names; all without one.

    Raises:
        UnknownMeterError: No meter has that name, or there is none at all.
    """
    if not meters:
        message = "No meter is configured."
        remedy = "Write a [[meters]] table for each; `meterline-bridge probe` proposes them."
        raise UnknownMeterError(message, remedy=remedy)
    by_name = {settings.name: settings for settings in meters}
    for name in names:
        if name not in by_name:
            message = f"No meter is configured as {name!r}."
            remedy = f"Configured: {', '.join(by_name) or 'none'}."
            raise UnknownMeterError(message, value=name, remedy=remedy)
    return tuple(by_name[name] for name in names) if names else tuple(meters)


async def listen(
    meters: Sequence[MeterSettings],
    pause_s: float,
    claims: Claims | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncGenerator[Outcome]:
    """Read the meters at the same time, again and again; ends with whoever iterates.

    Args:
        meters: As configured.
        pause_s: Between two reads of a meter, after a failed one at least `FAILED_PAUSE_S`; what
            it sends by itself meanwhile is shown at the next. [s]
        claims: Which registers are whose, as the agent knows it; None for a gateway that has read
            nothing yet.
        now: This machine's clock.

    Raises:
        UnknownProtocolError, DriverSettingError: A meter cannot be what its table says.
    """
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue(_WAITING_MAX)
    ready = [make_meter(settings) for settings in meters]
    shared = claims or Claims()
    for one in ready:
        one.claims = shared

    async def follow(meter: Meter) -> None:
        while True:
            try:
                # A failed read closes no line: what comes meanwhile is shown at the next.
                async with meter.driver:
                    while True:
                        outcome = await _read(meter, now)
                        await outcomes.put(outcome)
                        await asyncio.sleep(_pause_s(outcome, pause_s))
            except Exception as error:  # noqa: BLE001 - a fault of one driver is shown, and ends no other
                fault = _fault(error, meter.timeout_s)
                outcome = Outcome(meter.name, now(), None, (fault,))
                await outcomes.put(outcome)
                await asyncio.sleep(_pause_s(outcome, pause_s))

    tasks = [asyncio.create_task(follow(meter)) for meter in ready]
    try:
        while True:
            yield await outcomes.get()
    finally:
        await end(*tasks)


async def _read(meter: Meter, now: Callable[[], datetime]) -> Outcome:
    try:
        read_out = await asyncio.wait_for(meter.driver.read(), meter.timeout_s)
    except Exception as error:  # noqa: BLE001 - as above
        return Outcome(meter.name, now(), None, (_fault(error, meter.timeout_s),))
    refused = tuple(
        MeterFault(item.code, item.message, item.raw, item.count) for item in read_out.refused
    )
    admission = meter.claims.admit(meter.name, read_out.meter, read_out.values)
    shared = tuple(
        MeterFault(*describe(admission.refusal(showing))) for showing in admission.shared
    )
    return Outcome(meter.name, now(), read_out, (*refused, *shared))


def _pause_s(outcome: Outcome, pause_s: float) -> float:
    return pause_s if outcome.read_out is not None else max(pause_s, FAILED_PAUSE_S)


def _fault(error: Exception, timeout_s: float) -> MeterFault:
    if isinstance(error, TimeoutError):
        reason = f"The meter did not answer within {timeout_s} s. Check the line and the address."
        return MeterFault("METER_TIMEOUT", reason)
    return MeterFault(*describe(error))

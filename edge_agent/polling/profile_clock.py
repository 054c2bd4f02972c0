"""Whether a meter's load profile is taken: only while the clock that dates its entries is right.

How it works. An entry has the meter's time for ever, and an error of that clock puts it into a
wrong interval, or into the future, which nothing mends afterwards. So before a profile is read, the
clock is looked at: what the meter says of it where its protocol tells, else what the newest entry
says.

    right or behind  entries up to now, and the tolerance, are taken as the meter dated them
    ahead            none are, until it was right for an hour; `MeterClocks` tells the event
    not known        none are: the gateway's own clock is not known. They wait in the meter
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from edge_agent.clock import Clock
from edge_agent.meter_clock import ProfileLook
from edge_agent.polling.meter import Meter
from edge_agent.polling.recorder import gateway_doubt
from edge_agent.polling.stamping import clock_mark
from edge_agent.register_events.device_exchange import nameplate_of
from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.contract.reading import TimeQuality, to_ms
from firmware_bridge.driver.interface import MeterIdentity, ProfileMemory

# A look that is older says nothing of now.
LOOK_MAX_S: Final = 600.0
_ZERO: Final = timedelta(0)
_NEXT: Final = timedelta(milliseconds=1)


class ProfileNotTakenError(DeviceError):
    """The load profile waits in the meter's memory."""

    retryable = True


class ProfileClockError(ProfileNotTakenError):
    """The clock that dates the entries is wrong, or was until lately."""

    code = "PROFILE_CLOCK_WRONG"


class ProfileUnjudgedError(ProfileNotTakenError):
    """The gateway's own clock is not known, so that no meter's can be judged."""

    code = "PROFILE_WAITS_FOR_CLOCK"


def believed_until(
    meter: Meter, memory: ProfileMemory, marks: Mapping[str, int], clock: Clock
) -> datetime:
    """The first instant of which no entry is believed; the meter remembers how its clock stood.

    Args:
        meter: The meter.
        memory: What its load profile holds.
        marks: The buffer's.
        clock: The gateway's.

    Raises:
        ProfileNotTakenError: None of them is to be taken now.
    """
    meter.profile_look = None
    if clock.quality() is TimeQuality.UNSYNCHRONISED:
        message = "Its load profile waits until the gateway's clock is known."
        raise ProfileUnjudgedError(message)
    limit = meter.trust.tolerance + gateway_doubt(marks, clock)
    now, monotonic = clock.wall(), clock.monotonic()
    offset = _offset(memory, now)
    if offset < -limit:
        # A meter that was off, or plays a month that is over: its entries are of the past.
        return now + limit + _NEXT
    meter.profile_look = ProfileLook(memory.meter, offset, now + offset, monotonic)
    nameplate = nameplate_of(memory.meter)
    if offset > limit:
        shown = (now + offset).isoformat()
        message = f"Its load profile is not read: the clock of {nameplate} shows {shown}."
        raise ProfileClockError(message, remedy="Set the meter's clock.")
    if marks.get(clock_mark(nameplate), 0) and not meter.trust.use_gateway_time:
        message = f"Its load profile is not read: the clock of {nameplate} was wrong until lately."
        raise ProfileClockError(message)
    return now + limit + _NEXT


def mark_of(covered: datetime, until: datetime) -> int:
    """How far a load profile is stored, in ms since 1970 UTC: never beyond what is believed."""
    return to_ms(min(covered, until))


def recent_look(meter: Meter, device: MeterIdentity, monotonic: float) -> ProfileLook | None:
    """How the clock of a meter's load profile stood lately; None where nobody looked.

    Args:
        meter: The meter.
        device: The one that answered.
        monotonic: Now. [s]
    """
    look = meter.profile_look
    if look is None or look.device != device or monotonic - look.monotonic > LOOK_MAX_S:
        return None
    return look


def _offset(memory: ProfileMemory, now: datetime) -> timedelta:
    """How far the clock is ahead, as far as can be told; the entries' word if that is worse."""
    clock_ahead = _ZERO if memory.clock is None else memory.clock - now
    if not memory.held.duration:
        return clock_ahead
    ahead = memory.newest - now
    if ahead > max(clock_ahead, _ZERO):
        return ahead
    if memory.clock is None and memory.held.end < now:
        return memory.held.end - now
    return clock_ahead

"""How far a meter's own clock is believed, judged by the gateway's.

How it works. Each read-out in which a meter gives its time becomes a `ClockDistance`: how far that
time is from the gateway's at the moment in which it came. Then `TRANSITIONS` is asked for
(standing, distance): it names the standing that follows and the event, if there is one. What is not
in the table changes nothing.

    RIGHT      its own time is used
    WRONG      the gateway's time is used in its place
    RECOVERED  it is right again, but not for long enough to be believed

A clock that drifts over the tolerance, or comes and goes, flaps no event: it counts as right again
only once it was within half the tolerance for an hour. While the gateway's own clock is not known
nothing is judged. The entries of a load profile have old times by nature and never come here, but
the clock that dates them does: as a `ProfileLook`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from firmware_bridge.contract.event import EventKind
from firmware_bridge.driver.interface import MeterIdentity

# How far an oscillator that nobody disciplines drifts, at worst.
DRIFT: Final = 200e-6
RIGHT_AFTER_S: Final = 3600.0
# A correction for sampled values follows its clock in steps of this size, since each hourly value
# is told many times and must get one time.
SHIFT_STEP: Final = timedelta(seconds=30)
_ZERO: Final = timedelta(0)


class ClockStanding(Enum):
    """How a meter's clock stands."""

    RIGHT = auto()
    WRONG = auto()
    RECOVERED = auto()


class ClockDistance(Enum):
    """How far a meter's clock was seen from the gateway's."""

    NEAR = auto()
    """Within half the tolerance."""
    BETWEEN = auto()
    """Within the tolerance."""
    FAR = auto()
    """Beyond it."""
    NEAR_LONG = auto()
    """Near, and for an hour by now."""


TRANSITIONS: Final[
    dict[tuple[ClockStanding, ClockDistance], tuple[ClockStanding, EventKind | None]]
] = {
    (ClockStanding.RIGHT, ClockDistance.FAR): (ClockStanding.WRONG, EventKind.CLOCK_WRONG),
    (ClockStanding.WRONG, ClockDistance.NEAR): (ClockStanding.RECOVERED, None),
    (ClockStanding.RECOVERED, ClockDistance.BETWEEN): (ClockStanding.WRONG, None),
    (ClockStanding.RECOVERED, ClockDistance.FAR): (ClockStanding.WRONG, None),
    (ClockStanding.RECOVERED, ClockDistance.NEAR_LONG): (
        ClockStanding.RIGHT,
        EventKind.CLOCK_RIGHT,
    ),
}


@dataclass(frozen=True, slots=True)
class Trust:
    """How far one meter's time is believed, as configured.

    Args:
        tolerance: Beyond it from the gateway's time, that is used.
        absurd: So long before an instant that is known to have passed it is not believed either
            while the gateway's clock is not known.
        use_gateway_time: It is never believed.
    """

    tolerance: timedelta = timedelta(minutes=3)
    absurd: timedelta = timedelta(days=1)
    use_gateway_time: bool = False


DEFAULT: Final = Trust()


@dataclass(frozen=True, slots=True)
class ClockTrack:
    """What is remembered of a meter's clock.

    Args:
        standing: Where it stands.
        shift: How far it is ahead of the gateway's, in steps; corrects sampled values.
        near_since: Since when it is near, by the monotonic clock. [s] None where it is not.
    """

    standing: ClockStanding = ClockStanding.RIGHT
    shift: timedelta = _ZERO
    near_since: float | None = None

    @property
    def believed(self) -> bool:
        """Whether the meter's own time is used."""
        return self.standing is ClockStanding.RIGHT


@dataclass(frozen=True, slots=True)
class ProfileLook:
    """How the clock stood that dates a meter's load profile.

    Args:
        device: The meter.
        offset: How far it was ahead of the gateway's, at least.
        own: What it showed, as far as the meter tells. Aware.
        monotonic: When it was seen. [s]
    """

    device: MeterIdentity
    offset: timedelta
    own: datetime
    monotonic: float


def step(
    track: ClockTrack, offset: timedelta, tolerance: timedelta, monotonic: float
) -> tuple[ClockTrack, EventKind | None]:
    """What follows from one more look at a meter's clock.

    Args:
        track: What is remembered of it.
        offset: How far it is ahead of the gateway's.
        tolerance: How far it may be, the gateway's own doubt included.
        monotonic: Now. [s]
    """
    distance = _distance(track, abs(offset), tolerance, monotonic)
    standing, kind = TRANSITIONS.get((track.standing, distance), (track.standing, None))
    near = distance in (ClockDistance.NEAR, ClockDistance.NEAR_LONG)
    since = (monotonic if track.near_since is None else track.near_since) if near else None
    followed = follow(track, offset)
    return replace(followed, standing=standing, near_since=since), kind


def follow(track: ClockTrack, offset: timedelta) -> ClockTrack:
    """The track with its shift brought up to an offset that left it by more than a step."""
    return track if abs(offset - track.shift) <= SHIFT_STEP else replace(track, shift=offset)


def _distance(
    track: ClockTrack, far: timedelta, tolerance: timedelta, monotonic: float
) -> ClockDistance:
    if far > tolerance:
        return ClockDistance.FAR
    if far > tolerance / 2:
        return ClockDistance.BETWEEN
    long = track.near_since is not None and monotonic - track.near_since >= RIGHT_AFTER_S
    return ClockDistance.NEAR_LONG if long else ClockDistance.NEAR


def doubt(since_synchronised_s: float) -> timedelta:
    """How far the gateway's own clock may be off, so long after it was right."""
    return timedelta(seconds=max(since_synchronised_s, 0.0) * DRIFT)


def is_present(at: datetime | None, now: datetime, tolerance: timedelta) -> bool:
    """Whether a value that somebody kept says of itself that it is a present one."""
    return at is not None and abs(now - at) <= tolerance

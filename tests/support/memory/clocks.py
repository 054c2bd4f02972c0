"""When meters' clocks were wrong, of the store in memory."""

from __future__ import annotations

from itertools import zip_longest

from central.domain.metering.clock_error import ClockError
from central.service.ports.registry import InstallationRecord
from tests.support.memory.ingest import State


def clock_errors(ingest: State, installation: InstallationRecord) -> tuple[ClockError, ...]:
    """When the clock of an installed meter was wrong, each until the next look at it."""
    nameplate = (installation.manufacturer, installation.serial)
    looks = [ingest.clocks[key] for key in sorted(ingest.clocks) if key[:2] == nameplate]
    return tuple(
        ClockError(
            look.at,
            None if look.own_at is None else look.own_at - look.at,
            None if after is None else after.at,
        )
        for look, after in zip_longest(looks, looks[1:])
        if look.is_wrong
    )

"""Say how usage events are counted: dated documents that are never changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.usage.usage_meter import (
    UsageAggregate,
    UsageMeter,
    UsageMeterVersion,
    UsageTime,
    in_force,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.usage_events import KeptUsageMeter, UsageEventStore
from central.service.registry.yaml_file import read_yaml_file
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError, OperatorError

_Name = Annotated[str, StringConstraints(min_length=1, max_length=127)]


class UsageMeterFileError(ConfigurationError):
    """A file does not say how events are counted."""

    code = "METER_REFUSED"


class UsageMeterConflictError(OperatorError):
    """From that day on events are counted otherwise."""

    code = "METER_CONFLICT"
    default_remedy = "Give a reason to correct it; issued bills keep their numbers."


class UsageMeterFile(BaseModel):
    """How events are counted, as a file says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meter: _Name
    since: date
    event_type: _Name
    aggregate: UsageAggregate = UsageAggregate.SUM
    value: str = ""
    group_by: tuple[_Name, ...] = ()
    where: dict[_Name, tuple[str, ...]] = {}
    time: UsageTime = UsageTime.HOUR

    def usage_meter(self) -> UsageMeter:
        """The meter.

        Raises:
            InvalidValueError: It says what cannot be.
        """
        where = tuple((name, self.where[name]) for name in sorted(self.where))
        parts = (self.event_type, self.aggregate, self.value, self.group_by, where, self.time)
        return UsageMeter(self.meter, *parts)


def read_usage_meter(path: Path) -> UsageMeterFile:
    """Read a file that says how events are counted.

    Raises:
        UsageMeterFileError: It says something else; with every fault.
        OSError: It cannot be read.
    """
    return read_yaml_file(path, UsageMeterFile, UsageMeterFileError)


class KeepUsageMeters:
    """The use-cases.

    Args:
        store: Where meters of usage are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: UsageEventStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def add(self, meter: UsageMeter, since: date, actor: Actor, reason: str = "") -> bool:
        """Say how events are counted from a local day on.

        Returns:
            Whether it is new; False where just this is said already.

        Raises:
            UsageMeterConflictError: Of that day something else is said, and no reason is given.
        """
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self._store.meter(meter.name, note) as work:
            versions = [row.version for row in await work.history()]
            newest = {each.since: each for each in in_force(versions)}.get(since)
            if newest is not None and newest.meter == meter:
                return False
            if newest is not None and not note.reason:
                message = f"{meter.name} counts otherwise from {since} on."
                raise UsageMeterConflictError(message, value=meter.name)
            last = max((each.revision for each in versions if each.since == since), default=0)
            old = None if newest is None else _said(newest)
            version = UsageMeterVersion(since, last + 1, meter)
            await work.add(version, change(old, _said(version), note.reason or None))
        return True

    async def withdraw(self, name: str, since: date, actor: Actor, reason: str) -> None:
        """Take a day of a meter back that was entered by mistake; what was before it holds on.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: Nothing is said of that day.
        """
        if not reason.strip():
            message = "Taking a meter of usage back needs a reason."
            raise InvalidValueError(message, value=reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self._store.meter(name, note) as work:
            versions = [row.version for row in await work.history()]
            newest = {each.since: each for each in in_force(versions)}.get(since)
            if newest is None:
                message = f"The meter of usage {name} says nothing from {since} on."
                remedy = "`meterline-central events meters` shows what there is."
                raise NotRegisteredError(message, value=name, remedy=remedy)
            gone = replace(newest, revision=newest.revision + 1, withdrawn=True)
            await work.add(gone, change(_said(newest), None, note.reason))

    async def listed(self, name: str | None = None) -> tuple[KeptUsageMeter, ...]:
        """What was said of a meter, or of all; by name, day and revision."""
        return tuple(await self._store.meters(name))


def _said(version: UsageMeterVersion) -> dict[str, Any]:
    return {"since": version.since.isoformat(), **version.meter.to_json()}

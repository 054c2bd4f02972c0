"""What schedules need of a store: what people said of them, and where there are service points."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from central.domain.actor import Actor
from central.domain.schedule import JobSchedule


class ScheduleStore(Protocol):
    """What differs from the defaults, and what was added to them."""

    async def schedules(self) -> tuple[JobSchedule, ...]:
        """Those that somebody set, by name."""

    async def zones(self) -> tuple[str, ...]:
        """The zones in which there are service points, by name."""

    async def keep(
        self, schedule: JobSchedule, at: datetime, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """Keep a schedule in place of one of its name, and note it in the audit log.

        Args:
            schedule: As it is from now on.
            at: Now.
            actor: Who says so.
            detail: Old and new values, and why.
        """

    async def drop(self, name: str, at: datetime, actor: Actor, detail: Mapping[str, Any]) -> None:
        """Forget what was said of a schedule, and note it in the audit log."""

    async def asked_again(
        self, name: str, at: datetime, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """Note in the audit log that somebody asked for a job once more."""

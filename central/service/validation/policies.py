"""Set how a class of channels is judged, and suspend rules for a group during a storm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.vee.catalogue import NOT_ACCEPTED
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.rules import RULES
from central.service.class_policies import ClassPolicies, NoSuchClassError
from central.service.ports.policies import PolicyStore
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

STORM_RULES = (
    "FIRST_READ_MISSING",
    "PROLONGED_ESTIMATION",
    "SPIKE",
    "STEP_CHANGE",
    "STANDING_STILL",
    "ZERO_DAYS",
)
"""What an outage and its end set off, suspended where a storm names nothing else."""
_BIGINT_MAX = 2**63 - 1


class NoSuchStormError(OperatorError):
    """There is no such storm, or it begins later."""

    code = "NO_SUCH_STORM"
    default_remedy = "`vee storms` lists them."


class Policies(ClassPolicies):
    """The use-cases.

    Args:
        store: Where policies and storms are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: PolicyStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(store, DEFAULT_POLICIES, clock)
        self._store = store

    async def start_storm(
        self,
        group: str,
        span: tuple[datetime, datetime | None],
        note: tuple[Actor, str],
        rules: Sequence[str] = STORM_RULES,
    ) -> int:
        """Suspend rules for the points of a group; days that are closed are validated again.

        Args:
            group: Its name.
            span: From when, and until when; None while that is not known. Aware.
            note: Who, and why.
            rules: Codes of the rules.

        Returns:
            The number of the storm.

        Raises:
            InvalidValueError: There is no reason, no time, or a rule that cannot be suspended.
            NoSuchClassError: There is no such group of points.
        """
        start, end = span
        if end is not None and end <= start:
            message = f"A storm from {start.isoformat()} cannot end at {end.isoformat()}."
            raise InvalidValueError(message, value=span)
        codes = {rule.code for rule in RULES}
        if not rules or (wrong := [code for code in rules if code not in codes - NOT_ACCEPTED]):
            message = f"{wrong[0] if rules else 'Nothing'} is not a rule that can be suspended."
            raise InvalidValueError(message, value=list(rules))
        storm = await self._store.add_storm(group, span, sorted(set(rules)), self._noted(*note))
        if storm is None:
            message = f"There is no group of points {group!r}."
            raise NoSuchClassError(message, value=group, remedy="`group list` shows the groups.")
        return storm

    async def end_storm(self, storm: int, end: datetime, note: tuple[Actor, str]) -> None:
        """Say when a storm ended; the days that this changes are validated again.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchStormError: There is none of that number that begins before.
        """
        noted = self._noted(*note)
        is_known = 0 < storm <= _BIGINT_MAX and await self._store.end_storm(storm, end, noted)
        if not is_known:
            message = f"There is no storm {storm} that begins before {end.isoformat()}."
            raise NoSuchStormError(message, value=storm)

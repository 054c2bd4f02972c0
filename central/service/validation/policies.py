"""Set how a class of channels is judged, and suspend rules for a group during a storm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from central.domain.actor import Actor
from central.domain.vee.catalogue import NOT_ACCEPTED
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.policy_document import PolicyDocument
from central.domain.vee.rules import RULES
from central.service.ports.decisions import DecisionNote
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


class NoSuchClassError(OperatorError):
    """There is no class or group of that name."""

    code = "NO_SUCH_CLASS"
    default_remedy = "Take a default class of docs/reference/vee.md, or a group of `group list`."


class NoSuchStormError(OperatorError):
    """There is no such storm, or it begins later."""

    code = "NO_SUCH_STORM"
    default_remedy = "`vee storms` lists them."


class Policies:
    """The use-cases.

    Args:
        store: Where policies and storms are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: PolicyStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def set_policy(
        self, class_name: str, document: PolicyDocument, effective: date, note: tuple[Actor, str]
    ) -> int:
        """Enter the next version of a class's policy. Days that are closed are not judged again.

        Args:
            class_name: A default class, or a group of points.
            document: What it does otherwise.
            effective: The first local day that it judges.
            note: Who, and why.

        Returns:
            Its number.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchClassError: There is no such class.
        """
        await self.require_class(class_name)
        return await self._store.add_policy(class_name, effective, document, self._noted(*note))

    async def require_class(self, class_name: str) -> None:
        """Refuse a name that is neither a default class nor a group of points.

        Raises:
            NoSuchClassError: It is not.
        """
        if class_name not in DEFAULT_POLICIES and not await self._store.has_group(class_name):
            message = f"{class_name!r} is neither a default class nor a group of points."
            raise NoSuchClassError(message, value=class_name)

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

    def _noted(self, actor: Actor, reason: str) -> DecisionNote:
        if not reason.strip():
            message = "A policy or a storm needs a reason."
            raise InvalidValueError(message, value=reason)
        return DecisionNote(actor, reason, self._clock())

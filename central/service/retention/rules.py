"""Enter retention rules, and place and lift legal holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.retention import (
    LEAST_AGE,
    TEXT_MAX,
    FloorStep,
    HoldOf,
    LegalHold,
    RetentionRule,
    RetentionTerm,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.retention_rules import RetentionRuleStore
from firmware_bridge.contract.errors import InvalidValueError


class RetentionRules:
    """The use-cases.

    Args:
        store: Where rules and holds are.
        actor: Who acts.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: RetentionRuleStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._actor = actor
        self._clock = clock

    async def enter(self, term: RetentionTerm, reason: str) -> RetentionRule:
        """Enter a rule; it takes the place of the one of the same kind and group.

        Raises:
            InvalidValueError: There is no reason.
            NotRegisteredError: There is no such group.
        """
        return await self._store.enter_rule(term, self._note(reason))

    async def hold(self, of: HoldOf, name: str, case: str, reason: str) -> LegalHold:
        """Place a legal hold: nothing that belongs to its subject is deleted until it is lifted.

        Args:
            of: Kind of the subject.
            name: Number of the account, name of the point, or MANUFACTURER/SERIAL of the meter.
            case: For which case, such as a court's file number.
            reason: Why.

        Raises:
            InvalidValueError: There is no case or reason.
            NotRegisteredError: There is no such account, point or meter.
            HoldExistsError: It is held for that case already.
        """
        return await self._store.place_hold(of, name, _text("case", case), self._note(reason))

    async def lift(self, uid: UUID, reason: str) -> LegalHold:
        """Lift a legal hold; what is past its term goes with the next deletion.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchHoldError: None that holds has that identifier.
        """
        return await self._store.lift_hold(uid, self._note(reason))

    async def raise_floors(
        self,
        day: date,
        reason: str,
        *,
        point: str | None = None,
        group: str | None = None,
        dry: bool = False,
    ) -> Sequence[FloorStep]:
        """Close the days before one for good: nothing of them is validated again.

        Args:
            day: The first day that may still be validated.
            reason: Why.
            point: Name of a service point; None for more than one.
            group: Name of a group whose points, or whose accounts' points; None for all.
            dry: Only say what it would come to.

        Raises:
            InvalidValueError: There is no reason, or the day is not 450 days ago.
            NotRegisteredError: There is no such service point or group.
        """
        note = self._note(reason)
        if day > (note.at - LEAST_AGE).date():
            message = f"{day} is too late for a floor: it lies {LEAST_AGE.days} days back at least."
            raise InvalidValueError(message, value=day.isoformat())
        return await self._store.raise_floors(day, point, group, note, dry=dry)

    async def resume(self, reason: str) -> None:
        """Say that rules and holds are complete after a restore, so that deleting goes on.

        Raises:
            InvalidValueError: There is no reason.
        """
        await self._store.resume(self._note(reason))

    def _note(self, reason: str) -> DecisionNote:
        return DecisionNote(self._actor, _text("reason", reason), self._clock())


def _text(what: str, text: str) -> str:
    if not 1 <= len(text.strip()) <= TEXT_MAX:
        message = f"The {what} needs 1 to {TEXT_MAX} characters."
        raise InvalidValueError(message, value=text)
    return text.strip()

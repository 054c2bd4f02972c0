"""What every change of a record leaves: its effect, the bills it concerns, its rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ports.concerned_bills import ConcernedBills, changed_from
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import RegistryStore, RegistryTransaction
from central.service.ports.stamps import InputKind
from central.service.registry.agreement_checks import RegistryWarning
from central.service.registry.audited import Said, revised
from central.service.registry.noted import RegistryChanges


class Effect(StrEnum):
    """What an enrolment did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class RecordChanges(RegistryChanges):
    """Use-cases that change records, and say which issued bills each change reaches into."""

    def __init__(
        self,
        store: RegistryStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        reason: str | None = None,
    ) -> None:
        super().__init__(store, actor, clock)
        self._reason = reason
        # By what was changed: the issued bills whose days it reaches into.
        self.concerned: dict[str, ConcernedBills] = {}
        # What was recorded as it was asked for, and will hold bills or change none.
        self.warnings: list[RegistryWarning] = []

    async def _concern(
        self,
        registry: RegistryTransaction,
        kind: InputKind,
        name: str,
        days: tuple[date, date | None],
    ) -> None:
        """Note which issued bills have days that a change reaches into."""
        bills = await registry.concerned(kind, name, *days)
        if bills.count:
            self.concerned[changed_from(kind, name, days[0])] = bills

    async def _note(
        self,
        registry: RegistryTransaction,
        about: tuple[str, str],
        old: Said | None,
        new: Said | None,
        reason: str | None = None,
    ) -> Effect:
        """Write what changed to the audit log, and say which effect that is."""
        kind, subject = about
        reason = reason or self._reason
        effect = Effect.ADDED if old is None else Effect.CHANGED
        if old == new:
            return Effect.UNCHANGED
        # Versions of tariffs have revisions of their own, with their text.
        if new is not None and kind != "tariff":
            note = DecisionNote(self.actor, reason or "", self.clock())
            await registry.keep_revision((kind, revised(kind, subject, new)), old, new, note)
        detail = change(old, new, reason)
        await registry.audit(self.clock(), self.actor, f"{kind}.{effect}", subject, detail)
        return effect

"""Move customers in and out, exchange meters, change agreements: all steps at once, or none.

A preview does all steps and rolls them back, so what it shows is what would be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.moves.customers import change_agreement, move_in, move_out
from central.service.moves.exchange import exchange_meter
from central.service.moves.requests import (
    AgreementChange,
    MeterExchange,
    MoveIn,
    MoveOut,
    MoveOutcome,
)
from central.service.moves.steps import MoveSteps
from central.service.moves.undo import undo
from central.service.ports.decisions import DecisionNote
from central.service.ports.moves import MoveRecord, MoveStore, NewMove
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from central.service.registry.tariff_revisions import need_reason

LIST_MAX = 1_000
"""How many moves a list has at most."""
_Work = Callable[[MoveSteps], Awaitable[NewMove | MoveRecord]]


class _PreviewEndError(Exception):
    """Takes everything back that a preview did."""


class Moves:
    """The use-cases, in somebody's name.

    Args:
        store: Where moves are kept, with the registry.
        actor: Who asks.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: MoveStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._actor = actor
        self._clock = clock

    async def move_in(self, asked: MoveIn, reason: str, *, preview: bool = False) -> MoveOutcome:
        """Let an account come to a service: account, agreement, cycle, opening read.

        With `replaces`, the account that is there moves out on the same day, and the one read is
        the closing read of the one and the opening read of the other.

        Raises:
            InvalidValueError: There is no reason, or a value cannot be.
            NotRegisteredError: There is no such account, point, service, tariff or register.
            PointOccupiedError: Somebody pays for the service already at that time.
            MoveDiffersError: Such a move is recorded and says something else.
            ReadMissingError: And more: see `store_reads`.
            PeriodBilledError: Issued bills have days that would no longer belong to them.
        """
        return await self._do(lambda steps: move_in(steps, asked), reason, preview=preview)

    async def move_out(self, asked: MoveOut, reason: str, *, preview: bool = False) -> MoveOutcome:
        """Let an account leave: its agreements end, with a read; the final bill settles the rest.

        Raises:
            InvalidValueError: There is no reason, or a value cannot be.
            NotOccupiedError: The account has nothing there on the day before.
            FutureAgreementsError: It has agreements there that begin later.
            MoveDiffersError: Such a move is recorded and says something else.
            ReadMissingError: And more: see `store_reads`.
            PeriodBilledError: Approved or issued bills have days behind the end.
        """
        return await self._do(lambda steps: move_out(steps, asked), reason, preview=preview)

    async def exchange_meter(
        self, asked: MeterExchange, reason: str, *, preview: bool = False
    ) -> MoveOutcome:
        """Let one meter take the place of another, with the reads of both.

        Raises:
            InvalidValueError: There is no reason, or a value cannot be.
            NotRegisteredError: No meter is there then, or the new one never reported and no
                gateway is named for it, or the point does not count a register.
            RegistryConflictError: The new meter is elsewhere at that time.
            MoveDiffersError: Another exchange is recorded at that time.
            ReadMissingError: A closing or opening read is missing, and none may come later.
        """
        return await self._do(lambda steps: exchange_meter(steps, asked), reason, preview=preview)

    async def change_agreement(
        self, asked: AgreementChange, reason: str, *, preview: bool = False
    ) -> MoveOutcome:
        """Let an account go on under another tariff from a day on, with what is agreed.

        Raises:
            InvalidValueError: There is no reason, or a value cannot be.
            NotOccupiedError: The account has nothing there on the day before.
            NotRegisteredError: There is no such tariff.
            MoveDiffersError: Such a move is recorded and says something else.
            PeriodBilledError: Approved or issued bills have days behind the change.
        """
        return await self._do(lambda steps: change_agreement(steps, asked), reason, preview=preview)

    async def undo(self, uid: UUID, reason: str, *, preview: bool = False) -> MoveOutcome:
        """Take a move back, where nothing that came later rests on it; reads stay stored.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchMoveError: There is none.
            MovedSinceError: Something came later that rests on it.
            PeriodBilledError: Bills rest on it.
            RegistryConflictError: Somebody else is there by now.
        """
        need_reason(reason)
        note = DecisionNote(self._actor, reason.strip(), self._clock())
        outcome = MoveOutcome(Effect.UNCHANGED)
        try:
            async with self._store.transaction(note.at) as registry:
                enrol = Enrol(self._store, self._actor, self._clock, note.reason)
                outcome = await undo(registry, enrol, uid, note)
                _end_if(preview=preview)
        except _PreviewEndError:
            pass
        return outcome

    async def listed(
        self, account: str | None = None, point: str | None = None
    ) -> Sequence[MoveRecord]:
        """Moves, newest first; of an account by its number, a point by its name, or all."""
        return await self._store.listed(account, point, LIST_MAX)

    async def _do(self, work: _Work, reason: str, *, preview: bool) -> MoveOutcome:
        need_reason(reason)
        note = DecisionNote(self._actor, reason.strip(), self._clock())
        outcome = MoveOutcome(Effect.UNCHANGED)
        try:
            async with self._store.transaction(note.at) as registry:
                enrol = Enrol(self._store, self._actor, self._clock, note.reason)
                steps = MoveSteps(registry, enrol)
                move = await work(steps)
                if isinstance(move, MoveRecord):
                    return MoveOutcome(Effect.UNCHANGED, move.uid)
                outcome = outcome_of(enrol, steps)
                if steps.changed:
                    uid = await registry.add_move(move, note)
                    detail = change(None, {"point": move.point, "at": move.at, **move.asked},
                                    note.reason)  # fmt: skip
                    await registry.audit(
                        note.at, self._actor, f"move.{move.kind.value}", str(uid), detail
                    )
                    outcome = replace(outcome, move=None if preview else uid)
                _end_if(preview=preview)
        except _PreviewEndError:
            pass
        return outcome


def outcome_of(enrol: Enrol, steps: MoveSteps) -> MoveOutcome:
    """What became of steps that were done."""
    return MoveOutcome(
        Effect.ADDED if steps.changed else Effect.UNCHANGED,
        steps=tuple(steps.done),
        awaited=tuple(steps.awaited),
        concerned=tuple(f"{what}: {bills}" for what, bills in enrol.concerned.items()),
        discarded=tuple(enrol.discarded),
        warnings=tuple(map(str, enrol.warnings)),
    )


def _end_if(*, preview: bool) -> None:
    if preview:
        raise _PreviewEndError

"""Write down pilots, compute them, and show what came of them; nothing of it is ever billed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.rating.pilot import PilotDocument, PilotRow, PilotSide
from central.service.pilots.inputs import tariffs_of, with_blocks
from central.service.pilots.rate_members import compare_member
from central.service.ports.decisions import DecisionNote
from central.service.ports.pilots import (
    NoSuchPilotError,
    PilotMember,
    PilotResult,
    PilotScope,
    PilotStore,
    PilotTransaction,
    RecordedPilot,
)
from central.service.ports.registry import NotRegisteredError
from central.service.registry.tariff_revisions import need_reason


class Pilots:
    """The use-cases.

    Args:
        store: Where pilots are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: PilotStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def set(
        self, name: str, document: PilotDocument, actor: Actor, reason: str
    ) -> tuple[int, bool]:
        """Write a pilot down, or another version of it.

        Returns:
            Which version holds, and whether it is new.

        Raises:
            InvalidValueError: There is no reason.
            NotRegisteredError: There is no such group or tariff.
        """
        need_reason(reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self._store.transaction(note.at) as work:
            before = await work.newest(name)
            if before is not None and before.document == document:
                return before.version, False
            for group in filter(None, (document.group, document.control)):
                if not await work.group_exists(group):
                    message = f"The registry has no group {group!r}."
                    raise NotRegisteredError(message, value=group)
            named = set(filter(None, (document.tariff, document.against)))
            for tariff in sorted(named - (await work.tariffs(named)).keys()):
                message = f"The registry has no tariff {tariff!r}."
                raise NotRegisteredError(message, value=tariff)
            return await work.add(name, document, note), True

    async def run(self, name: str, actor: Actor) -> PilotResult:
        """Compute the newest version of a pilot; the same result again is not kept twice.

        Raises:
            NoSuchPilotError: There is no such pilot.
        """
        note = DecisionNote(actor, "", self._clock())
        async with self._store.transaction(note.at) as work:
            pilot = await work.newest(name)
            if pilot is None:
                raise _no_such(name)
            rows = await _computed(work, pilot)
            before = await work.result(name, pilot.version)
            if before is not None and before.rows == rows:
                return before
            run = await work.add_result(pilot, rows, note)
            return PilotResult(pilot, run, rows, actor.key, note.at)

    async def show(self, name: str, version: int | None = None) -> PilotResult:
        """The newest result of a pilot, or of a version of it.

        Raises:
            NoSuchPilotError: There is no such pilot, or it was not computed yet.
        """
        async with self._store.transaction() as work:
            result = await work.result(name, version)
        if result is None:
            raise _no_such(name)
        return result

    async def listed(self) -> Sequence[RecordedPilot]:
        """The newest version of each pilot, by name."""
        async with self._store.transaction() as work:
            return await work.pilots()


async def _computed(work: PilotTransaction, pilot: RecordedPilot) -> tuple[PilotRow, ...]:
    document = pilot.document
    sides = [(PilotSide.PILOT, document.group)]
    if document.control is not None:
        sides.append((PilotSide.CONTROL, document.control))
    members: list[PilotMember] = []
    for side, group in sides:
        members += (await work.members(side, PilotScope(group=group), document.days)).members
    names = {document.tariff}
    names |= {document.against} if document.against else {each.tariff for each in members}
    tariffs = await tariffs_of(work, names, document.days)
    rows = []
    async for member, blocks in with_blocks(work, members, tariffs, document.days):
        pair = document.against or member.tariff, document.tariff
        rows.append(compare_member(member, pair, tariffs, blocks).row)
    return tuple(rows)


def _no_such(name: str) -> NoSuchPilotError:
    message = f"There is no result of a pilot {name!r}."
    remedy = "`pilot list` shows which pilots there are; `pilot run` computes one."
    return NoSuchPilotError(message, value=name, remedy=remedy)

"""Live a life: day by day on the real store, the invariants after each step."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from tests.life.accounts import energy, guessed_too_often, money, not_looked_at, reconciled
from tests.life.accrued import accrued_otherwise, accrues, never
from tests.life.books import Books
from tests.life.candidates import as_previewed, worked_off
from tests.life.charged import Charged
from tests.life.claims import (
    BILLED,
    claimed_twice,
    cut_short,
    out_of_order,
    unbilled,
    unsettled,
)
from tests.life.clock import end_of_cycle, steps
from tests.life.corrections import ANEW, SETTLED
from tests.life.events import Event, Life
from tests.life.invariants import (
    Judge,
    blocks_of,
    own_approval,
    read_beside,
    unclosed,
)
from tests.life.look import Look, Part
from tests.life.product import open_product
from tests.life.remembered import Remembered
from tests.life.validated import UnlikeTruthError
from tests.life.violation import ORACLE, LifeBrokenError, Violation
from tests.life.world import OFFICE, World, noon

_DAY = timedelta(days=1)
_PAYERS = {"agree", "leave", "right_end", "switch", "unagree"}
CORRECTIONS = {"correct", "work_off"}


@dataclass
class Lived:
    """What a life was.

    Args:
        steps: Turned days and stretches.
        bills: By state, at the end.
        judged: Bills that the oracle looked at.
        met: Events by kind, and bills released by what held them.
        refusals: Events that the product refused, by kind and code.
        ways: In which issued bills were corrected, and why not.
        seconds: It took, by what.
    """

    steps: int = 0
    bills: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    met: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)


class Living:
    """One life, lived.

    Args:
        life: What happens.
        world: Where.
        look: Behind the product's back.
        progress: Told each day.
    """

    def __init__(
        self, life: Life, world: World, look: Look, progress: Callable[[date], None]
    ) -> None:
        self.life = life
        self.world = world
        self.look = look
        self.lived = Lived(met=world.met, refusals=world.refusals, ways=world.ways)
        self._progress = progress
        self._closed_from = life.first
        self._validated_at = noon(life.first)
        self._states: dict[UUID, str] = {}
        self._frozen: dict[UUID, dict[str, Any]] = {}
        self._after = "the beginning"
        self._guessed: set[UUID] = set()
        self._remembered = Remembered(world.product, life.first)

    async def __call__(self) -> Lived:
        by_day: dict[date, list[Event]] = {}
        for event in self.life.events:
            by_day.setdefault(event.day, []).append(event)
        for day in steps(self.life):
            self._progress(day)
            if day.day == 1:
                async with self._timed("check"):
                    await self._whole(day)
            await self._step(day, by_day.get(day, ()))
            self.lived.steps += 1
        await self._whole(self.life.end)
        for codes in self.world.product.checks.released.values():
            self.lived.met.update(codes)
        by_hand = sum(counter.read_by_hand for counter in self.world.books.counters())
        self.lived.met["read by hand"] = by_hand
        return self.lived

    @asynccontextmanager
    async def _timed(self, name: str) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self.lived.seconds[name] += time.monotonic() - began  # type: ignore[assignment]

    async def _step(self, day: date, events: Iterable[Event]) -> None:
        world, self._after = self.world, "the night"
        world.product.now = noon(day)
        found = list(events)
        for event in found:
            if event.kind not in OFFICE:
                await world.happen(event)
            if event.kind in _PAYERS:
                world.charged.mark_point(event.said["point"])
        await self._named(day)
        async with self._timed("ingest"):
            await world.deliver(day)
        async with self._timed("validate"):
            validated = await world.validate(day)
        self._validated_at = noon(day) if validated else self._validated_at
        self._raise(day, world.broken)
        async with self._timed("check"):
            await self._days(day)
            self._raise(day, await self._accrued(day, asked=validated and world.accrues(day)))
        office = [event for event in found if event.kind in OFFICE]
        for event, after in zip_longest(office, office[1:]):
            if event.kind in CORRECTIONS:
                async with self._timed("candidates"):
                    await self._refresh(await self.look.parts())
            async with self._timed(event.kind):
                await world.happen(event)
            self._after = str(event)
            if event.kind in CORRECTIONS:
                async with self._timed("candidates"):
                    await self._corrected(day, event)
            # Several of a kind are looked at together, but for what an issue hands to the next.
            if event.kind in CORRECTIONS:
                continue
            apart = event.kind in {"run", "issue"}
            if apart or after is None or after.kind != event.kind:
                async with self._timed("check"):
                    await self._bills(day, event)

    async def _refresh(self, parts: Sequence[Part]) -> None:
        """What the issued bills would say now."""
        self.world.charged.stand(parts)
        try:
            await self.world.charged.refresh(self.world.product.now)
        except UnlikeTruthError as error:
            self._raise(self.world.product.now.date(), [Violation(ORACLE, str(error))])

    async def _candidates(self, parts: Sequence[Part]) -> list[Violation]:
        """6: what issued bills would say otherwise is what the product says of it.

        Where nobody corrects anything, nobody asks.
        """
        if not any(event.kind in CORRECTIONS for event in self.life.events):
            return []
        await self._refresh(parts)
        return await as_previewed(self.world.charged, self.world.product.corrections)

    async def _corrected(self, day: date, event: Event) -> None:
        """What was decided is done: adjusted, left, or cancelled and billed anew."""
        charged, decided = self.world.charged, list(self.world.decided)
        self.world.decided.clear()
        settled = [(one.account, one.way) for one in decided if one.way in SETTLED]
        self._raise(day, await charged.decided(settled, await self.look.parts()))
        await self._bills(day, event)
        again = [one.account for one in decided if one.way in {*SETTLED, *ANEW}]
        if again:
            await self._refresh(await self.look.parts())
            found = await worked_off(charged, self.world.product.corrections, again)
            self._raise(day, found)

    async def _named(self, day: date) -> None:
        """6: issued bills that another version of their tariff concerns are named."""
        if not self.world.named:
            return
        parts, books = await self.look.parts(), self.world.books
        for plan, effective, named in self.world.named:
            self.world.charged.mark_plan(plan, effective)
            until = books.reach(plan, effective) or date.max
            own = {
                part.bill
                for part in parts
                if part.state == "issued" and part.plan == plan
                # Of what settles only it depends on the last day.
                if part.first - part.settles * _DAY < until
                if part.end > effective
            }
            own |= {
                part.bill
                for part, tariff, read in read_beside(books, parts)
                if part.state == "issued" and tariff == plan and effective <= read < until
            }
            if len(own) != named:
                message = f"{len(own)} issued bills have days of {plan} from {effective}: {named}"
                self._raise(day, [Violation(6, f"{message} are named")])
        self.world.named.clear()

    async def _days(self, day: date) -> None:
        """1, over what is new."""
        closed = await self.look.closed(self._closed_from)
        found = unclosed(self.world.books, closed, self._closed_from, self._validated_at)
        self._raise(day, found)
        self._closed_from = max(self._closed_from, self._validated_at.date() - 3 * _DAY)

    async def _accrued(self, day: date, *, asked: bool) -> list[Violation]:
        """What days that are not billed come to, as the night left it and since."""
        if not asked:
            return []
        await self.world.product.accrue()
        return await accrued_otherwise(self.world.charged, await self.look.parts(), noon(day))

    async def _bills(self, day: date, event: Event) -> None:
        """2 to 5, 9 and the oracle, over what changed."""
        books = self.world.books
        parts = await self.look.parts()
        found = [
            *claimed_twice(books, parts),
            *out_of_order(books, parts),
            *own_approval(parts),
        ]
        fresh: set[UUID] = set()
        end: date | None = None
        if event.kind == "run":
            end = end_of_cycle(event.said["cycle"])
            if "@" not in event.said["cycle"]:
                found += unbilled(books, parts, end)
                found += cut_short(books, parts)
                found += unsettled(books, parts, end)
            fresh = _made(parts, day, end)
        moved = {
            part.bill
            for part in parts
            if part.state in BILLED and self._states.get(part.bill) != part.state
        }
        judged = [part for part in parts if part.bill in fresh | moved]
        waiting = {part.bill for part in parts if part.state not in {"issued", "held"}}
        lines = await self.look.lines(fresh | moved | waiting)
        charged = self.world.charged
        charged.stand(parts)
        found += charged.adjustments.carried(parts, lines, end)
        self._frozen |= {
            part.bill: lines.get(part.bill, {})
            for part in judged
            if part.bill in moved and part.state == "issued"
        }
        carried = charged.adjustments.carries(fresh | moved)
        places = {part.place for part in parts if part.bill in moved}
        guessed = [part for part in parts if part.bill in self._guessed and part.place in places]
        blocks = await blocks_of(self.look, [*judged, *guessed])
        judge = Judge(books, parts, lines, blocks, carried, set(charged.charges))
        for bill in fresh:
            found += judge.bill(bill, 0)
        for bill in moved:
            found += judge.bill(bill, 5)
        # What was counted may have come since, and then a bill is not estimated any more.
        again = moved | {part.bill for part in guessed}
        self._guessed -= again
        self._guessed |= {bill for bill in again if judge.guessed(bill)}
        found += guessed_too_often(books, parts, self._guessed, books.in_a_row)
        found += [
            Violation(5, f"{part}, and something of its days waits")
            for part in judged
            if part.bill in moved
            if judge.waits(part)
            or judge.conflicts(part)
            or judge.doubted(part)
            or judge.asked(part)
        ]
        decided = [part for part in judged if part.bill in moved]
        found += not_looked_at(books, decided, lines, self.world.product.checks.released)
        self.lived.judged += len(fresh) + len(moved)
        issued = [part for part in judged if part.bill in moved and part.state == "issued"]
        judge.take(issued)
        charged.issue(judge, issued)
        books.hand_over((part.place, part.end, part.plan) for part in issued)
        self._raise(day, found)
        self._states = {part.bill: part.state for part in parts}

    async def _changed(self) -> list[Violation]:
        """9: what is issued never changes."""
        lines = await self.look.lines(self._frozen)
        return [
            Violation(9, f"{bill} was issued and has changed")
            for bill, kept in self._frozen.items()
            if kept != lines.get(bill, {})
        ]

    async def _whole(self, day: date) -> None:
        """All that is looked at over everything."""
        closed = await self.look.closed(self.life.first)
        self._raise(day, unclosed(self.world.books, closed, self.life.first, self._validated_at))
        parts = await self.look.parts()
        found = [
            *claimed_twice(self.world.books, parts),
            *out_of_order(self.world.books, parts),
            *await self._changed(),
            *self.world.charged.balance(await self.look.documents()),
            *await self._candidates(parts),
            *await self._energy(day, parts),
            *await self._kept(),
            *await self._known(day),
        ]
        self._raise(day, found)
        self.lived.bills = Counter({part.bill: part.state for part in parts}.values())

    async def _energy(self, day: date, parts: Sequence[Part]) -> Iterable[Violation]:
        """7, over the days of two months."""
        end, present = day.replace(day=1), self.world.product.now.date()
        if end <= self.life.first:
            return []
        first = max(self.life.first, (end - 32 * _DAY).replace(day=1))
        points = self.world.books.points
        blocks = await self.look.blocks((point, first, end, None) for point in points)
        # What changed after its bill counts as the bill read it.
        billed = [
            part for part in parts if part.state != "held" and part.first < end and part.end > first
        ]
        read = {
            service: await self.look.blocks(
                (part.point, max(first, part.first), min(end, part.end), part.known_at)
                for part in billed
                if part.service == service
            )
            for service in sorted({part.service for part in billed})
        }
        again = await self.look.blocks(
            (part.point, max(first, part.first), min(end, part.end), part.noted_at)
            for part in billed
            if part.noted_at is not None
        )
        report = await self.world.product.reconciled(first, end)
        found = energy(self.world.books, parts, blocks, read, again, present)
        return [*reconciled(found, report), *money(self.world.books, end, report)]

    async def _kept(self) -> Iterable[Violation]:
        """10: what is poison is kept."""
        kept = Counter(one.kept for one in self.world.poison)
        found = await self.look.kept()
        if found != (kept["quarantine"], kept["rejected"]):
            message = f"{found} messages are quarantined and rejected, of {dict(kept)}"
            return [Violation(10, message)]
        return []

    async def _known(self, day: date) -> list[Violation]:
        """8: all answers as of each earlier month's end."""
        async with self._timed("remember"):
            last = day == self.life.end
            return await self._remembered(self.world.books.plans, day, last=last)

    def _raise(self, day: date, found: Iterable[Violation]) -> None:
        broken = list(found)
        if broken:
            raise LifeBrokenError(day, self._after, broken)


def _made(parts: Iterable[Part], day: date, end: date) -> set[UUID]:
    """Bills that a run made anew, or of the month that ends on a day."""
    first = (end - _DAY).replace(day=1)
    return {
        part.bill
        for part in parts
        if part.state not in BILLED and (part.made_at == noon(day) or first < part.end <= end)
    }


async def live(
    life: Life, dsn: str, progress: Callable[[date], None] = lambda _: None, *, accrued: bool = True
) -> Lived:
    """Live a life on a database that is migrated and empty.

    What is not billed yet is compared as well where `accrued` is.

    Raises:
        LifeBrokenError: An invariant does not hold.
    """
    async with open_product(dsn) as product:
        product.now = datetime.combine(life.first, datetime.min.time(), UTC)
        look, books = Look(product.pool), Books()
        world = World(life, product, books, Charged(books, look), accrues if accrued else never)
        return await Living(life, world, look, progress)()

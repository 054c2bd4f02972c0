"""What happens to the utility: each kind of event, to the product and to the books alike.

Field, before the day's readings are sent:

    seller, gateway, tariff, cycle, point, customer, assign, agree, leave, switch, exchange
    right_end the day on which a customer went was mistyped, and is corrected
    channel  a point's meter counts something else, of which there was nothing before
    service  something else is sold at a point, which bills some of what is counted there
    pay_in   a customer pays into the prepaid balance, or it is `granted`, and `expires`
    pay, limit      a customer pays a bill, and which are looked at; see `cashier.py`
    unagree  the open agreement of a point was entered by mistake
    window   held bills wait for days, then what they lack is estimated
    cutover  another system billed a customer until a day, and leaves banks, peaks, a balance
    withdraw a tariff's version was entered by mistake
    capacity a point's connection gets another capacity
    reread   the last read of a meter that came out was written down wrongly, and is corrected
    silent   a gateway sends nothing until a day, and then all of it
    lost     readings after noon of the day are lost; `found` on a later day, or never
    read_out somebody reads the memory of a point's meter: what was lost comes after all, or what
             was lost `through` the beginning of a day
    poison   a message that no honest gateway sends comes with the next batches
    skip     the next batch of a gateway is lost on its way for ever
    doubled  the next batches of a gateway arrive twice
    leap     a meter shows nonsense once, at an hour after the day's noon
    conflict a second value comes for a reading some intervals `back` from the newest
    subscribe, happens, undone, belongs    what is counted without a meter; see `subscriptions.py`
    jump, outage, clock    a meter counts nonsense for good, or nothing for days, or dates what it
             read by a wrong clock; see `clerk.py`

Office, after the day is validated, in their order:

    accept   what a gateway's batches lack does not come any more
    decide   the open conflicts of a point: keep, or replace
    run, approve, issue   a month, by somebody
    correct, work_off, suppress, lift     what is billed; see `corrections.py`
    edit, estimate, settle, policy    what people decide of days; see `clerk.py`
    down     nothing is validated until a day
"""

from __future__ import annotations

import random
from collections import Counter as Count
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from central.service.ingest.outcome import OutcomeKind
from firmware_bridge.contract.errors import MeterlineError
from tests.life.books import Books, Point
from tests.life.cashier import Cashier
from tests.life.charged import Charged
from tests.life.events import Event, Life
from tests.life.poison import Poison, brew
from tests.life.product import Product
from tests.life.truth import OBIS, Counter, Register, Run, midnight, usage
from tests.life.violation import Violation
from tests.life.wire import Sender, batches

OFFICE = {
    *("decide", "accept", "run", "approve", "issue", "down", "correct", "work_off"),
    *("edit", "estimate", "settle", "policy", "suppress", "lift"),
}
_NOON = time(12, tzinfo=UTC)
_NIGHTS = 17
_SPARE = timedelta(days=14)
_DAY = timedelta(days=1)
_KEPT_AS = {
    "quarantine": OutcomeKind.QUARANTINED,
    "rejected": OutcomeKind.REJECTED,
    "reading": OutcomeKind.STORED,
}
_TAKEN = {OutcomeKind.STORED, OutcomeKind.DUPLICATE}
Handler = Callable[[Event], Coroutine[Any, Any, None]]


def noon(day: date) -> datetime:
    """When the life looks at a day."""
    return datetime.combine(day, _NOON)


class World(Cashier):
    """The utility between the product and its own books."""

    def __init__(
        self,
        life: Life,
        product: Product,
        books: Books,
        charged: Charged,
        accrues: Callable[[date], bool],
    ) -> None:
        super().__init__(product, books, charged)
        self.life = life
        self.accrues = accrues
        self.senders: dict[str, Sender] = {}
        self.refusals: Count[str] = Count()
        self.met: Count[str] = Count()
        self.down_until = date.min
        self._sent_twice: set[str] = set()
        self._skipped: set[str] = set()
        self._ever_skipped: set[str] = set()
        self._awaited: set[str] = set()
        self._poison_of: list[tuple[str, Sender]] = []
        self.poison: list[Poison] = []
        self._moving: list[Point] = []
        self._found: dict[date, list[tuple[Counter, set[int]]]] = {}

    async def happen(self, event: Event) -> None:
        """Let an event happen; what the product refuses by name is not in the books either."""
        handler: Handler = getattr(self, f"_{event.kind}")
        try:
            await handler(event)
        except (MeterlineError, KeyError) as error:
            # A shortened life may name what is no longer in it.
            code = getattr(error, "code", "UNKNOWN_NAME")
            self.refusals[f"{event.kind} {code}"] += 1
        else:
            self.met[event.kind] += 1

    # Field

    async def _gateway(self, event: Event) -> None:
        name = event.said["name"]
        await self.product.gateway(name)
        self.senders[name] = Sender(name, UUID(int=len(self.senders) + 1))

    async def _point(self, event: Event) -> None:
        """A point with its meter, from the day on."""
        said = event.said
        name, zone, period_s = said["name"], said["zone"], said["period_s"]
        point = Point(name, zone, said["what"], said["gateway"], said["capacity"])
        hour = said.get("begins", 0)
        start = midnight(event.day, zone, hour)
        count = int((noon(self.life.end) + _SPARE - start).total_seconds()) // period_s
        modulus = 10 ** said["digits"]
        for code in OBIS[said["what"]]:
            use = usage(self.life.seed, name, code, start, period_s, count)
            counter = Counter(name, code, zone, period_s, start, use, hour=hour)
            counter.registers.append(Register(said["serial"], 0, said["opening"], modulus))
            counter.sent = -1
            point.counters.append(counter)
        codes = OBIS[said["what"]]
        await self.product.point(name, zone, period_s, codes, said["capacity"], hour)
        await self._installed(point, 0)
        self.books.points[name] = point

    async def _channel(self, event: Event) -> None:
        """A point's meter counts something else from the day on, which nobody asked it before."""
        said = event.said
        point = self.books.points[said["point"]]
        beside, start = point.counters[0], midnight(event.day, point.zone)
        await self.product.channel(point.name, point.zone, beside.period_s, said["obis"])
        count = len(beside.use) - beside.boundary(start)
        use = usage(self.life.seed, point.name, said["obis"], start, beside.period_s, count)
        counter = Counter(point.name, said["obis"], point.zone, beside.period_s, start, use)
        *before, last = beside.registers
        counter.registers += [Register(one.serial, 0, 0, one.modulus, 0) for one in before]
        counter.registers.append(Register(last.serial, 0, 500, last.modulus))
        counter.sent = -1
        point.counters.append(counter)

    async def _installed(self, point: Point, number: int) -> None:
        """Tell the product of a meter: its span and registers."""
        first = point.counters[0]
        register = first.registers[number]
        end = None if register.end is None else first.instant(register.end)
        facts: dict[str, tuple[int, int | None, int]] = {}
        for counter in point.counters:
            own = counter.registers[number]
            closing = None
            if own.end is not None:
                more = counter.misread.get(own.end, 0)
                closing = (counter.shown(own, own.end) + more) % own.modulus
            facts[counter.obis] = (own.opening, closing, own.modulus)
        await self.product.meter(
            point.name, register.serial, first.instant(register.first), end, point.gateway, facts
        )

    async def _exchange(self, event: Event) -> None:
        """Another meter goes in, at an hour after the day's readings were sent."""
        point = self.books.points[event.said["point"]]
        at = noon(event.day) + timedelta(hours=event.said["hours"])
        for counter in point.counters:
            boundary = counter.boundary(at) + 1
            old = counter.registers[-1]
            old.end = boundary
            counter.misread[boundary] = event.said.get("misread", 0)
            counter.registers.append(Register(event.said["serial"], boundary, 0, old.modulus))
        if event.said.get("move"):
            self._moving.append(point)
            return
        number = len(point.counters[0].registers) - 1
        await self._installed(point, number - 1)
        await self._installed(point, number)

    async def _moved(self, point: Point) -> None:
        """The product is told of an exchange that is over, as a move with the reads of both."""
        new = point.counters[0].registers[-1]
        reads = {
            counter.obis: (counter.shown(old, old.end or 0), own.opening, own.modulus)
            for counter in point.counters
            for old, own in [counter.registers[-2:]]
        }
        at = _came_in(point)
        await self.product.moves.exchange(point.name, at, new.serial, point.gateway, reads)

    async def _reread(self, event: Event) -> None:
        """The last read of a meter that came out is corrected: it was written down wrongly."""
        point = self.books.points[event.said["point"]]
        for number, register in enumerate(point.counters[0].registers):
            if register.end is None or not point.counters[0].misread.get(register.end):
                continue
            for counter in point.counters:
                counter.misread[counter.registers[number].end or 0] = 0
            await self._installed(point, number)

    async def _silent(self, event: Event) -> None:
        self.books.silent[event.said["gateway"]] = date.fromisoformat(event.said["until"])

    async def _lost(self, event: Event) -> None:
        """Readings from an hour after the day's noon on."""
        said = event.said
        for counter in self.books.points[said["point"]].counters:
            at = noon(event.day) + timedelta(hours=said["hours"])
            first = counter.boundary(at)
            places = set(range(max(first, counter.sent + 1), first + said["count"]))
            places -= counter.watched(places)
            counter.lost |= places
            if "found" in said:
                day = date.fromisoformat(said["found"])
                self._found.setdefault(day, []).append((counter, places))

    async def _poison(self, event: Event) -> None:
        """It comes with the day's readings."""
        sender = self.senders[event.said["gateway"]]
        self._poison_of.append((event.said["what"], sender))

    async def _skip(self, event: Event) -> None:
        """It would have said nothing; that it is missing is seen an hour after later ones came."""
        self.senders[event.said["gateway"]].seal(self._now_ms, [])
        self._skipped.add(event.said["gateway"])
        self._ever_skipped.add(event.said["gateway"])

    async def _doubled(self, event: Event) -> None:
        self._sent_twice.add(event.said["gateway"])

    async def _conflict(self, event: Event) -> None:
        """A second value for a reading that arrived; the first stands until somebody decides."""
        said = event.said
        point = self.books.points[said["point"]]
        counter = point.counters[0]
        boundary = counter.sent - said["back"]
        register = counter.register_at(boundary)
        if boundary < 0 or not counter.arrived[boundary] or register is None:
            raise KeyError(said["point"])
        taken = (point.name, boundary) in self.books.conflicts or counter.decided[boundary]
        if taken or not counter.use[boundary] or boundary in counter.wrong:
            raise KeyError(said["point"])
        if any(boundary in one.places for one in counter.clocks):
            raise KeyError(said["point"])
        shown = counter.shown(register, boundary) + said["more"]
        run = counter.run(register, np.array([boundary]), np.array([shown]))
        await self.product.send([(point.gateway, self._sealed(point.gateway, [run])[0])])
        self.books.conflicts[point.name, boundary] = said["more"]

    # Office

    async def _decide(self, event: Event) -> None:
        point = self.books.points[event.said["point"]]
        counter = point.counters[0]
        choice = event.said["choice"]
        for register in counter.registers:
            await self.product.decide(register.serial, choice, "expert")
        for (name, boundary), more in list(self.books.conflicts.items()):
            if name == point.name:
                del self.books.conflicts[name, boundary]
                counter.queued.add(boundary)
                if choice == "replace":
                    counter.decided[boundary] += more

    async def _accept(self, event: Event) -> None:
        await self.product.accept_holes(event.said["gateway"])
        self.books.doubtful.discard(event.said["gateway"])

    async def _run(self, event: Event) -> None:
        await self.product.run(event.said["cycle"], event.said["by"])

    async def _approve(self, event: Event) -> None:
        await self.product.approve(event.said["cycle"], event.said["by"])

    async def _issue(self, event: Event) -> None:
        await self.product.issue(event.said["cycle"], event.said["by"])

    async def _down(self, event: Event) -> None:
        self.down_until = date.fromisoformat(event.said["until"])

    # The day's readings

    async def deliver(self, day: date) -> None:
        """Send what meters showed until an hour before noon, all gateways in one transaction.

        Whoever exchanged a meter since the last time and says so by a move says so before.
        """
        over = [one for one in self._moving if _came_in(one) <= self.product.now]
        for point in over:
            await self._moved(point)
            self._moving.remove(point)
        for counter, places in self._found.pop(day, ()):
            counter.lost -= places
        until = noon(day) - timedelta(hours=1)
        window: list[tuple[str, bytes]] = []
        for name in self.senders:
            if self.books.silent.get(name, date.min) <= day:
                window += self._due(name, day, until)
        found = [brew(what, sender, self._now_ms) for what, sender in self._poison_of]
        self._poison_of.clear()
        self.poison += found
        self.books.doubtful |= {one.gateway for one in found if one.kept == "quarantine"}
        window += [(one.gateway, one.payload) for one in found]
        if window:
            kinds = await self.product.send(window)
            kinds.subtract(_KEPT_AS[one.kept] for one in found)
            bad = {kind: count for kind, count in kinds.items() if count and kind not in _TAKEN}
            if bad:
                self.broken.append(Violation(10, f"beside {self.poison[-1:]}: {bad}"))
        await self._watch({name for name, _ in window})

    async def _watch(self, heard: set[str]) -> None:
        """What the product misses holds bills; it must miss what was skipped a step ago."""
        missing = await self.product.watch(self._ever_skipped)
        self.books.doubtful |= missing
        unseen = self._awaited - missing
        if unseen:
            self.broken.append(Violation(10, f"nobody misses a batch of {sorted(unseen)}"))
        self._awaited = (self._skipped & heard) - missing
        self._skipped -= heard

    @property
    def _now_ms(self) -> int:
        return int(self.product.now.timestamp() * 1000)

    def _due(self, gateway: str, day: date, until: datetime) -> list[tuple[str, bytes]]:
        """The batches of a gateway; sometimes the later ones come first, or all come twice."""
        runs = [
            run
            for point in self.books.points.values()
            if point.gateway == gateway
            for counter in point.counters
            for run in _due(counter, until)
        ]
        found = [(gateway, payload) for payload in self._sealed(gateway, runs)]
        chance = random.Random(f"{self.life.seed} {day} {gateway}")  # noqa: S311
        if chance.random() < 0.1:
            chance.shuffle(found)
        if gateway in self._sent_twice:
            self._sent_twice.discard(gateway)
            found *= 2
        return found

    def _sealed(self, gateway: str, runs: list[Run]) -> list[bytes]:
        return [self.senders[gateway].seal(self._now_ms, batch) for batch in batches(runs)]

    async def validate(self, day: date) -> bool:
        """Validate, unless validation is down; whether it was done."""
        if day < self.down_until:
            return False
        await self.product.validate()
        for counter in self.books.counters():
            counter.validate()
        # After that nothing waits for a window any more.
        if day.day <= _NIGHTS:
            failed = await self.product.night(accrues=self.accrues(day))
            self.broken += [Violation(10, f"at night, {one}") for one in failed]
        return True


def _came_in(point: Point) -> datetime:
    """When the newest meter of a point came in."""
    first = point.counters[0]
    return first.instant(first.registers[-1].first)


def _due(counter: Counter, until: datetime) -> list[Run]:
    """Readings of a counter that were not sent yet and are not lost."""
    last = min(counter.boundary(until), len(counter.total) - 1)
    due = ~counter.arrived[: last + 1]
    due[[place for place in counter.lost if place <= last]] = False
    places = np.flatnonzero(due)
    counter.sent = max(counter.sent, last)
    found = []
    ends = [one.first for one in counter.registers[1:]] + [last + 1]
    for register, end in zip(counter.registers, ends, strict=True):
        first, stop = np.searchsorted(places, (register.first, end))
        own = places[first:stop]
        if len(own):
            counter.arrived[own] = True
            base = counter.total[own] - counter.total[register.first] + register.opening
            for place in counter.wrong.keys() & set(own.tolist()):
                base[own == place] += counter.wrong[place]
            found.append(counter.run(register, own, base % register.modulus))
    return found

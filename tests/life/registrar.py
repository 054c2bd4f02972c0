"""What people write down: tariffs, customers, agreements and cycles, in product and books alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.life.books import Agreement, Bank, Books, PayIn, Plan, State
from tests.life.events import Event
from tests.life.product import Product

_DAY = timedelta(days=1)


class Registrar:
    """Writes down; the kinds of events are described with `world.World`.

    Who comes, goes or changes the tariff by a `move` does so by that use-case.

    Args:
        product: Whose registry.
        books: The utility's own.
    """

    def __init__(self, product: Product, books: Books) -> None:
        self.product = product
        self.books = books
        # Tariff, first day, and how many issued bills were named when it got another version.
        self.named: list[tuple[str, date, int]] = []

    async def _seller(self, event: Event) -> None:
        await self.product.seller(event.said["name"])

    async def _tariff(self, event: Event) -> None:
        said = dict(event.said)
        reason = said.pop("reason", None)
        plan = Plan(said.pop("plan"), date.fromisoformat(said.pop("effective")), said)
        named = await self.product.tariff(plan.document(), reason)
        known = [one for one in self.books.plans.get(plan.name, []) if one != plan]
        self.books.plans[plan.name] = [*known, plan]
        self.named.append((plan.name, plan.effective, named))

    async def _withdraw(self, event: Event) -> None:
        plan, effective = event.said["plan"], date.fromisoformat(event.said["effective"])
        named = await self.product.withdraw(plan, effective)
        self.books.withdraw(plan, effective)
        self.named.append((plan, effective, named))

    async def _capacity(self, event: Event) -> None:
        point = self.books.points[event.said["point"]]
        capacity = event.said["capacity"]
        await self.product.capacity(point.name, point.zone, capacity)
        if capacity != point.capacity:
            # Who accepted what was more than it carried is asked about what it carries now, once
            # something else of the day is another.
            point.capacity = capacity
            for counter in point.counters:
                counter.doubted_jumps |= counter.accepted_jumps
                counter.accepted_jumps.clear()

    async def _window(self, event: Event) -> None:
        await self.product.window(event.said["days"], event.said["in_a_row"])
        self.books.window_days = event.said["days"]
        self.books.in_a_row = event.said["in_a_row"]

    async def _cutover(self, event: Event) -> None:
        """Another system billed a customer until a day."""
        said = event.said
        account, point = said["account"], said["point"]
        last = date.fromisoformat(said["last_billed"])
        counter = self.books.points[point].counters[0]
        boundary = counter.boundary(counter.begins(last + _DAY))
        register = counter.registers[0]
        read = f"{{meter: MTL/{register.serial}, obis: {counter.obis}, value: "
        lines = [
            f"accounts: [{{number: {account}, balance: {said['balance']}, points: [",
            f"{{point: {point}, last_billed: {last},",
            f"reads: [{read}{counter.shown(register, boundary)}}}],",
            f"banks: {_flow(said.get('banks', []))}, peaks: {_flow(said.get('peaks', []))}}}]}}]",
        ]
        await self.product.cutover("\n".join(lines))
        for one in self.books.agreements:
            if (one.account, one.point) == (account, point):
                one.billing_from = last + _DAY
        self.books.openings[account, point] = _opening(said)

    async def _customer(self, event: Event) -> None:
        await self.product.account(event.said["account"], event.said["name"])

    async def _pay_in(self, event: Event) -> None:
        said = event.said
        since, amount = date.fromisoformat(said["since"]), Fraction(str(said["amount"]))
        expires = date.fromisoformat(said["expires"]) if "expires" in said else None
        key = f"pay-in-{next(self.books.entries)}"
        paid = PayIn(said["account"], since, amount, expires=expires, entry=key)
        await self.product.pay_in(paid, granted=said.get("granted", False))
        self.books.pay_ins.append(paid)

    async def _service(self, event: Event) -> None:
        """Something else is sold at a point, which bills some of what is counted there."""
        said = event.said
        point = self.books.points[said["point"]]
        await self.product.service(point.name, said["name"], said["bills"])
        point.services[said["name"]] = tuple(said["bills"])

    async def _agree(self, event: Event) -> None:
        said = event.said
        first = date.fromisoformat(said["first"])
        service = self._service_of(event)
        one = Agreement(said["account"], said["point"], said["plan"], first, service=service)
        if said.get("move"):
            reads = self._by_hand(one.point, first)
            await self.product.moves.comes(one, {code: reads[code][1] for code in reads})
            self._taken(one.point, reads)
        else:
            await self.product.agreement(one)
        self.books.agreements.append(one)

    async def _leave(self, event: Event) -> None:
        """The agreement of a point that is open ends."""
        end = date.fromisoformat(event.said["end"])
        one = self._open(event)
        if one is None or end <= one.first:
            raise KeyError(event.said["point"])
        if event.said.get("move"):
            reads = self._by_hand(one.point, end)
            await self.product.moves.goes(one, end, {code: reads[code][1] for code in reads})
            self._taken(one.point, reads)
        else:
            await self.product.agreement(replace(one, end=end))
        one.end = end

    def _by_hand(self, point: str, day: date) -> dict[str, tuple[int, int]]:
        """What the registers of a point show as a day begins that is over, where nothing is odd.

        Returns:
            By code: the boundary, and what is read. [Wh or L]
        """
        found = {}
        for counter in self.books.points[point].counters:
            at = counter.begins(day)
            place = counter.boundary(at)
            register = counter.register_at(place)
            odd = place in counter.wrong or (point, place) in self.books.conflicts
            exchanged = any(place in {one.first, one.end} for one in counter.registers)
            if at <= self.product.now and register is not None and not odd and not exchanged:
                shown = counter.shown(register, place) + int(counter.decided[place])
                found[counter.obis] = place, shown % register.modulus
        return found

    def _taken(self, point: str, reads: Mapping[str, tuple[int, int]]) -> None:
        """What somebody read by hand has arrived."""
        for counter in self.books.points[point].counters:
            if counter.obis in reads:
                place, _ = reads[counter.obis]
                counter.read_by_hand += not counter.arrived[place]
                counter.arrived[place] = True
                counter.lost.discard(place)

    async def _right_end(self, event: Event) -> None:
        """The end of the last agreement of a point was mistyped."""
        place = event.said["point"], self._service_of(event)
        own = [one for one in self.books.agreements if (one.point, one.service) == place]
        end = date.fromisoformat(event.said["end"])
        if not own or own[-1].end is None:
            raise KeyError(event.said["point"])
        await self.product.agreement(replace(own[-1], end=end))
        own[-1].end = end

    def _service_of(self, event: Event) -> str:
        """That is named, or what bills all that a point counts."""
        name: str = event.said.get("service", self.books.points[event.said["point"]].service)
        return name

    def _open(self, event: Event) -> Agreement | None:
        """The agreement of a point that has no end."""
        place = event.said["point"], self._service_of(event)
        own = (one for one in self.books.agreements if (one.point, one.service) == place)
        return next((one for one in own if one.end is None), None)

    async def _unagree(self, event: Event) -> None:
        """The open agreement of a point was entered by mistake.

        If the customer had another one there until then, that one goes on.
        """
        one = self._open(event)
        if one is None or (one.account, one.point) in self.books.openings:
            raise KeyError(event.said["point"])
        await self.product.unagree(one)
        self.books.agreements.remove(one)
        for before in self.books.agreements:
            if (before.place, before.end) == (one.place, one.first):
                await self.product.agreement(replace(before, end=None))
                before.end = None

    async def _switch(self, event: Event) -> None:
        """The customer of a point goes on under another tariff."""
        said = event.said
        one = self._open(event)
        first = date.fromisoformat(said["first"])
        if one is None or first <= one.first:
            raise KeyError(said["point"])
        if said.get("move"):
            await self.product.moves.changes(one, said["plan"], first)
            one.end = first
            new = replace(one, plan=said["plan"], first=first, end=None, billing_from=None)
            self.books.agreements.append(new)
            return
        await self._leave(Event(event.day, "leave", {"point": one.point, "end": said["first"]}))
        said = {"account": one.account, "point": one.point, "plan": said["plan"]}
        await self._agree(Event(event.day, "agree", {**said, "first": first.isoformat()}))

    async def _cycle(self, event: Event) -> None:
        said = event.said
        first = date.fromisoformat(said["first"])
        await self.product.cycle(said["name"], said["months"], first)
        self.books.cycles[said["name"]] = (first, said["months"])

    async def _assign(self, event: Event) -> None:
        said = event.said
        first = date.fromisoformat(said["first"])
        await self.product.assign(said["account"], said["cycle"], first)
        own = self.books.assigned.setdefault(said["account"], [])
        own[:] = [one for one in own if one[0] != first] + [(first, said["cycle"])]


def _flow(found: list[dict[str, Any]]) -> str:
    return json.dumps(found)


def _opening(said: Mapping[str, Any]) -> State:
    bank: Bank = {}
    for one in said.get("banks", []):
        credit = (f"{one['earned']}-01", Fraction(str(one["amount"])))
        bank.setdefault(one.get("period", ""), []).append(credit)
    peaks = {f"{one['month']}-01": Fraction(str(one["value"])) for one in said.get("peaks", [])}
    return State(bank, peaks)

"""How issued bills are corrected: what each kind of event does, to the product and to the log.

correct   issued bills of the `nth` account of those that would say something else today, or of
          the next of them that can be: `adjust`, `leave`, billed anew `full` or in `parts`, or
          `cancel`led to be run again; or of those that `carries` an adjustment, or is `adjusted`,
          is cancelled
suppress  the next `days` of a point that nobody has billed are not billed to who has it
lift      what is not billed of a point last is billed after all
work_off  nothing is left that would say something else: the accounts in turn in one of the `ways`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from firmware_bridge.contract.errors import MeterlineError
from tests.life.books import Agreement, Books
from tests.life.charged import Charged
from tests.life.events import Event
from tests.life.look import Part
from tests.life.product import Product
from tests.life.registrar import Registrar
from tests.life.spared import Spared
from tests.life.violation import ORACLE, Violation

ANEW = ("full", "parts")
SETTLED = ("adjust", "leave")


@dataclass(frozen=True)
class Decided:
    """What was decided about the issued bills of an account.

    Args:
        account: Number.
        way: Of the correction.
    """

    account: str
    way: str


class Corrector(Registrar):
    """Corrects what is issued.

    Args:
        product: Whose bills.
        books: The utility's own.
        charged: Which of them would say something else.
    """

    def __init__(self, product: Product, books: Books, charged: Charged) -> None:
        super().__init__(product, books)
        self.charged = charged
        self.decided: list[Decided] = []
        self.ways: Counter[str] = Counter()
        self.broken: list[Violation] = []

    async def _correct(self, event: Event) -> None:
        """From the nth account on, the first that can be corrected in that way."""
        way, nth = event.said["way"], event.said["nth"]
        among = {
            "carries": self.charged.carriers,
            "adjusted": self.charged.adjusted,
        }.get(way, self._candidates)()
        if not among:
            raise KeyError(way)
        first = nth % len(among)
        refused: list[MeterlineError] = []
        for account, bill in [*among[first:], *among[:first]]:
            error = await self._refused(account, way, bill)
            if error is None:
                return
            refused.append(error)
        raise refused[0]

    def _candidates(self) -> list[tuple[str, UUID]]:
        return [(account, one.bill) for account, one in sorted(self.charged.candidates.items())]

    async def _carry_out(self, account: str, way: str, bill: UUID) -> None:
        corrections = self.product.corrections
        if way in SETTLED:
            await corrections.settle(account, way)
        elif way in ANEW:
            await corrections.rebill(account, only_changed=way == "parts")
        else:
            await corrections.cancel(self.charged.bills_from(account, bill))
        self.decided.append(Decided(account, way))
        self.ways[way] += 1

    async def _suppress(self, event: Event) -> None:
        """Those who go on under another tariff meanwhile are left alone."""
        one = self._open(event)
        if one is None:
            raise KeyError(event.said["point"])
        first = self._reached(one, await self.charged.look.parts())
        end = first + timedelta(days=event.said["days"])
        if any(
            each.place == one.place and first <= each.first <= end for each in self._followers()
        ):
            raise KeyError(event.said["point"])
        uid, days = await self.product.corrections.suppress(one.place, end)
        if days != (first, end):
            message = f"{one.place} {days} are suppressed instead of {first}..{end}"
            self.broken.append(Violation(ORACLE, message))
        self.books.spared.add(Spared(one.place, first, end, uid))
        self.ways["suppress"] += 1

    async def _lift(self, event: Event) -> None:
        place = event.said["point"]
        own = [one for one in self.books.spared if one.place[1] == place]
        if not own:
            raise KeyError(place)
        last = max(own, key=lambda one: one.end)
        await self.product.corrections.lift(last.uid)
        self.books.spared.lift(last)
        self.ways["lift"] += 1

    def _followers(self) -> list[Agreement]:
        """Agreements that go on with another of the same customer."""
        ends = {(one.place, one.end) for one in self.books.agreements}
        return [one for one in self.books.agreements if (one.place, one.first) in ends]

    def _reached(self, agreed: Agreement, parts: Sequence[Part]) -> date:
        """The first day of a customer's that no bill says and nobody has left out."""
        (one,) = (
            each
            for each in self.books.occupancies()
            if each.place == agreed.place and each.end == agreed.end
        )
        own = [part.end for part in parts if part.place == one.place and part.first >= one.first]
        spared = (each.end for each in self.books.spared.of(one.place, one.first, one.end))
        return max([one.first, *own, *spared])

    async def _work_off(self, event: Event) -> None:
        """Nothing is left that differs: each account in one of the ways, the next in the next."""
        ways = event.said["ways"]
        for number, (account, bill) in enumerate(self._candidates()):
            first = number % len(ways)
            for way in [*ways[first:], *ways[:first]]:
                if await self._refused(account, way, bill) is None:
                    break

    async def _refused(self, account: str, way: str, bill: UUID) -> MeterlineError | None:
        """Why an account's bills cannot be corrected in a way; None where they are."""
        try:
            await self._carry_out(account, way, bill)
        except MeterlineError as error:
            self.ways[f"{way} {error.code}"] += 1
            return error
        return None

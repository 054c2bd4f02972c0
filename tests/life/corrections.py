"""How issued bills are corrected: what each kind of event does, to the product and to the log.

correct   issued bills of the `nth` account of those that would say something else today, or of
          the next of them that can be: `adjust`, `leave`, billed anew `full` or in `parts`, or
          `cancel`led to be run again; or of those that `carries` an adjustment, or is `adjusted`,
          is cancelled
work_off  nothing is left that would say something else: the accounts in turn in one of the `ways`
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from firmware_bridge.contract.errors import MeterlineError
from tests.life.books import Books
from tests.life.charged import Charged
from tests.life.events import Event
from tests.life.product import Product
from tests.life.registrar import Registrar

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

"""How issued bills are corrected: what each kind of event does, to the product and to the log.

correct   issued bills of the `nth` account of those that would say something else today:
          `adjust`, `leave`, billed anew `full` or in `parts`, or `cancel`led to be run again;
          or the nth that `carries` an adjustment, or that is `adjusted`, is cancelled
work_off  nothing is left that would say something else
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
        way, nth = event.said["way"], event.said["nth"]
        among = {
            "carries": self.charged.carriers,
            "adjusted": self.charged.adjusted,
        }.get(way, self._candidates)()
        if not among:
            raise KeyError(way)
        account, bill = among[nth % len(among)]
        try:
            await self._carry_out(account, way, bill)
        except MeterlineError as error:
            self.ways[f"{way} {error.code}"] += 1
            raise

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
        """Bill anew what differs; where that is refused, adjust; and where that is, leave."""
        for account, bill in self._candidates():
            for way in event.said["ways"]:
                try:
                    await self._carry_out(account, way, bill)
                except MeterlineError as error:
                    self.ways[f"{way} {error.code}"] += 1
                    continue
                break

"""Payments of issued bills, each posted once however often it is sent; and limits of amounts.

pay    a customer pays the newest issued bill, or `part` of it in percent
limit  bills of a `class` that come to more than an amount are looked at
"""

from __future__ import annotations

from decimal import Decimal

from tests.life.books import Payment
from tests.life.events import Event
from tests.life.subscriptions import Subscriptions
from tests.life.utility import FIRST
from tests.life.violation import ORACLE, Violation


class Cashier(Subscriptions):
    """Takes payments, and says which bills are looked at; see above."""

    async def _limit(self, event: Event) -> None:
        said = event.said
        await self.product.checks.limit(said["class"], said["amount"], FIRST)
        self.books.limits[said["class"]] = Decimal(said["amount"])

    async def _pay(self, event: Event) -> None:
        account = event.said["account"]
        own = [one for one in self.charged.charges.values() if one.part.account == account]
        if not own:
            raise KeyError(account)
        bill = max(own, key=lambda one: one.part.end).part.bill
        total = sum((one.rated.total for one in own if one.part.bill == bill), Decimal(0))
        amount = (total * event.said["part"] / 100).quantize(Decimal("0.01"))
        if amount <= 0:
            raise KeyError(account)
        key = f"payment-{len(self.books.payments)}"
        fresh = await self.product.pay(key, account, event.day, amount, bill)
        if fresh != [True, False]:
            self.broken.append(Violation(ORACLE, f"{key} sent twice is new: {fresh}"))
        self.books.payments.append(Payment(account, event.day, amount))

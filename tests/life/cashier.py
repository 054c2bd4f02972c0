"""Payments of issued bills, each posted once however often it is sent; and limits of amounts.

pay    a customer pays the newest issued bill, or `part` of it in percent
charge an account is charged, or credited, an `amount` once, `taxed` or not; from a day on
refund a customer is given back a `part` in percent of what was paid last, for a bill or in advance
lapse  what an account was charged once last, and no issued bill says, is not charged
limit  bills of a `class` that come to more than an amount are looked at
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from tests.life.books import PayIn, Payment
from tests.life.events import Event
from tests.life.oracle import half_away
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
        self.books.payments.append(Payment(account, event.day, amount, key))

    async def _refund(self, event: Event) -> None:
        account, books = event.said["account"], self.books
        paid = [one for one in books.payments if one.account == account]
        paid_in = [
            one
            for one in books.pay_ins
            if (one.account, one.key, one.part) == (account, "", None) and not one.given_back
        ]
        if not (paid or paid_in):
            raise KeyError(account)
        of = paid_in[-1] if paid_in else paid[-1]
        amount = half_away(Fraction(of.amount) * event.said["part"] / 100, 2)
        refund = Payment(account, event.day, amount, of.entry)
        key = f"refund-{next(books.entries)}"
        fresh = await self.product.refund(refund, key)
        if fresh != [True, False]:
            self.broken.append(Violation(ORACLE, f"{key} sent twice is new: {fresh}"))
        books.refunds.append(refund)
        if isinstance(of, PayIn):
            of.amount -= Fraction(amount)
            of.given_back += Fraction(amount)

    async def _charge(self, event: Event) -> None:
        said, books = event.said, self.books
        account, since = said["account"], date.fromisoformat(said["since"])
        places = {one.place for one in books.agreements if one.account == account}
        # Of several places the product says which one takes it; a life does not ask.
        if len(places) != 1:
            raise KeyError(account)
        key, amount = f"once-{next(books.entries)}", Decimal(str(said["amount"]))
        taxes = ("vat",) if said["taxed"] else ()
        await self.product.charge(key, account, since, amount, taxes)
        one = PayIn(account, since, Fraction(amount), key=key, taxed=said["taxed"])
        books.pay_ins.append(one)

    async def _lapse(self, event: Event) -> None:
        account = event.said["account"]
        own = [one for one in self.books.pay_ins if one.account == account and one.key]
        if not own or own[-1].part is not None:
            raise KeyError(account)
        last = own[-1]
        await self.product.lapse(f"lapse-{last.key}", last.key, account, event.day, last.amount)
        self.books.pay_ins.remove(last)

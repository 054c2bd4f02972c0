"""Differences of what is settled anew, and the bills that carry them, as the oracle has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from tests.life.invariants import Carried
from tests.life.look import Lines, Part
from tests.life.oracle import Rated
from tests.life.violation import ORACLE, Violation

_KINDS = {
    "vat": " tax",
    "nem_settlement": " settlement",
    "prepaid": " settlement",
    "prepaid-settlement": " settlement",
}


@dataclass
class Posted:
    """A difference that a bill is to carry.

    Args:
        part: That is settled anew.
        key: Charge and label of the line that carries it.
        amount: Charged more.
        bill: The bill that carries it, where there is one.
    """

    part: Part
    key: tuple[str, str]
    amount: Decimal
    bill: UUID | None = None


@dataclass
class Adjustments:
    """All differences of parts that stand."""

    posted: list[Posted] = field(default_factory=list)

    def stand(self, parts: Sequence[Part]) -> None:
        """What was adjusted of what is cancelled is credited with it, or closed.

        What a cancelled bill carried is to be carried again, or by the bill in its place.
        """
        issued = {part.key: part for part in parts if part.state == "issued"}
        self.posted = [posted for posted in self.posted if posted.part.key in issued]
        live = {part.bill for part in parts}
        anew_of = {part.replaces: part.bill for part in issued.values() if part.replaces}
        for posted in self.posted:
            if posted.bill not in live:
                posted.bill = anew_of.get(posted.bill) if posted.bill else None

    def post(self, part: Part, before: Rated, after: Rated) -> None:
        """What a part says otherwise is to be carried."""
        old, new = before.lines, after.lines
        for charged, label in old.keys() | new.keys():
            amount = new.get((charged, label), Decimal(0)) - old.get((charged, label), Decimal(0))
            if amount:
                key = f"adjustment{_KINDS.get(charged, '')}", label
                self.posted.append(Posted(part, key, amount))

    def carried(
        self, parts: Sequence[Part], lines: Lines, made_to: date | None
    ) -> Iterator[Violation]:
        """What is posted goes into one bill, which is noted.

        Args:
            parts: Of live bills.
            lines: Of those that are not issued.
            made_to: The end of the days of which a run has just made every bill anew.
        """
        by_account: dict[str, list[Part]] = defaultdict(list)
        for part in parts:
            if part.state not in {"issued", "held"} and part.bill in lines:
                by_account[part.account].append(part)
        issued = {part.bill for part in parts if part.state == "issued"}
        for account, own in by_account.items():
            waiting = [
                posted
                for posted in self.posted
                if posted.part.account == account and posted.bill not in issued
            ]
            carriers = {
                part.bill
                for part in own
                if any(
                    charge.startswith("adjustment")
                    for of_point in lines[part.bill].values()
                    for charge, _ in of_point
                )
            }
            if len(carriers) > 1:
                yield Violation(ORACLE, f"{len(carriers)} bills of {account} carry adjustments")
            here = {part.bill for part in own}
            free = [one for one in waiting if one.bill is None or one.bill in here]
            # The draft of a last bill may lie behind, and is made anew by its own run.
            fresh = made_to is not None and any(part.end <= made_to for part in own)
            if free and not carriers and fresh:
                yield Violation(ORACLE, f"no bill of {account} carries what is adjusted")
            for posted in waiting:
                posted.bill = next(iter(carriers), None)

    def carries(self, bills: Iterable[UUID]) -> Mapping[UUID, Carried]:
        """What bills carry, in all."""
        wanted = set(bills)
        found: dict[UUID, dict[str, dict[tuple[str, str], Decimal]]] = {}
        for posted in self.posted:
            if posted.bill in wanted and posted.bill is not None:
                of_point = found.setdefault(posted.bill, {}).setdefault(posted.part.point, {})
                of_point[posted.key] = of_point.get(posted.key, Decimal(0)) + posted.amount
        return {
            bill: {
                point: {key: amount for key, amount in amounts.items() if amount}
                for point, amounts in of_bill.items()
            }
            for bill, of_bill in found.items()
        }

    def carriers(self, issued: Collection[UUID]) -> list[tuple[str, UUID]]:
        """Accounts with the issued bill that carries an adjustment."""
        found = {
            (posted.part.account, posted.bill)
            for posted in self.posted
            if posted.bill is not None and posted.bill in issued
        }
        return sorted(found, key=str)

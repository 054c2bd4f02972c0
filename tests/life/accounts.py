"""What is looked at once a month, over everything: energy, money, and what was known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from tests.life.books import Books, Occupancy
from tests.life.look import Lines, Part
from tests.life.truth import GAS, WATER
from tests.life.validated import MISSING, Block, Blocks
from tests.life.violation import Violation

_DAY = timedelta(days=1)
_COVERED = {"issued": "billed", "approved": "approved", "draft": "draft", "held": "held"}
_READ = {"billed", "adjusted", "approved", "draft"}
Energy = Mapping[tuple[str, str, str], tuple[int, int, Decimal]]
"""Service, unit and coverage to intervals, those without a value, and the sum of the others."""


def energy(  # noqa: PLR0913, PLR0917 - what becomes of a day depends on
    books: Books,
    parts: Sequence[Part],
    blocks: Blocks,
    read: Mapping[str, Blocks],
    again: Blocks,
    last: date,
) -> Energy:
    """What becomes of each validated interval, counted from blocks, books and parts.

    Args:
        books: Whose points are whose.
        parts: Live parts.
        blocks: The newest of the days that are counted.
        read: By service, those that its bills read.
        again: Those that issued bills were compared with again, and are read by them since.
        last: The present day: what ends later is not due yet.
    """
    found: dict[tuple[str, str, str], tuple[int, int, Decimal]] = {}
    occupancies = books.occupancies()
    for place, block in blocks.found.items():
        point, obis, day = place
        unit = "L" if obis in {GAS, WATER} else "Wh"
        for service in books.points[point].billing(obis):
            covered = _covered(books, parts, occupancies, (point, service), day, last)
            counted = block
            if covered in _READ:
                # What was not there when the bill was made is not in it.
                counted = read[service].found.get(place, block)
                seen = place in read[service].found or place in again.found
                covered = covered if seen else "not in the bill"
            _add(found, (service, unit, covered), counted)
    return found


def _add(
    found: dict[tuple[str, str, str], tuple[int, int, Decimal]],
    key: tuple[str, str, str],
    block: Block,
) -> None:
    values = block.values
    there = values != MISSING
    used = Decimal(int(values[there].sum()))
    intervals, missing, total = found.get(key, (0, 0, Decimal(0)))
    found[key] = (intervals + len(values), missing + int((~there).sum()), total + used)


def _covered(  # noqa: PLR0913, PLR0917 - whose day it is
    books: Books,
    parts: Sequence[Part],
    occupancies: Sequence[Occupancy],
    place: tuple[str, str],
    day: date,
    last: date,
) -> str:
    own = [part for part in parts if (part.point, part.service) == place]
    reads = [part for part in own if part.first <= day < part.end]
    if reads:
        if len(reads) > 1:
            return "twice"
        return "adjusted" if reads[0].version > 1 else _COVERED[reads[0].state]
    for one in occupancies:
        if one.place[1:] == place and one.first <= day and (one.end is None or day < one.end):
            if books.spared.holds(one.place, day):
                return "suppressed"
            gone = one.end is not None and one.end <= last
            over = gone or books.due(one.account, one.first, last) > day
            return "due" if over else "not yet due"
    agreed = any(
        one.place[1:] == place and one.first <= day and (one.end is None or day < one.end)
        for one in books.agreements
    )
    return "billed elsewhere" if agreed else "vacant"


def money(books: Books, end: date, report: Any) -> Iterator[Violation]:  # noqa: ANN401 - likewise
    """7: the product's report has received what customers paid, and nothing else."""
    # What another system left is received, too.
    taken_over = {account for account, _ in books.openings}
    said = {one.account: Fraction(one.received) for one in report.accounts}
    given_back = {one.account: one.refunded for one in report.accounts}
    accounts = {one.account for one in books.agreements} | said.keys()
    for account in sorted(accounts - taken_over):
        received = books.received(account, end)
        if said.get(account, Fraction(0)) != received:
            message = f"{account} has {said.get(account)} received, and paid {received}"
            yield Violation(7, message)
        paid_out = Fraction(given_back.get(account, Decimal(0)))
        refunded = books.refunded(account, end)
        # Bills pay out of a prepaid balance, too.
        prepaid = any(one.plan == "PREPAID" for one in books.agreements if one.account == account)
        if paid_out < refunded or (paid_out > refunded and not prepaid):
            yield Violation(7, f"{account} has {paid_out} refunded, and was given {refunded}")


def reconciled(expected: Energy, report: Any) -> Iterator[Violation]:  # noqa: ANN401 - as JSON says it
    """7: the product's report says the same, to the watt-hour."""
    said = {
        (one["service"], one["unit"], one["coverage"]): (
            *(one["intervals"], one["missing"]),
            Decimal(one["total"]),
        )
        for one in report.to_json()["energy"]
    }
    for key in sorted(expected.keys() | said.keys()):
        if expected.get(key) != said.get(key):
            yield Violation(7, f"{key}: the report has {said.get(key)}, not {expected.get(key)}")
    for account in report.accounts:
        if not account.balanced:
            yield Violation(7, f"the money of {account} is not balanced")
    for money in report.money:
        if not money.balanced:
            yield Violation(7, f"bills of {money.totals} have lines of {money.lines}")


def guessed_too_often(
    books: Books, parts: Sequence[Part], guessed: Collection[Any], most: int
) -> Iterator[Violation]:
    """0: so many issued bills of a customer in a row have estimates as they are issued, at most."""
    for one in books.occupancies():
        row = 0
        for part in sorted(parts, key=lambda part: part.first):
            if part.place == one.place and not part.settles and part.state == "issued":
                row = row + 1 if part.bill in guessed else 0
                if row > most:
                    yield Violation(0, f"{part} is the {row}th in a row that is estimated")


def not_looked_at(
    books: Books, parts: Sequence[Part], lines: Lines, released: Mapping[UUID, Collection[str]]
) -> Iterator[Violation]:
    """0: what comes to more than its class's limit is approved once somebody has released it.

    Args:
        books: The limits.
        parts: Of bills that are approved or issued now; each of one point.
        lines: Of those bills.
        released: Bills with the checks that held them.
    """
    for part in parts:
        limit = books.limit(part.point)
        of_points = lines.get(part.bill, {}).values()
        total = sum((each for own in of_points for each in own.values()), Decimal(0))
        over = limit is not None and abs(total) > limit and part.replaces is None
        if over and "AMOUNT_LIMIT" not in released.get(part.bill, ()):
            yield Violation(0, f"{part} comes to {total}, and nobody released it")

"""Whatever is corrected, in whichever way, behind whichever next bill: all of it by brute force.

Each cell is a customer. Documents are compared one by one, with all their amounts, with what
`tests/support/brute_force.py` says; it imports nothing of the product. `make test` has each two of
cause, way and next bill together once, `make soak` all of them, on every server.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.domain.billing.correction import CorrectionWay
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.rebill_bills import RebillBills
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from firmware_bridge.contract.errors import OperatorError
from tests.support.actors import person
from tests.support.books import pool_of, timescale_utility
from tests.support.brute_force import Charged, charge, charge_all, differing
from tests.support.correction_matrix import (
    JANUARY,
    MONTHS,
    MOVED,
    NOVEMBER,
    OCTOBER,
    Cause,
    Cell,
    Matrix,
    Next,
    Way,
    cells,
    instant,
)
from tests.support.daily_books import approve, issue, run
from tests.support.servers import Database
from tests.support.size import sized

CELLS = sized("METERLINE_CORRECTION_CELLS", 32, 96)
AGENT, AUDITOR = person("agent"), person("auditor")
DOCUMENTS = """
SELECT account.number, bill.cycle, bill.cancels IS NOT NULL, bill.decision IS NOT NULL,
    bill.number, line.service_point, line.charge, line.kind, line.price, line.amount
FROM bill
JOIN account ON account.id = bill.account_id
JOIN bill_line AS line ON line.bill_id = bill.id
WHERE bill.state = 'issued'
ORDER BY bill.id, line.number
"""
Lines = dict[tuple[str, str], Decimal]
Document = tuple[str, str, tuple[tuple[tuple[str, str], Decimal], ...]]
"""What it is, its period, and its amounts by point and charge."""


@dataclass
class Office:
    """What corrects the bills of the cells.

    Args:
        matrix: The utility.
        dsn: Of its store.
    """

    matrix: Matrix
    dsn: str
    correct: CorrectBills
    cancel: CancelBills
    rebill: RebillBills
    approve: ApproveBills
    issue: IssueBills

    async def bill(self, period: str) -> None:
        """Run a month, and approve and issue what is made."""
        summary = await run(self.matrix.utility, period)
        assert await approve(self.matrix.utility, summary) == []
        assert await issue(self.matrix.utility, summary) == []

    async def correct_all(self, behind: Next) -> None:
        """Change and correct what is to be corrected while the next bill stands there."""
        told: set[str] = set()
        own = [cell for cell in self.matrix.cells if cell.behind is behind]
        for cell in own:
            if cell.cause is Cause.MOVE:
                await self._move(cell)
                continue
            shared = cell.tariff if cell.cause in {Cause.TARIFF, Cause.SERIES} else ""
            if shared not in told:
                await self.matrix.change(cell)
            told |= {shared} - {""}
        for cell in own:
            if cell.cause is not Cause.MOVE:
                await self._correct(cell)

    async def _move(self, cell: Cell) -> None:
        """Days that are issued cannot be another's; once they are cancelled, they can."""
        with pytest.raises(OperatorError) as refused:
            await self.matrix.change(cell)
        assert refused.value.code == "PERIOD_BILLED"
        assert not (await self.correct.preview(cell.account)).differs
        if cell.way is Way.FULL:
            issued = await self._issued(cell.account)
            notes = await self.cancel(issued, AGENT, "gone earlier")
            await self._decide(notes)
            await self.matrix.change(cell)
            await self.matrix.moved_in(cell)

    async def _correct(self, cell: Cell) -> None:
        if cell.way in {Way.ADJUST, Way.LEAVE}:
            way = CorrectionWay.ADJUST if cell.way is Way.ADJUST else CorrectionWay.LEAVE
            uid = await self.correct.decide(cell.account, way, AGENT, str(cell))
            await self.correct.approve(uid, AUDITOR)
        else:
            only = cell.way is Way.PARTS
            uids = await self.rebill(cell.account, AGENT, str(cell), only_changed=only)
            await self._decide(uids)

    async def _decide(self, uids: Sequence[UUID]) -> None:
        await self.approve.one(uids[0], AUDITOR)
        await self.issue.one(uids[0], AUDITOR)

    async def _issued(self, account: str) -> list[UUID]:
        with psycopg.connect(self.dsn) as owner:
            rows = owner.execute(
                "SELECT bill.uid FROM bill JOIN account ON account.id = bill.account_id"
                " WHERE account.number = %s AND state = 'issued' ORDER BY bill.id",
                [account],
            )
            return [uid for (uid,) in rows.fetchall()]


@asynccontextmanager
async def opened(database: Database, number: int) -> AsyncIterator[Office]:
    dsn = database.dsn
    async with timescale_utility(dsn) as utility:
        pool = pool_of(utility)
        utility.now = instant(OCTOBER, 6)
        matrix = Matrix(utility, cells(number))
        await matrix.begin()
        store = TimescaleCancellations(pool)

        def clock() -> datetime:
            return utility.now

        yield Office(
            matrix,
            dsn,
            CorrectBills(TimescaleCorrections(pool), clock),
            CancelBills(utility.billing, store, clock),
            RebillBills(utility.billing, store, TimescaleRebills(pool), clock),
            ApproveBills(utility.billing, clock),
            IssueBills(utility.billing, clock),
        )


def expected(cell: Cell) -> Iterator[Document]:
    """The documents of a cell, as a clerk computes them."""
    if cell.cause is Cause.MOVE and cell.way is Way.FULL:
        yield from _moved(cell)
        return
    is_right = cell.cause is not Cause.MOVE
    old, new = cell.facts(right=False), cell.facts(right=is_right)
    was = list(charge_all(old, MONTHS, Charged()))
    now = list(charge_all(new, MONTHS, Charged()))
    other = [_other(cell, month) for month in MONTHS]
    count = 2 if cell.behind is Next.ISSUED else 1
    carried: dict[str, Decimal] = {}
    for number in range(count):
        yield _document("bill", number, {**_of(cell.point, was[number]), **other[number]})
        if was[number] == now[number]:
            continue
        if cell.way in {Way.FULL, Way.PARTS}:
            beside = other[number] if cell.way is Way.FULL else {}
            note = {**_of(cell.point, was[number]), **beside}
            opposite = {key: -amount for key, amount in note.items()}
            yield _document("note", number, opposite)
            yield _document("anew", number, {**_of(cell.point, now[number]), **beside})
        elif cell.way is Way.ADJUST:
            for key, amount in differing(was[number], now[number]).items():
                carried[key] = carried.get(key, Decimal(0)) + amount
    settled = was[count - 1] if cell.way is Way.LEAVE else now[count - 1]
    for number in range(count, len(MONTHS)):
        settled = charge(new, *MONTHS[number], settled)
        adjusting = {
            (cell.point, f"adjustment {key}".strip()): amount
            for key, amount in carried.items()
            if amount
        }
        yield _document("bill", number, {**_of(cell.point, settled), **other[number], **adjusting})
        carried = {}


def _moved(cell: Cell) -> Iterator[Document]:
    """What was billed is cancelled; one customer pays until the day, another from it on."""
    facts = cell.facts(right=True)
    was = list(charge_all(facts, MONTHS, Charged()))
    for number in range(2 if cell.behind is Next.ISSUED else 1):
        yield _document("bill", number, _of(cell.point, was[number]))
        note = {key: -amount for key, amount in _of(cell.point, was[number]).items()}
        yield _document("note", number, note)
    left = charge(facts, OCTOBER, MOVED, Charged())
    yield _document("bill", 0, _of(cell.point, left))
    came = charge(facts, MOVED, NOVEMBER, Charged())
    yield _document("bill", 0, _of(cell.point, came))
    for number, month in enumerate(MONTHS[1:], start=1):
        yield _document("bill", number, _of(cell.point, charge(facts, *month, Charged())))


def _other(cell: Cell, month: tuple[date, date]) -> Lines:
    if cell.second is None:
        return {}
    return _of(cell.second, charge(cell.second_facts(), *month, Charged()))


def _of(point: str, charged: Charged) -> Lines:
    return {(point, name): amount for name, amount in charged.lines.items()}


def _document(what: str, number: int, lines: Lines) -> Document:
    period = f"{MONTHS[number][0]:%Y-%m}"
    return what, period, tuple(sorted((key, amount) for key, amount in lines.items() if amount))


def documents(dsn: str) -> dict[str, Counter[Document]]:
    """All that is issued, by the number in the names of accounts."""
    by_bill: dict[tuple[str, str, str, str], Lines] = defaultdict(lambda: defaultdict(Decimal))
    with psycopg.connect(dsn) as owner:
        rows = owner.execute(DOCUMENTS).fetchall()
    for account, cycle, is_note, is_anew, number, point, name, kind, price, amount in rows:
        what = "note" if is_note else "anew" if is_anew else "bill"
        charged = name
        if name == "adjustment" and kind == "tax":
            charged = f"adjustment {price.normalize():f}"
        by_bill[account.partition("-")[2], what, cycle, number][point, charged] += amount
    found: dict[str, Counter[Document]] = defaultdict(Counter)
    for (cell, what, cycle, _), lines in by_bill.items():
        said = tuple(sorted((key, amount) for key, amount in lines.items() if amount))
        found[cell][what, cycle, said] += 1
    return found


async def every_correction(database: Database, number: int) -> None:
    async with opened(database, number) as office:
        matrix, utility = office.matrix, office.matrix.utility
        utility.now = instant(date(2026, 11, 2), 6)
        await matrix.deliver()
        await office.bill("2026-10")
        await office.correct_all(Next.NOT_YET)
        utility.now = instant(date(2026, 12, 2), 6)
        await matrix.deliver()
        await office.bill("2026-10")
        await run(utility, "2026-11")
        await office.correct_all(Next.DRAFTED)
        await office.bill("2026-10")
        await office.bill("2026-11")
        await office.correct_all(Next.ISSUED)
        utility.now = instant(date(2027, 1, 2), 6)
        await matrix.deliver()
        await office.bill("2026-10")
        await office.bill("2026-11")
        await office.bill("2026-12")
        found = documents(office.dsn)
        unexplained = {}
        for cell in matrix.cells:
            wanted = Counter(expected(cell))
            got = found[str(cell.number)]
            if got != wanted:
                unexplained[str(cell)] = sorted(got - wanted), sorted(wanted - got)
        assert unexplained == {}
        for cell in matrix.cells:
            assert not (await office.correct.preview(cell.account)).differs, cell
        report = await Reconcile(utility.reconciliation, lambda: utility.now)(
            ReconciledScope(DayRange(OCTOBER, JANUARY))
        )
        assert report.balanced


async def test_each_two_of_cause_way_and_next_bill_are_explained(
    plain_migrated: Database,
) -> None:
    await every_correction(plain_migrated, 32)


if CELLS > 32:

    async def test_all_of_them_are_explained(migrated: Database) -> None:
        await every_correction(migrated, CELLS)

"""Invariant 8: what was answered at each month's end is answered again, as of that time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.life.books import Plan
from tests.life.product import Product
from tests.life.violation import Violation

FACTS = ("agreement", "occupancy", "service", "installation", "installation_register", "account")
BLOCKS = ("day_block", "vee_finding", "conflict")
BILLS = ("bill", "bill_part", "bill_line", "billed_period", "bank_movement", "ledger_use")
CORRECTED = ("correction", "settled_version", "adjustment", "adjustment_use", "credited_part")
_EVERY = 4
_TABLES = (*FACTS, *BLOCKS, *BILLS, *CORRECTED)


@dataclass(frozen=True)
class Answers:
    """What was said at a month's end.

    Args:
        plans: Tariffs in force, as they were told.
        tables: A hash over the rows of each table.
        span: The days that were reconciled, if any.
        report: What that said.
    """

    plans: Mapping[tuple[str, date], str]
    tables: Mapping[str, object]
    span: tuple[date, date] | None
    report: str | None


@dataclass
class Remembered:
    """Asks, and asks again: at the next month's end, and of some at the end of the life."""

    product: Product
    first: date
    answers: dict[datetime, Answers] = field(default_factory=dict)

    async def __call__(
        self, plans: Mapping[str, list[Plan]], day: date, *, last: bool
    ) -> list[Violation]:
        """What is answered otherwise than it was; then note what is answered now.

        Args:
            plans: Tariffs as they were told, by name.
            day: The present.
            last: Whether the life ends.
        """
        asked = list(self.answers)[::_EVERY] if last else list(self.answers)[-1:]
        found = [one for at in asked async for one in self._again(at)]
        told = {(one.name, one.effective): one.document() for own in plans.values() for one in own}
        span = self._span(day)
        report = None if span is None else await self._report(span, None)
        tables = await self.product.table_hashes(_TABLES)
        self.answers[self.product.now] = Answers(told, tables, span, report)
        return found

    async def _again(self, at: datetime) -> AsyncIterator[Violation]:
        then = self.answers[at]
        if await self.product.tariffs(at) != then.plans:
            yield Violation(8, f"as of {at} the tariffs are others than they were")
        tables = await self.product.table_hashes(_TABLES, at)
        for table, rows in then.tables.items():
            if tables[table] != rows:
                yield Violation(8, f"as of {at} {table} says {tables[table]}, and said {rows}")
        if then.span is not None and await self._report(then.span, at) != then.report:
            yield Violation(8, f"as of {at} the report of {then.span} is another than it was")

    def _span(self, day: date) -> tuple[date, date] | None:
        end = day.replace(day=1)
        first = max(self.first, (end - timedelta(days=1)).replace(day=1))
        return (first, end) if first < end else None

    async def _report(self, span: tuple[date, date], at: datetime | None) -> str:
        return json.dumps((await self.product.reconciled(*span, at)).to_json())

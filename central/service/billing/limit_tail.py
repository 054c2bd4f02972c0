"""Take off what of a corrected or late bill lies beyond a limit, as lines of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from central.domain.billing.beyond_limit import (
    LimitedDays,
    cut_before,
    days_beyond,
    lines_beyond,
)
from central.domain.billing.bill import BillLine
from central.domain.billing.correction_limit import LimitTerms, months_back
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.line_days import share_before
from central.service.billing.lineage import block_versions
from central.service.ports.bill_shard import NewBill, ShardTransaction
from firmware_bridge.contract.interval import day_start


class LimitedFrom(NamedTuple):
    """What limits a bill.

    Args:
        terms: The limit; None for nothing.
        day: From which its time runs back.
    """

    terms: LimitTerms | None
    day: date


async def within_limit(
    work: ShardTransaction,
    new: NewBill,
    settled: Sequence[Sequence[RatedLine]],
    limited: LimitedFrom,
) -> NewBill:
    """A bill with what a limit does not let through taken off again.

    Args:
        work: Reads the days.
        new: The bill as it is rated now.
        settled: The lines of its parts as they are settled, in the same order; none of what is
            billed for the first time.
        limited: What limits it.
    """
    was_cut = any(days_beyond(lines) is not None for lines in settled)
    if not new.bill.lines or (limited.terms is None and not was_cut):
        return new
    cut: list[list[RatedLine]] = []
    for number, (settled_part, (first, end)) in enumerate(
        zip(settled, new.line_numbers(), strict=True)
    ):
        lines = [entry.line for entry in new.bill.lines[first - 1 : end - 1]]
        cut.append(await _of_part(work, new, number, settled_part, lines, limited))
    return _with_lines(new, cut) if any(cut) else new


async def _of_part(  # noqa: PLR0913, PLR0917 - both versions of a part, and what limits it
    work: ShardTransaction,
    new: NewBill,
    number: int,
    settled: Sequence[RatedLine],
    after: Sequence[RatedLine],
    limited: LimitedFrom,
) -> list[RatedLine]:
    terms = limited.terms or LimitTerms(source="none")
    summary = new.bill.supplies[number]
    days = summary.days
    if not after:
        return []
    blocks: dict[int, Sequence[DayBlock]] = {}
    for charged in (True, False):
        months = terms.months(charged=charged)
        first = days.first if months is None else months_back(limited.day, months)
        cut = cut_before(settled, charged=charged)
        first = first if cut is None else max(first, cut.end)
        if days.first < first < days.end and not blocks:
            blocks = {id(lines): await _blocks(work, lines) for lines in (settled, after)}

    def share(line: RatedLine, day: date, lines: Sequence[RatedLine]) -> Fraction:
        start = day_start(day, summary.zone, summary.day_start)
        behind = blocks.get(id(lines), ())
        series = {
            source.series
            for each in lines
            for determinant in each.determinants
            for source in determinant.sources
        }
        return share_before(line, day, start, lines, dict.fromkeys(series, behind))

    return lines_beyond(LimitedDays(days, settled, after), terms, limited.day, share)


async def _blocks(work: ShardTransaction, lines: Iterable[RatedLine]) -> Sequence[DayBlock]:
    return await work.blocks(block_versions(each for line in lines for each in line.determinants))


def _with_lines(new: NewBill, cut: Sequence[Sequence[RatedLine]]) -> NewBill:
    """A bill whose parts have more lines at their ends."""
    entries: list[BillLine] = []
    numbers = list(new.line_numbers())
    for (first, end), more, summary in zip(numbers, cut, new.bill.supplies, strict=True):
        entries += new.bill.lines[first - 1 : end - 1]
        entries += [BillLine(0, summary.service_point, line) for line in more]
    entries += new.bill.lines[numbers[-1][1] - 1 :]
    lines = tuple(
        BillLine(position, entry.service_point, entry.line)
        for position, entry in enumerate(entries, start=1)
    )
    parts = tuple(
        brought._replace(line_count=brought.line_count + len(more))
        for brought, more in zip(new.parts, cut, strict=True)
    )
    return replace(new, bill=replace(new.bill, lines=lines), parts=parts)

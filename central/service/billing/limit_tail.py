"""Take off what of a corrected or late bill lies beyond a limit, as lines of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from central.domain.billing.beyond_limit import (
    LimitedDays,
    PartLimit,
    cut_before,
    days_beyond,
    lines_beyond,
)
from central.domain.billing.bill import BillLine, SupplySummary
from central.domain.billing.correction_limit import LimitTerms, months_back
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.line_days import share_before
from central.service.billing.lineage import block_versions
from central.service.ports.bill_shard import NewBill, ShardTransaction
from firmware_bridge.contract.interval import day_start


async def within_limit(
    work: ShardTransaction, new: NewBill, limits: Sequence[PartLimit | None]
) -> NewBill:
    """A bill with what limits do not let through taken off again.

    Args:
        work: Reads the days.
        new: The bill as it is rated now.
        limits: What limits its parts, in the same order.
    """
    if not new.bill.lines or not any(map(_may_cut, limits)):
        return new
    cut: list[list[RatedLine]] = []
    for limit, summary, (first, end) in zip(
        limits, new.bill.supplies, new.line_numbers(), strict=True
    ):
        lines = [entry.line for entry in new.bill.lines[first - 1 : end - 1]]
        cut.append(await _of_part(work, limit, lines, summary) if limit and lines else [])
    return _with_lines(new, cut) if any(cut) else new


def _may_cut(limit: PartLimit | None) -> bool:
    """Whether it says something, or something was cut off before."""
    return limit is not None and (
        limit.terms is not None
        or any(days_beyond(settled.lines) is not None for settled in limit.settled)
    )


async def _of_part(
    work: ShardTransaction,
    limit: PartLimit,
    after: Sequence[RatedLine],
    summary: SupplySummary,
) -> list[RatedLine]:
    limited = LimitedDays(summary.days, limit.settled, after)
    terms, day = limit.terms or LimitTerms(source="none"), limit.day
    bounds = {bound for settled in limited.before for bound in settled[1:] if bound is not None}
    for charged in (True, False):
        months = terms.months(charged=charged)
        if months is not None:
            bounds.add(months_back(day, months))
        cut = cut_before(limited.before, charged=charged)
        if cut is not None:
            bounds.add(cut.until)
    blocks: dict[int, Sequence[DayBlock]] = {}
    for lines in (limited.after, *(settled.lines for settled in limited.before)):
        if any(line.first < bound < line.end for line in lines for bound in bounds):
            blocks[id(lines)] = await _blocks(work, lines)

    def share(line: RatedLine, before: date, lines: Sequence[RatedLine]) -> Fraction:
        start = day_start(before, summary.zone, summary.day_start)
        behind = blocks.get(id(lines), ())
        series = {
            source.series
            for each in lines
            for determinant in each.determinants
            for source in determinant.sources
        }
        return share_before(line, before, start, lines, dict.fromkeys(series, behind))

    return lines_beyond(limited, terms, day, share)


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

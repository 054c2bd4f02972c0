"""The intervals behind a bill line, summed again."""

from __future__ import annotations

from datetime import date

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.lineage import Explained, IntervalUsed
from central.domain.rating.rounding import printed
from central.service.billing.lineage import block_versions, prove
from central.service.ports.overview import BillingOverview, FieldOverview
from central.service.views.billing import ExplainedInterval, LineExplanation, Proof
from central.service.views.field import ImportView
from central.service.views.lookup import require
from firmware_bridge.contract.interval import Interval, zone_info


async def view_line(
    billing: BillingOverview, field: FieldOverview, bill: str, number: int
) -> LineExplanation:
    """A line with every quantity proven from the very block versions it was computed from.

    Args:
        billing: Where the line is.
        field: Where the blocks are.
        bill: The bill's identifier.
        number: The line's place on it.

    Raises:
        NotFoundError: There is no such line.
        LineageError: The blocks do not give what was billed.
    """
    view, line = require(await billing.line(bill, number), "line", f"{number} on bill {bill}")
    blocks = await _blocks(field, line)
    zones = {block.channel_id: block.zone for block in blocks}
    explained = list(prove(line, blocks))
    used = [interval for one in explained for interval in one.intervals]
    imports: tuple[ImportView, ...] = ()
    if used and zones:
        within = Interval(min(each.start for each in used), max(each.end for each in used))
        imports = await field.imports(zones.keys(), within)
    return LineExplanation(view, tuple(_proof(one, zones) for one in explained), imports)


async def _blocks(field: FieldOverview, line: RatedLine) -> list[DayBlock]:
    """The block versions that a line names, each read once."""
    wanted: dict[int, list[tuple[date, int]]] = {}
    for (channel_id, day), version in block_versions(line.determinants).items():
        wanted.setdefault(channel_id, []).append((day, version))
    blocks: list[DayBlock] = []
    for channel_id, versions in wanted.items():
        blocks += await field.block_versions(channel_id, versions)
    return blocks


def _proof(explained: Explained, zones: dict[int, str]) -> Proof:
    determinant = explained.determinant
    zone = next((zones[used.channel_id] for used in explained.intervals), "UTC")
    return Proof(
        name=determinant.name,
        label=determinant.label,
        unit=determinant.unit,
        how=determinant.how,
        zone=zone,
        intervals=tuple(_interval(used, zones[used.channel_id]) for used in explained.intervals),
        total=explained.sum,
        billed=determinant.value,
        adjusted=determinant.adjusted,
        bank=determinant.bank,
        worth=explained.worth,
    )


def _interval(used: IntervalUsed, zone: str) -> ExplainedInterval:
    return ExplainedInterval(
        start=used.start,
        end=used.end,
        day=used.start.astimezone(zone_info(zone)).date(),
        value=used.value if used.weight == 1 else printed(used.counted),
        quality=IntervalQuality(used.quality),
        version=used.version,
        series=used.series,
        price=used.price,
        worth=used.worth,
    )

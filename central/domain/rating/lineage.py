"""The intervals behind a line, summed again, and what they are worth at their prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.interval_price_text import prices_in
from central.domain.rating.bill_lines.line import Determinant, RatedLine, Selection
from central.domain.rating.determinants.baseline import WEIGHTED
from central.domain.rating.determinants.demand import MEAN
from central.domain.rating.determinants.events import distinct
from central.domain.rating.determinants.excess import HIGHEST, ROOT, proven
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import billing_scale, source_of, step_of
from central.domain.rating.inputs.interval_weights import spread
from central.domain.rating.inputs.usage_event import Event, Events, EventSource
from central.domain.rating.rounding import exact_decimal, half_away, printed
from firmware_bridge.contract.errors import OperatorError


class LineageError(OperatorError):
    """The blocks given are not those a line was computed from, or do not sum to it."""

    code = "LINEAGE"
    default_remedy = "Report it: what was billed and what is kept differ."


@dataclass(frozen=True, slots=True)
class IntervalUsed:
    """One interval behind a line.

    Args:
        series: Input (`import`, ...).
        channel_id: The channel.
        start: First instant. UTC.
        end: First instant after it. UTC.
        value: In the billing unit (kWh, m3).
        quality: As the block says.
        version: Of the block.
        weight: What it counts for: -1 for export in a net, a factor, a share, one of ten days.
        price: Its own, None where intervals have none. [currency per billing unit]
    """

    series: str
    channel_id: int
    start: datetime
    end: datetime
    value: Decimal
    quality: int
    version: int
    weight: Fraction = Fraction(1)
    price: Fraction | None = None

    @property
    def counted(self) -> Fraction:
        """What it adds to the sum, before a maximum is turned into power."""
        return Fraction(self.value) * self.weight

    @property
    def worth(self) -> Fraction | None:
        """What it comes to at its price; None where it has none. [currency]."""
        return None if self.price is None else self.counted * self.price


@dataclass(frozen=True, slots=True)
class Explained:
    """A determinant, proven from its intervals.

    Args:
        determinant: As the bill has it.
        intervals: Ascending in time within each channel; empty where none are behind it.
        sum: Computed again from the intervals, in the determinant's unit.
        worth: What they come to, each at its price; None where intervals have no prices. [currency]
        events: Usage events behind it, in order of time; empty where none are.
    """

    determinant: Determinant
    intervals: tuple[IntervalUsed, ...]
    sum: Fraction
    worth: Fraction | None = None
    events: tuple[Event, ...] = ()


def explain(
    line: RatedLine, blocks: Mapping[str, Sequence[DayBlock]], events: Events | None = None
) -> tuple[Explained, ...]:
    """Prove a line's quantities from the intervals they were computed from.

    Where every interval has its own price, the amount is proven as well, to its last digit.

    Args:
        line: Of a bill.
        blocks: Input name to day blocks, among them the versions that the line names.
        events: Stream to events, among them those that the line rests on.

    Returns:
        One proof per determinant, each summed again exactly.

    Raises:
        LineageError: A block or event is missing, is another than the one billed, or the sum
            or the amount differs.
    """
    proofs = tuple(prove(determinant, blocks, events) for determinant in line.determinants)
    # A line that says what its intervals are worth beside its amount charges something else.
    charged = [
        proof.worth
        for proof in proofs
        if proof.worth is not None and proof.determinant.worth is None
    ]
    if charged:
        worth, digits = sum(charged, Fraction(0)), _digits(line.amount)
        if worth != line.exact or half_away(worth, digits) != line.amount:
            message = f"The intervals of {line.key} come to {worth}, not {line.amount}."
            raise LineageError(message, value=worth)
    return proofs


def _digits(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def prove(
    determinant: Determinant,
    blocks: Mapping[str, Sequence[DayBlock]],
    events: Events | None = None,
) -> Explained:
    """Prove one determinant, as `explain` does for those of a line.

    Raises:
        LineageError: A block is missing, is another than the one billed, or the sum differs.
    """
    if determinant.events is not None:
        return _from_events(determinant, determinant.events, events or {})
    if determinant.selection is None and determinant.how != WEIGHTED:
        return Explained(determinant, (), determinant.exact)
    if determinant.how in {HIGHEST, ROOT}:
        return _from_windows(determinant, blocks)
    used: list[IntervalUsed] = []
    total, worths = Fraction(0), []
    for source in determinant.sources:
        counts: dict[Fraction, int] = {}
        for interval, count, unit in _chosen(determinant, source, _blocks_of(source, blocks)):
            used.append(interval)
            if interval.price is not None:
                worths.append(count * unit * source.factor * interval.price)
            counts[unit] = counts.get(unit, 0) + count
        for unit, count in counts.items():
            total += count * unit * source.factor
    if determinant.how in {"max", "daily_max", MEAN} and determinant.selection is not None:
        _, width = determinant.selection.runs[0]
        total = total * 3600 / (width * determinant.selection.step_s)
        total /= len(determinant.selection.runs) if determinant.how == MEAN else 1
    total += determinant.adjusted
    if total != determinant.exact:
        message = f"The intervals of {determinant.key} sum to {total}, not {determinant.exact}."
        raise LineageError(message, value=total)
    return Explained(determinant, tuple(used), total, _worth(determinant, worths))


def _worth(determinant: Determinant, worths: Sequence[Fraction]) -> Fraction | None:
    if not determinant.prices:
        return None
    worth = sum(worths, Fraction(0))
    if determinant.worth not in {None, worth}:
        message = f"The intervals of {determinant.key} come to {worth}, not {determinant.worth}."
        raise LineageError(message, value=worth)
    return worth


def _from_windows(determinant: Determinant, blocks: Mapping[str, Sequence[DayBlock]]) -> Explained:
    """What windows have beyond contracted power is no sum of theirs; each is compared again."""
    used = [
        interval
        for source in determinant.sources
        for interval, _, _ in _chosen(determinant, source, _blocks_of(source, blocks))
    ]
    selection = determinant.selection
    if selection is None:
        raise AssertionError
    step = timedelta(seconds=selection.step_s)
    value = proven(
        determinant,
        (((interval.start - selection.start) // step, interval.counted) for interval in used),
    )
    if value != determinant.exact:
        message = f"The intervals of {determinant.key} make {value}, not {determinant.exact}."
        raise LineageError(message, value=value)
    return Explained(determinant, tuple(used), value)


def _from_events(determinant: Determinant, source: EventSource, events: Events) -> Explained:
    chosen = source.chosen(distinct(source.stream, events.get(source.stream, ())))
    if source.signed(chosen) != source:
        message = f"The events of {source.stream!r} have changed since the bill."
        raise LineageError(message, value=source.stream)
    value, _ = source.value(chosen)
    if value != determinant.exact:
        message = f"The events of {determinant.key} make {value}, not {determinant.exact}."
        raise LineageError(message, value=value)
    return Explained(determinant, (), value, events=tuple(chosen))


def are_those(source: EventSource, events: Events) -> bool:
    """Whether events are those that a determinant was made from.

    Args:
        source: Of the determinant.
        events: Stream to events, among them all that it may rest on.
    """
    given = {event.id: event for event in events.get(source.stream, ())}
    return source.signed(source.chosen(given.values())) == source


def _blocks_of(source: BlockSource, blocks: Mapping[str, Sequence[DayBlock]]) -> list[DayBlock]:
    wanted = [
        (source.first + timedelta(days=number), version)
        for number, version in enumerate(source.versions)
        if version
    ]
    known = {
        (block.day, block.version): block
        for block in blocks.get(source.series, ())
        if block.channel_id == source.channel_id
    }
    missing = [key for key in wanted if key not in known]
    if missing:
        day, version = missing[0]
        message = f"Version {version} of {day}, channel {source.channel_id}, is missing."
        raise LineageError(message, value=missing[0])
    chosen = [known[key] for key in wanted]
    if source_of(source.series, chosen).sha256 != source.sha256:
        message = f"The blocks of channel {source.channel_id} have changed since the bill."
        raise LineageError(message, value=source.channel_id)
    return chosen


def _chosen(
    determinant: Determinant, source: BlockSource, blocks: Sequence[DayBlock]
) -> Iterator[tuple[IntervalUsed, int, Fraction]]:
    selection = determinant.selection
    if determinant.how == WEIGHTED:
        # The weights say which intervals count, from the source's own first one on.
        runs = tuple(run[:2] for run in source.weights)
        selection = Selection(blocks[0].start, step_of(blocks[0]), runs)
    if selection is None:
        return
    starts = [0]
    for block in blocks:
        starts.append(starts[-1] + len(block.values))
    weights = spread(source.weights, starts[-1])
    prices = _prices(determinant, starts[-1])
    for block, begin in zip(blocks, starts, strict=False):
        scale, end = billing_scale(block), begin + len(block.values)
        unit, step = exact_decimal(scale), timedelta(seconds=block.period_s)
        values, quality = block.values.tolist(), block.quality.tolist()
        for offset, length in selection.runs:
            for number in range(max(offset, begin), min(offset + length, end)):
                if source.weights and not weights[number]:
                    continue
                start = block.start + (number - begin) * step
                count = values[number - begin]
                value = printed(count * scale) if unit is None else count * unit
                interval = IntervalUsed(
                    source.series,
                    source.channel_id,
                    start,
                    start + step,
                    value,
                    quality[number - begin],
                    block.version,
                    source.factor * weights[number] if source.weights else source.factor,
                    prices[number] if prices else None,
                )
                yield interval, count, scale * weights[number] if source.weights else scale


def _prices(determinant: Determinant, count: int) -> list[Fraction]:
    """The price of each of all intervals; none where they have none."""
    if not determinant.prices:
        return []
    try:
        prices = prices_in(determinant.prices)
    except ValueError as error:
        message = f"The prices of {determinant.key} cannot be read."
        raise LineageError(message, value=determinant.prices) from error
    if len(prices) != count:
        message = f"{determinant.key} has {len(prices)} prices for {count} intervals."
        raise LineageError(message, value=len(prices))
    return prices

"""A month as a carpet: days across, the local clock down, darker where more was used.

A day that a change of the clock makes longer shows its repeated hour twice, side by side; one that
it makes shorter has nothing where its hour was left out. Above the values lies a layer that says
how they came about, in patterns and not in colours alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from central.dashboard.language import marked
from central.dashboard.month_usage import day_text
from central.dashboard.present import Presenter, sentence
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.service.operator.month import ESTIMATED, ChannelMonth
from firmware_bridge.contract.interval import zone_info
from firmware_bridge.contract.quantity import Quantity

LEVELS = 7
_DAY_S, _HOUR_S = 86_400, 3600
# A column and an hour; a quarter of an hour is three high.
_WIDE, _HIGH, _LEFT, _TOP = 22, 12, 44, 18
_LABELLED_HOURS = 3
_LAYERS = {
    **dict.fromkeys(ESTIMATED, "estimated"),
    IntervalQuality.EDITED: "edited",
    IntervalQuality.MISSING: "missing",
}
LEGEND = {
    "estimated": marked("estimated"),
    "edited": marked("edited"),
    "missing": marked("no value"),
    "unvalidated": marked("not validated yet"),
}
"""What the patterns of the layer say."""
_PATTERNS = {
    "estimated": '<path d="M1 1h2v2h-2z" fill="currentColor"/>',
    "edited": '<path d="M0 3h6" stroke="currentColor" stroke-width="2"/>',
    "missing": '<path d="M0 6L6 0M0 0L6 6" stroke="currentColor" stroke-width="1"/>',
    "unvalidated": '<path d="M0 6L6 0" stroke="currentColor" stroke-width="1"/>',
}


@dataclass(frozen=True, slots=True)
class Carpet:
    """What stands in the page.

    Args:
        svg: The picture.
        caption: What it shows, in one sentence.
        highest: What the darkest cells begin to be near to; None where nothing has a value.
        layers: Classes of the patterns that the month has, with their words.
    """

    svg: str
    caption: str
    highest: Quantity | None
    layers: Mapping[str, str]


def draw_carpet(month: ChannelMonth, presenter: Presenter) -> Carpet:
    """The carpet of a channel's month, in the language of the page."""
    gettext = presenter.language.gettext
    caption = gettext("%(quantity)s by day and time of day, %(month)s, %(zone)s") % {
        "quantity": sentence(presenter.word(month.channel.name)),
        "month": presenter.month_name(month.first),
        "zone": month.zone,
    }
    cells = _cells(month)
    width, height = _LEFT + _WIDE * len(month.days), _TOP + _HIGH * 24
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f"aria-label={quoteattr(caption)}>"
    )
    parts = [
        head,
        f"<defs>{''.join(_pattern(name) for name in _PATTERNS)}</defs>",
        *_axes(month, presenter),
        *(
            f'<path class="{name}" d="{"".join(paths)}"/>'
            for name, paths in sorted(cells.items())
            if name not in LEGEND
        ),
        '<g class="quality">',
        *(
            f'<path class="{name}" fill="url(#carpet-{name})" d="{"".join(cells[name])}"/>'
            for name in LEGEND
            if name in cells
        ),
        "</g>",
        *_day_titles(month, presenter),
        "</svg>",
    ]
    layers = {name: gettext(text) for name, text in LEGEND.items() if name in cells}
    return Carpet("\n".join(parts), caption, month.peak and month.peak[1], layers)


def pattern_swatch(name: str) -> str:
    """A piece of a layer's pattern, for its legend."""
    return (
        '<svg class="swatch" viewBox="0 0 18 12" aria-hidden="true">'
        f'<rect width="18" height="12" fill="url(#carpet-{name})"/></svg>'
    )


def _pattern(name: str) -> str:
    return (
        f'<pattern id="carpet-{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f"{_PATTERNS[name]}</pattern>"
    )


def _cells(month: ChannelMonth) -> dict[str, list[str]]:
    """Paths of all cells, by what they show: `l0` to `l6`, or a class of the layer."""
    paths: dict[str, list[str]] = defaultdict(list)
    peak = None if month.peak is None else month.peak[1]
    begin = _begin_s(month)
    for column, day in enumerate(month.days):
        if day.block is None:
            paths["unvalidated"].append(
                f"M{_LEFT + column * _WIDE} {_TOP}h{_WIDE - 1}v{_HIGH * 24}h{1 - _WIDE}z"
            )
            continue
        runs: dict[str, list[_Run]] = defaultdict(list)
        for name, run in _runs(day.block, begin, peak):
            last = runs[name][-1] if runs[name] else None
            if last is not None and last.half == run.half and last.until_s == run.from_s:
                runs[name][-1] = _Run(last.half, last.from_s, run.until_s)
            else:
                runs[name].append(run)
        for name, joined in runs.items():
            paths[name].extend(run.path(column) for run in joined)
    return paths


@dataclass(frozen=True, slots=True)
class _Run:
    """Cells of one column that lie below each other.

    Args:
        half: None for the whole column; 0 and 1 for the first and second pass of an hour.
        from_s: Seconds on the clock from the day's start. [s]
        until_s: Where it ends. [s]
    """

    half: int | None
    from_s: int
    until_s: int

    def path(self, column: int) -> str:
        """What draws it in the column of a day."""
        x, wide = _LEFT + column * _WIDE, _WIDE - 1
        if self.half is not None:
            x, wide = x + self.half * (_WIDE // 2), _WIDE // 2 - 1
        top, bottom = (_TOP + _HIGH * seconds / _HOUR_S for seconds in (self.from_s, self.until_s))
        return f"M{x} {top:g}h{wide}v{bottom - top:g}h-{wide}z"


def _runs(block: DayBlock, begin: int, peak: Quantity | None) -> Iterator[tuple[str, _Run]]:
    """Each interval's classes, with the place of its cell."""
    zone, step = zone_info(block.zone), timedelta(seconds=block.period_s)
    pairs = zip(block.values.tolist(), block.quality.tolist(), strict=True)
    for number, (value, quality) in enumerate(pairs):
        there = (block.start + number * step).astimezone(zone)
        start = (_clock_s(there) - begin) % _DAY_S
        run = _Run(_half(there), start, min(start + block.period_s, _DAY_S))
        if quality != IntervalQuality.MISSING:
            yield f"l{_level(value, block, peak)}", run
        layer = _LAYERS.get(IntervalQuality(quality))
        if layer is not None:
            yield layer, run


def _begin_s(month: ChannelMonth) -> int:
    """What the clock shows where days begin; once in a while one begins later. [s]."""
    zone = zone_info(month.zone)
    return min(_clock_s(day.interval.start.astimezone(zone)) for day in month.days)


def _clock_s(there: datetime) -> int:
    return there.hour * _HOUR_S + there.minute * 60 + there.second


def _half(there: datetime) -> int | None:
    """Which pass of a repeated hour a local time is in; None where the clock passes it once."""
    other = there.replace(fold=1 - there.fold)
    return None if other.utcoffset() == there.utcoffset() else there.fold


def _level(value: int, block: DayBlock, peak: Quantity | None) -> int:
    """How dark a value is, in equal steps from zero to the largest."""
    if peak is None or peak.mantissa <= 0 or value <= 0:
        return 0
    shift = block.exponent - peak.exponent
    scaled: int = value * 10 ** max(shift, 0)
    whole: int = peak.mantissa * 10 ** max(-shift, 0)
    return min(scaled * LEVELS // whole, LEVELS - 1)


def _axes(month: ChannelMonth, presenter: Presenter) -> Iterator[str]:
    begin = _begin_s(month) // _HOUR_S
    for hour in range(0, 24, _LABELLED_HOURS):
        y = _TOP + hour * _HIGH
        text = f"{(begin + hour) % 24:02}:00"
        yield f'<text class="tick" x="{_LEFT - 6}" y="{y + 9}" text-anchor="end">{text}</text>'
    for column, day in enumerate(month.days):
        x = _LEFT + column * _WIDE + _WIDE // 2
        number = presenter.language.numeral(str(day.day.day))
        yield f'<text class="tick" x="{x}" y="{_TOP - 6}" text-anchor="middle">{number}</text>'


def _day_titles(month: ChannelMonth, presenter: Presenter) -> Iterator[str]:
    """What a pointer is told of each column."""
    for column, day in enumerate(month.days):
        yield (
            f'<rect class="over" x="{_LEFT + column * _WIDE}" y="{_TOP}" width="{_WIDE}" '
            f'height="{_HIGH * 24}" fill="none" pointer-events="all">'
            f"<title>{escape(day_text(day, presenter))}</title></rect>"
        )

"""Draw daily usage as SVG: the same picture on the invoice and on the pages.

No script, style sheet or external reference: presentation attributes only, so that it stands in a
page under a strict content security policy and in a PDF alike. Classes let a page put its own
colours over them. Coordinates are tenths of a pixel,
computed in integers, so that the same usage gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from central.domain.rating.daily_usage import DailyUsage

COLOURS = ("#1f4e79", "#5b9bd5", "#bdd7ee", "#8a6d3b", "#c9a66b", "#7f7f7f")
_WIDTH, _HEIGHT = 7200, 2000
_LEFT, _RIGHT, _TOP, _BOTTOM = 480, 40, 320, 260
_FONT = "Libertinus Serif, Georgia, serif"
_TICKS = 4
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_GAP_COLOUR = "#e8e8e8"


@dataclass(frozen=True, slots=True)
class DayMark:
    """How complete a day is.

    Args:
        text: What a pointer is told of the day.
        estimated: Whether an interval of it is estimated.
        missing: Whether an interval of it has no value.
    """

    text: str
    estimated: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class ChartTexts:
    """What a chart says in the language of its page.

    Args:
        caption: What the bars are, with their unit.
        day: Writes a date without its year.
        number: Writes a number that is given the English way.
        labelled: Which days are written below their bars; None for the first and each fifth.
    """

    caption: str
    day: Callable[[date], str]
    number: Callable[[str], str]
    labelled: Callable[[date], bool] | None = None


def draw_usage(
    usage: DailyUsage,
    *,
    title: str = "Daily usage",
    marks: Mapping[date, DayMark] | None = None,
    texts: ChartTexts | None = None,
) -> str:
    """Draw stacked bars, one per local day, one colour per period.

    Args:
        usage: What to draw.
        title: Read out by screen readers.
        marks: How complete days are, where that is to be seen.
        texts: In which language; English where none is given.

    Returns:
        An SVG document of 720 x 200 pixels.
    """
    texts = texts or ChartTexts(f"{usage.unit} per day", _english_day, str)
    step = _tick_step(max(usage.totals, default=Decimal(0)))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_px(_WIDTH)} {_px(_HEIGHT)}" '
        f'width="{_px(_WIDTH)}" height="{_px(_HEIGHT)}" role="img" aria-label={quoteattr(title)} '
        f'font-family="{_FONT}" font-size="11">'
    )
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        *_legend(usage, texts),
        *_grid(usage, step, texts),
        *_gaps(usage, marks or {}),
        *_bars(usage, step, marks or {}),
        "</svg>",
    ]
    return "\n".join(parts)


def _px(tenths: int) -> str:
    whole, tenth = divmod(tenths, 10)
    return f"{whole}.{tenth}" if tenth else str(whole)


def _tick_step(highest: Decimal) -> Decimal:
    """The smallest round number of which `_TICKS` reach the highest bar."""
    if highest <= 0:
        return Decimal(1)
    power = highest.adjusted() - 1
    while True:
        for digit in ("1", "1.5", "2", "2.5", "3", "4", "5", "6", "8"):
            step = Decimal(digit).scaleb(power)
            if step * _TICKS >= highest:
                return step
        power += 1


def _y(value: Decimal, step: Decimal) -> int:
    plot = _HEIGHT - _TOP - _BOTTOM
    return _HEIGHT - _BOTTOM - int(value * plot / (step * _TICKS))


def _english_day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _legend(usage: DailyUsage, texts: ChartTexts) -> Iterator[str]:
    caption = escape(texts.caption)
    yield f'<text class="tick" x="{_px(_LEFT)}" y="14" fill="#404040">{caption}</text>'
    at = _WIDTH - _RIGHT
    for number, label in reversed(list(enumerate(usage.labels))):
        if not label:
            continue
        at -= 62 * len(label) + 120
        colour = COLOURS[number % len(COLOURS)]
        yield f'<rect x="{_px(at)}" y="5" width="9" height="9" fill="{colour}"/>'
        yield f'<text class="tick" x="{_px(at + 130)}" y="14" fill="#404040">{escape(label)}</text>'
        at -= 140


def _grid(usage: DailyUsage, step: Decimal, texts: ChartTexts) -> Iterator[str]:
    for number in range(_TICKS + 1):
        y = _y(step * number, step)
        shade = "#808080" if number == 0 else "#dddddd"
        yield (
            f'<line class="grid" x1="{_px(_LEFT)}" x2="{_px(_WIDTH - _RIGHT)}" y1="{_px(y)}" '
            f'y2="{_px(y)}" stroke="{shade}" stroke-width="0.6"/>'
        )
        text = texts.number(format((step * number).normalize(), "f"))
        yield (
            f'<text class="tick" x="{_px(_LEFT - 60)}" y="{_px(y + 35)}" text-anchor="end" '
            f'fill="#606060">{text}</text>'
        )
    few = len(usage.days) <= 10  # noqa: PLR2004 - labels fit
    for number, day in enumerate(usage.days):
        if few or (texts.labelled or _each_fifth)(day):
            x = _bar_x(usage, number) + _bar_width(usage) // 2
            yield (
                f'<text class="tick" x="{_px(x)}" y="{_px(_HEIGHT - _BOTTOM + 150)}" '
                f'text-anchor="middle" fill="#606060">{escape(texts.day(day))}</text>'
            )


def _each_fifth(day: date) -> bool:
    return day.day == 1 or day.day % 5 == 0


def _pitch(usage: DailyUsage) -> int:
    return (_WIDTH - _LEFT - _RIGHT) // max(1, len(usage.days))


def _bar_width(usage: DailyUsage) -> int:
    return max(10, min(400, _pitch(usage) * 7 // 10))


def _bar_x(usage: DailyUsage, number: int) -> int:
    pitch = _pitch(usage)
    return _LEFT + number * pitch + (pitch - _bar_width(usage)) // 2


def _gaps(usage: DailyUsage, marks: Mapping[date, DayMark]) -> Iterator[str]:
    """Behind the bars, over the whole height: days of which something has no value."""
    for number, day in enumerate(usage.days):
        if day in marks and marks[day].missing:
            yield (
                f'<rect class="gap" x="{_px(_bar_x(usage, number))}" y="{_px(_TOP)}" '
                f'width="{_px(_bar_width(usage))}" height="{_px(_HEIGHT - _TOP - _BOTTOM)}" '
                f'fill="{_GAP_COLOUR}"><title>{escape(marks[day].text)}</title></rect>'
            )


def _bars(usage: DailyUsage, step: Decimal, marks: Mapping[date, DayMark]) -> Iterator[str]:
    for number, (day, row) in enumerate(zip(usage.days, usage.values, strict=True)):
        mark = marks.get(day)
        x, base = _bar_x(usage, number), Decimal(0)
        for index in reversed(range(len(row))):
            value = row[index]
            if value <= 0:
                continue
            top, bottom = _y(base + value, step), _y(base, step)
            label = f"{day} {usage.labels[index]} {value} {usage.unit}".replace("  ", " ")
            yield (
                f'<rect{_class(mark)} x="{_px(x)}" y="{_px(top)}" '
                f'width="{_px(_bar_width(usage))}" '
                f'height="{_px(bottom - top)}" fill="{COLOURS[index % len(COLOURS)]}">'
                f"<title>{escape(mark.text if mark else label)}</title></rect>"
            )
            base += value


def _class(mark: DayMark | None) -> str:
    if mark is None:
        return ""
    return ' class="estimated"' if mark.estimated else ' class="actual"'

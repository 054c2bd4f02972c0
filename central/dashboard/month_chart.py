"""A month as a drawing that needs no script: one bar a day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from central.dashboard.present import day as spell_day
from central.dashboard.present import energy, month_name, number, scaled
from central.service.operator.month import Month, MonthDay

WIDTH = 960
HEIGHT = 260
LEFT = 64
TOP = 12
FLOOR = 232
_GAP = 4
_TICKS = 4
_LABEL_EVERY = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One day.

    Args:
        x: Left edge.
        y: Upper edge.
        width: Width.
        height: Height; 0 draws nothing.
        estimated: Whether an interval of it is estimated.
        empty: Whether an interval of it has no value.
        title: What a pointer is told.
        label: The day's number, where there is room for it.
    """

    x: float
    y: float
    width: float
    height: float
    estimated: bool
    empty: bool
    title: str
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the drawing.

    Args:
        at: Its height.
        text: Its value.
    """

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class MonthDrawing:
    """Everything the template draws.

    Args:
        bars: One per day.
        ticks: From the floor up.
        caption: What is shown, in one sentence.
        width: Of the whole. height, left, top and floor likewise.
        height: Of the whole.
        left: Where bars begin.
        top: Where the scale ends.
        floor: Where bars stand.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    caption: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    floor: int = FLOOR


def draw_month(month: Month) -> MonthDrawing:
    """The drawing of a channel's month."""
    values = [_value(day) for day in month.days]
    step = _nice(max(values, default=Decimal(0)) / _TICKS)
    scale = (FLOOR - TOP) / (step * _TICKS)
    width = Decimal(WIDTH - LEFT) / len(month.days)
    bars = tuple(
        _bar(day, float(LEFT + place * width), float(width) - _GAP, float(value * scale))
        for place, (day, value) in enumerate(zip(month.days, values, strict=True))
    )
    ticks = tuple(
        Tick(float(FLOOR - place * step * scale), number((place * step).normalize()))
        for place in range(_TICKS + 1)
    )
    return MonthDrawing(bars, ticks, _caption(month))


def _value(day: MonthDay) -> Decimal:
    if day.block is None:
        return Decimal(0)
    return max(Decimal(0), scaled(day.total, day.block.exponent, day.block.unit)[0])


def _bar(day: MonthDay, x: float, width: float, height: float) -> Bar:
    label = str(day.day.day) if day.day.day == 1 or day.day.day % _LABEL_EVERY == 0 else ""
    y, tall = round(FLOOR - height, 2), round(height, 2)
    empty = day.block is None or day.missing > 0
    return Bar(
        round(x + _GAP / 2, 2),
        y,
        round(width, 2),
        tall,
        day.estimated > 0,
        empty,
        _title(day),
        label,
    )


def _title(day: MonthDay) -> str:
    if day.block is None:
        return f"{spell_day(day.day)}: not validated yet"
    text = f"{spell_day(day.day)}: {energy(day.total, day.block.exponent, day.block.unit)}"
    if day.estimated:
        text = f"{text}, {day.estimated} intervals estimated"
    return f"{text}, {day.missing} missing" if day.missing else text


def _caption(month: Month) -> str:
    block = next((day.block for day in month.days if day.block is not None), None)
    unit = "" if block is None else f" in {scaled(0, 0, block.unit)[1]}"
    return f"{month.channel.name.capitalize()} per day{unit}, {month_name(month.first)}"


def _nice(step: Decimal) -> Decimal:
    """The least of 1, 2, 2.5, 5 and their tenfolds that is not below a step."""
    if step <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(step.adjusted())
    return next(
        power * factor
        for factor in (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
        if power * factor >= step
    )

"""A tariff's week as a heat map: days down, hours across, darker where a kWh costs more.

Every field names its period, so that nothing is said by a shade alone; the table beside it says the
same in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

from babel.dates import get_day_names

from central.dashboard.present import DASH, Presenter
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.week import PeriodRun, SeasonWeek, WeekRow, weeks_of

LEVELS = 6
_HOUR_MINUTES, _HOURS = 60, 24
_WIDE, _HIGH, _LEFT, _TOP = 32, 22, 64, 18
_LETTER, _LABELLED_HOURS = 6.2, 3
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class PeriodHours:
    """A line of the table: when a period is.

    Args:
        days: First and last, such as Monday to Friday.
        period: Name.
        hours: From and until, one after the other.
        price: Of a kWh; a dash where none is by the kWh.
    """

    days: str
    period: str
    hours: str
    price: str


@dataclass(frozen=True, slots=True)
class WeekMap:
    """A season's week, as it stands in a page.

    Args:
        title: Season, and schedule where there are several.
        dates: When the season is, "" for the whole year.
        svg: The picture.
        rows: The same in words.
    """

    title: str
    dates: str
    svg: str
    rows: tuple[PeriodHours, ...]


def draw_weeks(document: TariffDocument, presenter: Presenter) -> tuple[WeekMap, ...]:
    """The weeks of all schedules and seasons of a tariff, in the language of the page."""
    weeks = weeks_of(document)
    several = len({week.schedule for week in weeks}) > 1
    maps = []
    for week in weeks:
        same = [other for other in weeks if other.schedule == week.schedule]
        names = (week.season, week.schedule if several or not week.season else "")
        title = ", ".join(filter(None, names))
        dates = _dates(week, presenter) if week.season else ""
        svg = _svg(week, _levels(same), title, presenter)
        maps.append(WeekMap(title, dates, svg, tuple(_in_words(week, presenter))))
    return tuple(maps)


def _levels(weeks: Sequence[SeasonWeek]) -> dict[tuple[str, Fraction | None], int]:
    """How dark each period is at each price: by price, or by order where there is none."""
    runs = [run for week in weeks for row in week.rows for run in row.runs]
    prices = sorted({run.price for run in runs if run.price is not None})
    names = list(dict.fromkeys(run.period for run in runs))
    levels = {}
    for run in runs:
        number, count = (
            (names.index(run.period), len(names))
            if run.price is None
            else (prices.index(run.price), len(prices))
        )
        levels[run.period, run.price] = number * (LEVELS - 1) // max(1, count - 1)
    return levels


def _svg(
    week: SeasonWeek,
    levels: dict[tuple[str, Fraction | None], int],
    title: str,
    presenter: Presenter,
) -> str:
    caption = presenter.language.gettext("Periods by day and hour, %(title)s") % {"title": title}
    width, height = _LEFT + _WIDE * _HOURS + 1, _TOP + _HIGH * len(week.rows)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f"aria-label={quoteattr(caption)}>"
    )
    parts = [
        head,
        *(
            f'<text class="tick" x="{_LEFT + hour * _WIDE}" y="{_TOP - 6}">{hour:02}:00</text>'
            for hour in range(0, _HOURS, _LABELLED_HOURS)
        ),
    ]
    for number, row in enumerate(week.rows):
        y = _TOP + number * _HIGH
        name = escape(_day_name(row, presenter))
        parts.append(f'<text class="tick" x="0" y="{y + 15}">{name}</text>')
        parts += [_field(run, y, levels[run.period, run.price], presenter) for run in row.runs]
    return "\n".join([*parts, "</svg>"])


def _field(run: PeriodRun, y: int, level: int, presenter: Presenter) -> str:
    x = _LEFT + run.start * _WIDE / _HOUR_MINUTES
    wide = (run.end - run.start) * _WIDE / _HOUR_MINUTES
    fits = max(1, int((wide - 6) / _LETTER))
    name = (
        run.period
        if len(run.period) <= fits
        else run.period[: fits - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
    label = escape(name) if wide >= _WIDE / 2 else ""
    title = f"{_hours(run)} {run.period}"
    if run.price is not None:
        title += f": {price_text(run.price, presenter)}"
    return (
        f'<g><title>{escape(title)}</title><rect class="w{level}" x="{x:g}" y="{y}" '
        f'width="{wide - 1:g}" height="{_HIGH - 1}"/>'
        f'<text class="label" x="{x + 4:g}" y="{y + 15}">{label}</text></g>'
    )


def _in_words(week: SeasonWeek, presenter: Presenter) -> Iterator[PeriodHours]:
    """Days that follow one another and are alike as one, period by period."""
    alike: list[list[WeekRow]] = []
    for row in week.rows:
        before = alike[-1][-1] if alike else None
        together = before is not None and before.runs == row.runs and row.weekday is not None
        if together:
            alike[-1].append(row)
        else:
            alike.append([row])
    for rows in alike:
        first, last = _day_name(rows[0], presenter), _day_name(rows[-1], presenter)
        days = first if first == last else f"{first} {DASH} {last}"
        for period in dict.fromkeys(run.period for run in rows[0].runs):
            runs = [run for run in rows[0].runs if run.period == period]
            price = runs[0].price
            yield PeriodHours(
                days,
                period,
                ", ".join(map(_hours, runs)),
                DASH if price is None else price_text(price, presenter),
            )


def price_text(price: Fraction, presenter: Presenter) -> str:
    """A price to six decimals, without needless zeros, at least two."""
    exact = Decimal(round(price * 10**_DIGITS)).scaleb(-_DIGITS)
    return presenter.price(exact)


def _hours(run: PeriodRun) -> str:
    return f"{_clock(run.start)} {DASH} {_clock(run.end)}"


def _clock(minute: int) -> str:
    return f"{minute // _HOUR_MINUTES:02}:{minute % _HOUR_MINUTES:02}"


def _day_name(row: WeekRow, presenter: Presenter) -> str:
    if row.weekday is None:
        return presenter.language.gettext("Holiday")
    return str(get_day_names("abbreviated", locale=presenter.language.code)[row.weekday])


def _dates(week: SeasonWeek, presenter: Presenter) -> str:
    return ", ".join(_between(first, last, presenter) for first, last in week.dates)


def _between(first: date, last: date, presenter: Presenter) -> str:
    short = presenter.language.short_day
    return short(first) if first == last else f"{short(first)} {DASH} {short(last)}"

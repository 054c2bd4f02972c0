from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from starlette.requests import Request

from central.dashboard.language import COOKIE, ENGLISH, chosen_language, language_of
from central.dashboard.month_usage import draw_month
from central.dashboard.present import DASH, Presenter
from central.dashboard.slots import block_slots
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.service.operator.month import assemble_month
from central.service.views.billing import spell_fraction
from central.service.views.field import PointChannelView
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
ZONE = "Europe/Madrid"
present = Presenter(ENGLISH)
spanish = Presenter(language_of("es"))


def test_energy_is_read_in_kwh_with_every_digit() -> None:
    assert present.energy(1234567, 0, Unit.WATT_HOUR) == "1,234.567 kWh"
    assert present.energy(1234567, -1, Unit.WATT_HOUR) == "123.4567 kWh"


def test_gas_reads_on_a_page_as_on_the_invoice() -> None:
    assert present.energy(12345, 0, Unit.LITRE) == "12.345 m3"
    assert present.quantity(Quantity(5, 0, Unit.LITRE)) == "0.005 m3"
    assert present.energy(230, 0, Unit.VOLT) == "230 V"


def test_money_keeps_its_cents_and_shows_its_sign() -> None:
    assert present.money(Decimal("1234.50"), "EUR") == "EUR 1,234.50"
    assert present.money(Decimal("-3.10"), "EUR") == "EUR \N{MINUS SIGN}3.10"
    assert present.money(None, None) == DASH


@pytest.mark.parametrize(
    ("price", "text"), [("6.9", "6.90"), ("0.2659", "0.2659"), ("12", "12.00"), ("0.10", "0.10")]
)
def test_a_price_has_at_least_two_digits(price: str, text: str) -> None:
    assert present.price(Decimal(price)) == text


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=14, seconds=59), "14 min ago"),
        (timedelta(minutes=119), "119 min ago"),
        (timedelta(hours=9), "9 h ago"),
        (timedelta(days=2), "2 d ago"),
        (timedelta(minutes=-5), "in the future"),
    ],
)
def test_times_read_in_one_unit(gone: timedelta, text: str) -> None:
    assert present.ago(NOW - gone, NOW) == text


def test_another_language_has_its_own_separators_days_and_words() -> None:
    assert spanish.energy(1234567, 0, Unit.WATT_HOUR) == "1.234,567 kWh"
    assert spanish.money(Decimal("-1234.50"), "EUR") == "\N{MINUS SIGN}1.234,50 EUR"
    assert spanish.price(Decimal("0.2659")) == "0,2659"
    assert spanish.fraction(Fraction(5, 4)) == "1,25"
    assert spanish.day(date(2026, 10, 1)) == "jue 1 oct 2026"
    assert spanish.month_name(date(2026, 10, 1)) == "octubre de 2026"
    assert spanish.ago(NOW - timedelta(hours=9), NOW) == "hace 9 h"
    assert spanish.local_stamp(NOW, ZONE) == "3 nov 10:00 +01:00"
    assert spanish.word("NOT_DUE") == "aún no toca"
    assert spanish.word("active energy import") == "energía activa importada"


def test_a_number_of_things_has_its_form() -> None:
    texts = ("%(count)s day", "%(count)s days")
    spelled = [[language_of(code).ngettext(*texts, n) for n in (0, 1, 2)] for code in ("en", "es")]
    assert spelled == [
        ["%(count)s days", "%(count)s day", "%(count)s days"],
        ["%(count)s días", "%(count)s día", "%(count)s días"],
    ]


@pytest.mark.parametrize(
    ("cookie", "header", "code"),
    [
        ("", "", "en"),
        ("", "es-PE,es;q=0.9,en;q=0.8", "es"),
        ("", "en;q=0.4, fr, es;q=0.5", "es"),
        ("", "fr-FR,de;q=0.9", "en"),
        ("", "es;q=0, en", "en"),
        ("", "es;q=nan, ;;;,\u00e9;q=\u0661", "en"),
        ("en", "es", "en"),
        ("es", "", "es"),
        ("xx", "es", "es"),
    ],
)
def test_a_choice_wins_over_what_the_browser_asks_for(cookie: str, header: str, code: str) -> None:
    headers = [(b"cookie", f"{COOKIE}={cookie}".encode()), (b"accept-language", header.encode())]
    request = Request({"type": "http", "method": "GET", "headers": headers})
    assert chosen_language(request).code == code


def test_a_fraction_is_a_decimal_where_that_is_exact() -> None:
    assert spell_fraction(Fraction(189289, 1000)) == "189.289"
    assert spell_fraction(Fraction(-5, 4)) == "-1.25"
    assert spell_fraction(Fraction(7)) == "7"
    assert spell_fraction(Fraction(1, 3)) == "1/3"


def autumn_block() -> DayBlock:
    day = date(2026, 10, 25)
    values = np.full(100, 40, dtype=np.int64)
    quality = np.zeros(100, np.uint8)
    values[99], quality[99] = NULL, IntervalQuality.MISSING
    quality[5] = IntervalQuality.ESTIMATED_LINEAR
    start = local_day(day, ZONE).start
    return DayBlock(7, day, ZONE, start, 900, 0, Unit.WATT_HOUR, values, quality)


def test_the_second_autumn_hour_carries_its_offset() -> None:
    slots = list(block_slots(autumn_block(), ENGLISH))
    assert len(slots) == 100
    assert [slot.time for slot in slots[8:13]] == [
        "02:00",
        "02:15",
        "02:30",
        "02:45",
        "02:00 +01:00",
    ]
    assert slots[12].kind == "actual turn"
    assert (slots[5].kind, slots[5].word) == ("estimated", "estimated, linear")
    assert (slots[99].value, slots[99].word) == (DASH, "no value")


def test_a_drawing_has_a_bar_per_day_and_says_what_it_shows() -> None:
    channel = PointChannelView("7", "p", "Home", ZONE, ACTIVE_IMPORT, 900, Unit.WATT_HOUR, None)
    drawing = draw_month(assemble_month(channel, date(2026, 10, 1), (autumn_block(),)), present)
    root = ET.fromstring(drawing.svg)  # noqa: S314 - our own
    texts = [node.text for node in root.iter() if node.tag.endswith("text")]
    rects = {
        (node.get("class"), node[0].text): node for node in root.iter() if node.tag.endswith("rect")
    }
    drawn = "Sun 25 Oct 2026: 3.960 kWh, 1 interval estimated, 1 missing"
    assert [kind for kind, text in rects if text == drawn] == ["gap", "estimated"]
    # 3.96 of a scale of 4, in tenths of a pixel; a gap has the height of the scale.
    bar, gap = rects["estimated", drawn], rects["gap", drawn]
    assert bar.get("height") == "140.5"
    assert gap.get("height") == "142"
    assert ("gap", "Thu 1 Oct 2026: not validated yet") in rects
    assert len(rects) == 32
    assert "4" in texts
    assert "kWh per day" in texts
    assert drawing.caption.endswith("per day in kWh, October 2026")
    assert root.get("aria-label") == drawing.caption

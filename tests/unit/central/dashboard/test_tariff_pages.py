"""What pages say of a tariff: every document of the reference and of the library can be said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.dashboard.language import language_of
from central.dashboard.present import DASH, Presenter
from central.dashboard.tariff_terms import Term, terms_of
from central.dashboard.tariff_week import draw_weeks
from central.domain.tariff.load.document import load_tariff
from tests.support.data import REPOSITORY

TARIFFS = REPOSITORY / "docs" / "reference" / "tariffs"
LIBRARY = REPOSITORY / "central" / "tariffs"
ENGLISH, SPANISH = (Presenter(language_of(code)) for code in ("en", "es"))


def documents() -> Iterator[Path]:
    for folder in (TARIFFS, LIBRARY):
        yield from (path for path in sorted(folder.glob("*.yaml")) if ".bill." not in path.name)


def terms(name: str, presenter: Presenter = ENGLISH) -> dict[str, Term]:
    document = load_tariff(TARIFFS / f"{name}.yaml")
    return {term.id: term for kind in terms_of(document, presenter) for term in kind.terms}


@pytest.mark.parametrize("path", [*documents()], ids=lambda path: path.stem)
def test_every_part_of_every_document_is_said(path: Path) -> None:
    document = load_tariff(path)
    kinds = terms_of(document, SPANISH)
    named = {term.id for kind in kinds for term in kind.terms}
    parts = (*document.charges, *document.riders, *document.minimums, *document.taxes)
    assert {part.id for part in parts} <= named
    assert [term.id for kind in kinds for term in kind.terms if "%(" in term.what] == []
    for week in draw_weeks(document, SPANISH):
        assert week.svg.startswith("<svg ")
        assert week.rows


def test_a_charge_says_what_it_is_taken_on_and_its_prices() -> None:
    said = terms("residential-tou")
    assert said["customer"].what == "fixed amount, per month"
    assert said["customer"].prices == (("", "6.90 EUR"),)
    assert said["energy"].what == "energy taken by period (kwh)"
    assert said["energy"].prices[0] == ("summer, peak", "0.2847 EUR/kWh")
    assert said["vat"].what == "21 percent of all lines, duty"


def test_steps_say_their_bounds_and_powers_their_window() -> None:
    said = terms("commercial-tou-demand", SPANISH)
    assert said["blocks"].prices == (
        ("hasta 300 kWh", "0,01 EUR/kWh"),
        ("por encima", "0,02 EUR/kWh"),
    )
    assert said["demand"].what == "potencia máxima (30 min) por periodo (kw)"
    assert said["demand"].prices == (("peak", "9,00 EUR/kW"), ("off", "3,00 EUR/kW"))


def test_a_week_says_in_words_and_in_each_field_what_its_shades_say() -> None:
    winter, summer = draw_weeks(load_tariff(TARIFFS / "residential-tou.yaml"), ENGLISH)
    assert (winter.title, winter.dates.replace(DASH, "-")) == (
        "winter",
        "1 Jan - 31 May, 1 Oct - 31 Dec",
    )
    rows = [
        (row.days.replace(DASH, "-"), row.period, row.hours.replace(DASH, "-"), row.price)
        for row in summer.rows
    ]
    assert rows == [
        ("Mon - Fri", "night", "00:00 - 08:00", "0.1435"),
        ("Mon - Fri", "shoulder", "08:00 - 10:00, 14:00 - 18:00, 22:00 - 24:00", "0.2277"),
        ("Mon - Fri", "peak", "10:00 - 14:00, 18:00 - 22:00", "0.3161"),
        ("Sat - Sun", "night", "00:00 - 24:00", "0.1435"),
        ("Holiday", "night", "00:00 - 24:00", "0.1435"),
    ]
    fields = re.findall(r'class="w(\d)".*?\n?<text class="label"[^>]*>([^<]+)<', summer.svg)
    shades = {name: {level for level, other in fields if other == name} for _, name in fields}
    assert shades == {"night": {"1"}, "shoulder": {"3"}, "peak": {"5"}}

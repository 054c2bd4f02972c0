"""A text's parameters are given values, and all else of the text stays."""

from __future__ import annotations

from datetime import date

import pytest

from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.service.rating.set_parameters import UnknownParameterError, with_values
from central.service.rating.tariff_library import library_tariff, started_from
from firmware_bridge.contract.errors import InvalidValueError

FIRST = date(2026, 1, 1)
TEXT = """\
# A template.
tariff: t
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
parameters:
  margin: {kind: EUR, max: 5}  # each variant's own
  label:
    kind: text
    choices: [a, b]
    values:
      - {from: 2026-01-01, value: a}
  green: {kind: bool, values: [{from: 2026-01-01, value: "true"}]}
# What is charged.
charges: [{id: fee, rate: margin, per: day, only: green}]
"""


def values(text: str) -> dict[str, list[tuple[str, str]]]:
    return {
        each.name: [(dated.since.isoformat(), str(dated.value)) for dated in each.values]
        for each in load_tariff(text).parameters
    }


def test_values_are_set_with_their_dates_and_comments_stay() -> None:
    given = [("margin", "2"), ("label", "b"), ("margin", "3@2026-07-01"), ("green", "false")]
    text = with_values(TEXT, given, FIRST)
    assert values(text) == {
        "margin": [("2026-01-01", "2"), ("2026-07-01", "3")],
        "label": [("2026-01-01", "b")],
        "green": [("2026-01-01", "False")],
    }
    for comment in ("# A template.\n", "  # each variant's own\n", "\n# What is charged.\n"):
        assert comment in text


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], Code.PARAMETER_NOT_SET),
        ([("margin", "6")], Code.OUT_OF_RANGE),
        ([("margin", "dear")], Code.NOT_A_NUMBER),
        ([("margin", "1"), ("label", "c")], Code.OUT_OF_RANGE),
        ([("margin", "1"), ("green", "yes")], Code.NOT_A_CHOICE),
    ],
)
def test_what_a_parameter_cannot_be_is_refused(given: list[tuple[str, str]], code: Code) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(with_values(TEXT, given, FIRST))
    assert [finding.code for finding in caught.value.findings] == [code]


def test_an_unknown_parameter_and_a_day_that_is_none_are_refused() -> None:
    with pytest.raises(UnknownParameterError, match="no parameter 'margn'"):
        with_values(TEXT, [("margn", "1")], FIRST)
    with pytest.raises(InvalidValueError, match="not a day"):
        with_values(TEXT, [("margin", "1@soon")], FIRST)


def test_a_variant_of_the_library_differs_in_its_parameters_alone() -> None:
    settings = [("grid_price", "0.11"), ("grid_price", "0.12@2026-01-01")]
    variant = load_tariff(started_from("de-dynamic", None, None, settings))
    original = library_tariff("de-dynamic")
    (changed,) = set(variant.parameters) - set(original.parameters)
    assert [str(dated.value) for dated in changed.values] == ["0.11", "0.12"]
    assert variant.charges == original.charges

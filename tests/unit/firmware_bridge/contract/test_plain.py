"""Numbers and texts that mean to every reader what they mean to one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from central.domain.metering.errors import MultiplierError
from central.domain.metering.installation import Multiplier
from central.domain.rating.inputs.agreement_facts import spelled
from firmware_bridge.contract.plain_number import plain_decimal
from firmware_bridge.contract.plain_text import flaw, plain

ODD_NUMBERS = [
    "1_000",
    "\uff11\uff12",
    "\u0661\u0662",
    "NaN",
    "Infinity",
    "-inf",
    "",
    ".",
    "+",
    "1,5",
    "1.2.3",
    "0x10",
    "1 000",
    "1\n",
    "1e9999999999",
    "--1",
]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        ("-0.50", "-0.50"),
        ("+3", "3"),
        (" 7\t", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e-3", "0.001"),
    ],
)
def test_a_plain_number_is_read_exactly(text: str, number: str) -> None:
    assert plain_decimal(text) == Decimal(number)


@pytest.mark.parametrize("text", ODD_NUMBERS)
def test_what_only_python_reads_is_no_number(text: str) -> None:
    assert plain_decimal(text) is None
    assert spelled(text) == text
    if " " not in text:  # blanks are left out of what a nameplate says
        with pytest.raises(MultiplierError):
            Multiplier.parse(text)


@pytest.mark.parametrize("text", ["0", "0/5", "1/0", "1/3", "1/999999999", "400/\uff15", "1_0/2"])
def test_a_multiplier_that_no_usage_can_be_exact_with_is_named(text: str) -> None:
    with pytest.raises(MultiplierError):
        Multiplier.parse(text)


@pytest.mark.parametrize("sign", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_a_text_that_turns_round_what_is_shown_is_named(sign: str) -> None:
    text = f"Ana {sign}42.00"
    assert flaw(text) == f"the control of direction U+{ord(sign):04X}"
    assert flaw(text, lines=True) is not None
    assert sign not in plain(text, 100)


ARABIC, HEBREW = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u05e9\u05dc\u05d5\u05dd\u200f"


@pytest.mark.parametrize("text", ["Jos\u00e9 \u00d1\u00fa\u00f1ez", HEBREW, ARABIC])
def test_a_name_of_any_script_is_plain(text: str) -> None:
    assert flaw(text) is None

"""Units as devices spell them; a thousandth is never a million."""

from __future__ import annotations

from decimal import Decimal

import pytest

from firmware_bridge.driver.telegram import normalise, plain


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("kWh", "1000 Wh"), ("KWH", "1000 Wh"), ("MWh", "1000000 Wh"), ("mwh", "1000000 Wh"),
        ("mWh", "0.001 Wh"), ("mW", "0.001 W"), ("MW", "1000000 W"), ("mA", "0.001 A"),
        ("mV", "0.001 V"), ("kVArh", "1000 varh"), ("Mvarh", "1000000 varh"), ("m^3", "1000 L"),
        ("m³", "1000 L"), ("dm3", "1 L"), ("mL", "0.001 L"), ("cm³", "0.001 L"),
        ("GJ", "1000000000 J"),
        ("furlong", "1 furlong"),
    ],
)  # fmt: skip
def test_a_unit_is_read_as_it_is_meant(unit: str, expected: str) -> None:
    value, base = normalise(Decimal(1), unit)
    assert f"{plain(value)} {base}" == expected

"""What is forecast has the decimals of its currency."""

from __future__ import annotations

from decimal import Decimal

import pytest

from central.service.operator.account_usage import to_cents


@pytest.mark.parametrize(
    ("currency", "text"),
    [("EUR", "1234.57"), ("JPY", "1235"), ("KWD", "1234.568"), ("XAU", "1234.57"), ("", "1234.57")],
)
def test_an_amount_has_the_decimals_of_its_currency(currency: str, text: str) -> None:
    assert str(to_cents(Decimal("1234.5678"), currency)) == text

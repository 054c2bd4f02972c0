from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.metering.errors import InstallationError, MultiplierError
from central.domain.metering.installation import Installation, Multiplier, RegisterFacts
from firmware_bridge.contract.obis import ACTIVE_IMPORT

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "factor", "exponent"),
    [("1", 1, 0), ("400/5", 80, 0), ("400/5 x 11000/110", 8000, 0), ("0.25", 25, -2)],
)
def test_a_multiplier_is_exact(text: str, factor: int, exponent: int) -> None:
    multiplier = Multiplier.parse(text)
    assert (multiplier.factor, multiplier.exponent) == (factor, exponent)
    assert multiplier.ratio == factor * Fraction(10) ** exponent


@pytest.mark.parametrize("text", ["0", "-2", "1/3", "many", "5/0"])
def test_a_multiplier_that_cannot_be_exact_is_refused(text: str) -> None:
    with pytest.raises(MultiplierError):
        Multiplier.parse(text)


def test_an_installation_ends_after_it_starts() -> None:
    with pytest.raises(InstallationError):
        Installation("ABC 1", NOON, NOON)
    with pytest.raises(InstallationError):
        Installation("ABC 1", NOON, registers={ACTIVE_IMPORT: RegisterFacts(closing=Decimal(1))})

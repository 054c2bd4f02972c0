from __future__ import annotations

import pytest

from central.service.rating.bill_case import BillCaseError, read_case
from tests.support.data import REPOSITORY

TARIFF = (REPOSITORY / "docs/reference/tariffs/commitment.yaml").read_text()


@pytest.mark.parametrize("entry", ["[contract, '47.35', 2026-06-01]", "[contract]", "[]", "47.35"])
def test_an_opening_state_that_says_too_little_is_refused_by_name(entry: str) -> None:
    text = f"tariff: commitment.yaml\ncycle: 2026-07\nopening: {{sums: [{entry}]}}\n"
    with pytest.raises(BillCaseError, match="opening that cannot be read"):
        read_case(text, "some.bill.yaml", lambda _: TARIFF)

"""Every broken document keeps the codes and lines that it was first refused with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from tests.unit.central.domain.tariff.load import (
    test_bad_credits_and_events,
    test_bad_demand,
    test_bad_tariffs,
)

_MODULES = (test_bad_tariffs, test_bad_credits_and_events, test_bad_demand)
BROKEN = {name: text for module in _MODULES for name, _, text in module.BAD}
RECORDED = json.loads(Path(__file__).with_name("refusals.json").read_text())


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_keeps_its_codes_and_lines(name: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(BROKEN[name])
    refused = Counter(f"{finding.line} {finding.code}" for finding in caught.value.findings)
    missing = Counter(RECORDED[name]) - refused
    assert not missing, f"{name}: refused at {dict(refused)}, without {dict(missing)}"


def test_every_recorded_refusal_has_its_document() -> None:
    assert set(RECORDED) == set(BROKEN)

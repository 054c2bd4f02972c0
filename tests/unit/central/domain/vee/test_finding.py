"""Every code is explained where an operator looks it up, and every rule keeps to its thresholds."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from fractions import Fraction
from types import ModuleType

import pytest

from central.domain.vee.catalogue import KINDS, NOT_ACCEPTED
from central.domain.vee.finding import Severity
from central.domain.vee.rule import ThresholdKind, ThresholdValue
from central.domain.vee.rules import RULES
from central.domain.vee.threshold_text import threshold_text, threshold_value
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.data import REPOSITORY


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    path = REPOSITORY / "tools" / "vee_reference.py"
    spec = importlib.util.spec_from_file_location("vee_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_reference_are_current(reference: ModuleType) -> None:
    page = reference.PAGE.read_text()
    assert page == reference.current(page), "run tools/vee_reference.py"
    assert all(f"| {kind.code} |" in page for kind in KINDS)


def test_a_code_is_one_kind_with_a_text_in_both_languages() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert all(kind.text.en and kind.text.es for kind in KINDS)


def test_a_name_of_a_threshold_is_one_threshold() -> None:
    by_name = {one.name: one for rule in RULES for one in rule.thresholds}
    assert all(by_name[one.name] is one for rule in RULES for one in rule.thresholds)


def test_what_nobody_may_accept_is_critical() -> None:
    assert {kind.severity for kind in KINDS if kind.code in NOT_ACCEPTED} == {Severity.CRITICAL}
    assert {"MISSING_INTERVALS", "CONFLICTING_READINGS"} == NOT_ACCEPTED


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ThresholdKind.COUNT, "3", 3),
        (ThresholdKind.RATIO, "1.8", Fraction(9, 5)),
        (ThresholdKind.QUANTITY, "25000", Fraction(25_000)),
        (ThresholdKind.DURATION, "24h", timedelta(hours=24)),
        (ThresholdKind.DURATION, "15min", timedelta(minutes=15)),
        (ThresholdKind.DURATION, "30s", timedelta(seconds=30)),
    ],
)
def test_a_value_is_read_as_it_is_written(
    kind: ThresholdKind, text: str, value: ThresholdValue
) -> None:
    assert threshold_value(kind, text) == value
    assert threshold_text(value) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ThresholdKind.COUNT, "1.5"),
        (ThresholdKind.RATIO, "-1"),
        (ThresholdKind.RATIO, "1e3"),
        (ThresholdKind.DURATION, "3"),
        (ThresholdKind.QUANTITY, "nan"),
    ],
)
def test_another_text_is_refused_by_name(kind: ThresholdKind, text: str) -> None:
    with pytest.raises(InvalidValueError, match=f"is not a {kind.value}"):
        threshold_value(kind, text)

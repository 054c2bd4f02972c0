"""A change of the registry concerns the days that it is about, and no others."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from central.domain.billing.changed_record import ALWAYS, ConcernedDays, concerned_days

AGREED: dict[str, Any] = {
    "account": "A-1",
    "service": "electricity",
    "tariff": "FLAT",
    "first": "2026-03-01",
    "end": None,
    "billing_from": None,
    "facts": [{"name": "contracted", "value": "5", "kind": "number", "effective": "0001-01-01"}],
}
INSTALLED: dict[str, Any] = {
    "point": "SP-1",
    "start": "2026-03-01T09:00:00+00:00",
    "end": None,
    "multiplier": "1",
    "registers": {"1-0:1.8.0*255": {"modulus": "100000", "opening": "7", "closing": None}},
}


def fact(value: str, effective: str) -> dict[str, Any]:
    return {"name": "contracted", "value": value, "kind": "number", "effective": effective}


def closed(closing: str) -> dict[str, Any]:
    registers = {"1-0:1.8.0*255": {"modulus": "100000", "opening": "7", "closing": closing}}
    return {**INSTALLED, "end": "2026-06-10T23:30:00+00:00", "registers": registers}


@pytest.mark.parametrize(
    ("before", "after", "days"),
    [
        (None, AGREED, ConcernedDays(date(2026, 3, 1))),
        (AGREED, {**AGREED, "end": "2026-09-01"}, ConcernedDays(date(2026, 9, 1))),
        (
            {**AGREED, "end": "2026-07-01"},
            {**AGREED, "end": "2026-09-01"},
            ConcernedDays(date(2026, 7, 1), date(2026, 9, 1)),
        ),
        (
            AGREED,
            {**AGREED, "facts": [*AGREED["facts"], fact("6", "2026-08-05")]},
            ConcernedDays(date(2026, 8, 5)),
        ),
        # What has always held is another: from its first day on.
        (AGREED, {**AGREED, "facts": [fact("6", "0001-01-01")]}, ConcernedDays(date(2026, 3, 1))),
        (AGREED, {**AGREED, "withdrawn": True}, ConcernedDays(date(2026, 3, 1))),
        (AGREED, {**AGREED, "billing_from": "2026-02-01"}, ConcernedDays(date(2026, 2, 1))),
        (AGREED, AGREED, None),
    ],
)
def test_days_of_agreements(
    before: dict[str, Any] | None, after: dict[str, Any], days: ConcernedDays | None
) -> None:
    assert concerned_days("agreement", before, after) == days


@pytest.mark.parametrize(
    ("before", "after", "days"),
    [
        # A day more on both sides, whatever the zone is.
        (None, INSTALLED, ConcernedDays(date(2026, 2, 28))),
        (INSTALLED, closed("90"), ConcernedDays(date(2026, 6, 9))),
        (closed("90"), closed("91"), ConcernedDays(date(2026, 6, 9), date(2026, 6, 11))),
        (
            closed("90"),
            {**closed("90"), "multiplier": "40"},
            ConcernedDays(date(2026, 2, 28), date(2026, 6, 11)),
        ),
        (
            closed("90"),
            {**closed("90"), "registers": {}},
            ConcernedDays(date(2026, 2, 28), date(2026, 6, 11)),
        ),
    ],
)
def test_days_of_meters(
    before: dict[str, Any] | None, after: dict[str, Any], days: ConcernedDays
) -> None:
    assert concerned_days("installation", before, after) == days


def test_days_of_points_and_accounts() -> None:
    point = {"zone": "UTC", "capacity": None, "channels": ["1-0:1.8.0*255 3600 s Wh"]}
    assert concerned_days("account", None, {"erased": True}) is None
    assert concerned_days("service_point", point, {**point, "capacity": "9"}) is None
    assert concerned_days("service_point", point, {**point, "channels": []}) == ALWAYS
    assert concerned_days("service", {"gas": []}, {"gas": [], "water": []}) == ALWAYS


def test_days_overlap_where_one_is_among_the_others() -> None:
    days = ConcernedDays(date(2026, 3, 1), date(2026, 3, 5))
    assert days.overlap(date(2026, 3, 5), date(2026, 4, 1))
    assert days.overlap(date(2026, 2, 1), date(2026, 3, 1))
    assert not days.overlap(date(2026, 3, 6), date(2026, 4, 1))
    assert not days.overlap(date(2026, 2, 1), date(2026, 2, 28))

"""Alive means that readings were committed of late and the broker is there."""

from __future__ import annotations

import pytest

from edge_agent.remote.health_gate import HealthGate, Vitals

PROBATION_S = 600.0


def vitals(now: float, mark: int = 1, *, connected: bool = True, period_s: int = 900) -> Vitals:
    return Vitals(now, {"main": mark} if period_s else {}, period_s, connected)


def verdict(*looks: Vitals) -> bool | None:
    gate = HealthGate(vitals(0.0, period_s=looks[0].period_s), PROBATION_S)
    last: bool | None = None
    for look in looks:
        last = gate.check(look)
    return last


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([vitals(599, 2)], None),
        ([vitals(10, 2), vitals(600, 2)], True),
        ([vitals(600, 2)], True),
        ([vitals(600)], None),
        ([vitals(600), vitals(1100, 2)], True),
        ([vitals(600), vitals(1200)], False),
        ([vitals(600, 2, connected=False)], None),
        ([vitals(600, 2, connected=False), vitals(900, 2)], True),
        ([vitals(600, 2, connected=False), vitals(1200, 2, connected=False)], False),
        ([vitals(600, period_s=0)], True),
        ([vitals(600, period_s=0, connected=False)], None),
    ],
)
def test_verdicts(looks: list[Vitals], expected: bool | None) -> None:  # noqa: FBT001 - a value
    assert verdict(*looks) is expected


def test_a_commit_long_ago_is_no_life() -> None:
    assert verdict(vitals(1, 2, period_s=1), vitals(600, 2, period_s=1)) is None
    assert verdict(vitals(1, 2, period_s=1), vitals(1200, 2, period_s=1)) is False

"""What a check of the installation says of what it was told, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from central.service.checkup import (
    Checked,
    Verdict,
    judge_centre,
    judge_certificate,
    judge_database,
    judge_entered,
)
from central.service.ports.installation import InstallationFacts
from central.service.ports.watch import CentreState

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
NOTHING = timedelta(0)
FACTS = InstallationFacts(180_004, "2.29.2", False, 0, 3, True, True, True)
STATE = CentreState(
    seen_at=NOW,
    gateways=3,
    gateways_silent=0,
    channels_unclosed=0,
    unclosed_for=NOTHING,
    unclosed_counted_at=NOW - timedelta(minutes=1),
    changes_waiting=0,
    exceptions={},
    drafts={},
    runs_open=1,
    shards_open=2,
    runs_idle_for=timedelta(minutes=1),
    documents_waiting=0,
    documents_failed=0,
    unsealed=0,
    unsealed_for=NOTHING,
    jobs_waiting=0,
    jobs_doing=0,
    jobs_given_up=0,
    backup_at=NOW - timedelta(hours=12),
    certificates_ending=0,
    certificates_ended=0,
)


def troubled(found: list[Checked]) -> list[tuple[str, Verdict]]:
    """What is not right; everything of it says what to do."""
    trouble = [checked for checked in found if checked.verdict is not Verdict.OK]
    assert all(checked.remedy for checked in trouble)
    assert not [checked for checked in found if checked not in trouble and checked.remedy]
    return [(checked.step, checked.verdict) for checked in trouble]


def test_what_is_right_needs_nothing() -> None:
    found = [*judge_database(FACTS), *judge_entered(FACTS), *judge_centre(STATE)]
    assert troubled(found) == []


@pytest.mark.parametrize(
    ("changed", "step", "verdict"),
    [
        ({"server": 140_010}, "server", Verdict.FAIL),
        ({"owned": 2}, "roles", Verdict.FAIL),
        ({"is_superuser": True}, "roles", Verdict.WARN),
        ({"gateways": 0}, "gateways", Verdict.WARN),
        ({"has_tariff": False}, "tariffs", Verdict.WARN),
        ({"has_agreement": False}, "customers", Verdict.WARN),
        ({"has_seller": False}, "seller", Verdict.WARN),
    ],
)
def test_what_is_wrong_with_the_database_is_named(
    changed: dict[str, int | bool], step: str, verdict: Verdict
) -> None:
    facts = replace(FACTS, **changed)  # type: ignore[arg-type]
    assert troubled([*judge_database(facts), *judge_entered(facts)]) == [(step, verdict)]


@pytest.mark.parametrize(
    ("changed", "step", "verdict"),
    [
        ({"unclosed_counted_at": None}, "worker", Verdict.FAIL),
        ({"unclosed_counted_at": NOW - timedelta(minutes=6)}, "worker", Verdict.FAIL),
        ({"jobs_given_up": 1}, "jobs", Verdict.FAIL),
        ({"unsealed": 1, "unsealed_for": timedelta(minutes=6)}, "audit log", Verdict.FAIL),
        ({"runs_idle_for": timedelta(hours=2)}, "bill runs", Verdict.WARN),
        ({"documents_failed": 1}, "invoices", Verdict.WARN),
        ({"backup_at": None}, "backups", Verdict.WARN),
        ({"certificates_ending": 2}, "gateways' certificates", Verdict.WARN),
        ({"certificates_ended": 1}, "gateways' certificates", Verdict.FAIL),
        ({"backup_at": NOW - timedelta(hours=27)}, "backups", Verdict.WARN),
    ],
)
def test_what_is_wrong_with_the_centre_is_named(
    changed: dict[str, object], step: str, verdict: Verdict
) -> None:
    state = replace(STATE, **changed)  # type: ignore[arg-type]
    assert troubled([*judge_centre(state)]) == [(step, verdict)]


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        (timedelta(days=31), Verdict.OK),
        (timedelta(days=29), Verdict.WARN),
        (timedelta(seconds=1), Verdict.WARN),
        (NOTHING, Verdict.FAIL),
    ],
)
def test_a_certificate_is_judged_by_what_is_left(left: timedelta, verdict: Verdict) -> None:
    assert judge_certificate("own certificate", NOW + left, NOW).verdict is verdict

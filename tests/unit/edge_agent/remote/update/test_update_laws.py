"""An update is never played back, and every way that it can go wrong ends where one can go on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.remote.errors import UpdateComponentError, UpdateStaleError, UpdateStepError
from edge_agent.remote.update.state_codec import pack_rollouts, unpack_rollouts
from edge_agent.remote.update.state_machine import (
    LAWS,
    Announced,
    AnnouncedArtefact,
    Event,
    Failed,
    Fetched,
    HandedOver,
    Installed,
    Passed,
    Refused,
    Rollout,
    Started,
    Stopped,
    UpdateOutcome,
    UpdatePhase,
    judge,
    step,
)
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import Update
from firmware_bridge.contract.reports import UpdateState

LIMIT = 3
OLD, NEW = Release.parse("1.0"), Release.parse("2.0")


def artefact(version: Release) -> AnnouncedArtefact:
    return AnnouncedArtefact(version, bytes(31) + b"\1", 10, f"signed {version}".encode())


def update(version: str, minimum: str | None = None, component: str = "agent") -> Update:
    least = None if minimum is None else Release.parse(minimum)
    at = datetime(2026, 11, 23, tzinfo=UTC)
    url = "https://updates.example/a"
    return Update("gw-1", component, Release.parse(version), least, bytes(32), 10, url, at)


EVENTS: list[Event] = [
    Fetched(),
    Refused("X", "Because."),
    HandedOver(),
    Installed(),
    Failed("X", "Because.", LIMIT),
    Started(OLD, LIMIT),
    Started(NEW, LIMIT),
    Stopped(),
    Passed(),
    Announced(artefact(NEW)),
]


@given(st.sampled_from(["agent", "inverter"]), st.lists(st.sampled_from(EVENTS), max_size=60))
def test_whatever_happens_the_record_makes_sense(component: str, events: list[Event]) -> None:
    rollout = Rollout(component)
    for event in events:
        after = step(rollout, event)
        assert (after.phase is UpdatePhase.IDLE) == (after.target is None)
        assert after.starts <= LIMIT
        if rollout.floor is not None:
            assert after.floor is not None
            assert after.floor >= rollout.floor
        if after.current != rollout.current:
            assert isinstance(event, Passed)
        if after.phase not in {UpdatePhase.IDLE, UpdatePhase.FETCHING} and after.target is not None:
            assert after.floor is not None
            assert after.floor >= after.target.version
        assert unpack_rollouts(dict(pack_rollouts([after]))) == {component: after}
        rollout = after


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_no_phase_is_a_dead_end(events: list[Event]) -> None:
    """Nothing but starts of the old version, from anywhere, ends in the old version at rest."""
    rollout = Rollout("agent")
    for event in events:
        rollout = step(rollout, event)
    if rollout.phase is UpdatePhase.FETCHING:
        rollout = step(rollout, Refused("X", "Because."))
    for _ in range(3 * LIMIT):
        rollout = step(rollout, Started(OLD, LIMIT))
        rollout = step(rollout, Failed("X", "Because.", LIMIT))
    assert rollout.phase is UpdatePhase.IDLE


def test_every_phase_has_its_laws() -> None:
    assert {phase for phase, _ in LAWS} == set(UpdatePhase)


def test_the_agents_own_update_from_announcement_to_proof() -> None:
    rollout = Rollout("agent")
    road: list[tuple[Event, UpdatePhase]] = [
        (Announced(artefact(NEW)), UpdatePhase.FETCHING),
        (Started(OLD, LIMIT), UpdatePhase.FETCHING),
        (Fetched(), UpdatePhase.INSTALLING),
        (HandedOver(), UpdatePhase.HANDED_OVER),
        (Started(NEW, LIMIT), UpdatePhase.PROBATION),
        (Passed(), UpdatePhase.IDLE),
    ]
    for event, phase in road:
        rollout = step(rollout, event)
        assert rollout.phase is phase
    assert rollout.current == artefact(NEW)
    assert rollout.outcome is not None
    assert rollout.outcome.state is UpdateState.INSTALLED


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([Failed("UPDATE_UNHEALTHY", ""), Started(OLD, LIMIT)], "UPDATE_UNHEALTHY"),
        ([Started(NEW, LIMIT)] * LIMIT + [Started(OLD, LIMIT)], "UPDATE_DIED"),
        ([Started(OLD, LIMIT)], "UPDATE_REVERTED"),
        ([Failed("X", "")] + [Started(NEW, LIMIT)] * (LIMIT + 1), "UPDATE_ROLLBACK"),
    ],
)
def test_ways_back_from_probation(events: list[Event], code: str) -> None:
    begun: list[Event] = [Announced(artefact(NEW)), Fetched(), HandedOver(), Started(NEW, LIMIT)]
    rollout = Rollout("agent", current=artefact(OLD))
    for event in begun + events:
        rollout = step(rollout, event)
    assert (rollout.phase, rollout.current) == (UpdatePhase.IDLE, artefact(OLD))
    assert rollout.outcome is not None
    assert (rollout.outcome.state, rollout.outcome.code) == (UpdateState.ROLLED_BACK, code)
    # It was handed over once; another message cannot bring it again.
    with pytest.raises(UpdateStaleError):
        judge(rollout, update("2.0"), b"signed anew", OLD)
    assert not judge(rollout, update("2.0"), b"signed 2", OLD)
    assert judge(rollout, update("2.0.1"), b"a mended one", OLD)


def test_what_was_refused_before_it_was_handed_over_may_be_signed_anew() -> None:
    rollout = step(step(Rollout("agent"), Announced(artefact(NEW))), Refused("X", "Because."))
    assert rollout.outcome == UpdateOutcome(
        NEW,
        UpdateState.REFUSED,
        rollout.outcome.message if rollout.outcome else b"",
        "X",
        "Because.",
    )
    assert not judge(rollout, update("2.0"), b"signed 2", OLD)
    assert judge(rollout, update("2.0"), b"signed anew", OLD)


@pytest.mark.parametrize(
    ("version", "minimum", "running", "error"),
    [
        ("1.0", None, "1.0", UpdateStaleError),
        ("0.9", None, "1.0", UpdateStaleError),
        ("3.0", "2.0", "1.0", UpdateStepError),
        ("3.0", None, None, UpdateComponentError),
    ],
)
def test_what_may_not_come_does_not(
    version: str, minimum: str | None, running: str | None, error: type[Exception]
) -> None:
    runs = None if running is None else Release.parse(running)
    with pytest.raises(error):
        judge(Rollout("agent"), update(version, minimum), b"", runs)


def test_firmware_counts_from_what_was_installed_through_us() -> None:
    rollout = Rollout("inverter")
    with pytest.raises(UpdateStepError):
        judge(rollout, update("2.0", "1.0", "inverter"), b"", NEW)
    for event in (Announced(artefact(OLD)), Fetched(), Installed(), Passed()):
        rollout = step(rollout, event)
    assert judge(rollout, update("2.0", "1.0", "inverter"), b"", NEW)

from __future__ import annotations

from random import Random
from uuid import UUID

import pytest

from edge_agent.buffer.records import EpochView
from edge_agent.errors import SessionProtocolError
from edge_agent.uplink.events import (
    Acknowledged,
    Action,
    CentreStarted,
    Connected,
    Disconnected,
    Elapsed,
    Event,
    Fold,
    ReleaseBatches,
    Renewed,
    Reopen,
    SendBatch,
    SendHello,
    SessionReport,
    StartEpoch,
    Stored,
)
from edge_agent.uplink.session import Session
from edge_agent.uplink.session_states import IGNORED, SessionState, Trigger
from firmware_bridge.contract.messages import Ack

OLD, NOW = UUID(int=1), UUID(int=2)
HASH = bytes([7]) * 32


def session(last: int, cum: int = 0, first: int = 1) -> Session:
    return Session([EpochView(NOW, first, last, cum)], Random(1))  # noqa: S311 - repeatable


def sent(actions: tuple[Action, ...]) -> list[int]:
    return [action.sequence for action in actions if isinstance(action, SendBatch)]


def ack(cum: int, *, known: bool = True, nonce: bytes | None = None, new: bool = False) -> Event:
    return Acknowledged(Ack(NOW, cum, HASH, nonce=nonce, new_epoch=new), known)


def hello(actions: tuple[Action, ...]) -> bytes:
    (nonce,) = [action.nonce for action in actions if isinstance(action, SendHello)]
    return nonce


def test_connecting_says_hello_and_fills_the_window_without_waiting() -> None:
    actions = session(20).handle(Connected(), 0.0)
    assert isinstance(actions[0], SendHello)
    assert sent(actions) == list(range(1, 9))


def test_nothing_is_sent_while_offline() -> None:
    edge = session(20)
    assert edge.handle(Stored(NOW, 21), 0.0) == ()
    assert edge.handle(Elapsed(), 1e6) == ()
    assert edge.wake_at is None


def test_the_window_is_first_in_first_out_and_widens_while_it_drains() -> None:
    edge = session(1_000)
    edge.handle(Connected(), 0.0)
    assert sent(edge.handle(ack(8), 1.0)) == list(range(9, 25))
    assert edge.window == 16
    edge.handle(ack(24), 2.0)
    edge.handle(ack(56), 3.0)
    assert edge.window == 64
    assert edge.under_way == 64
    edge.handle(ack(1_000), 4.0)
    assert edge.window == 8


def test_silence_resends_everything_above_cum_later_and_later() -> None:
    edge = session(3)
    edge.handle(Connected(), 0.0)
    now, delays = 0.0, []
    for _ in range(40):
        assert edge.wake_at is not None
        delays.append(edge.wake_at - now)
        assert edge.handle(Elapsed(), edge.wake_at - 0.001) == ()
        now = edge.wake_at
        actions = edge.handle(Elapsed(), now)
        assert sent(actions) == [1, 2, 3]
        assert hello(actions)
    assert min(delays) >= 30
    assert delays[0] <= 60
    assert max(delays) <= 300
    assert max(delays[4:]) > 200
    assert min(delays[4:]) < 100


def test_progress_calms_the_resend() -> None:
    edge = session(3)
    edge.handle(Connected(), 0.0)
    edge.handle(ack(2), 29.0)
    assert edge.wake_at is not None
    assert edge.wake_at >= 59.0


def test_another_hash_releases_nothing_and_shows_the_own_batch_once() -> None:
    edge = session(20)
    edge.handle(Connected(), 0.0)
    assert edge.handle(ack(12, known=False), 1.0) == (
        SessionReport("ack_of_other_batch", NOW, 12),
        SendBatch(NOW, 12),
    )
    assert edge.handle(ack(12, known=False), 1.0) == ()
    assert edge.backlog == 20


def test_only_the_echo_of_the_last_hello_lowers_and_only_once() -> None:
    edge = session(20, cum=15)
    nonce = hello(edge.handle(Connected(), 0.0))
    assert edge.handle(ack(10), 1.0) == ()
    assert edge.handle(ack(10, nonce=bytes(16)), 1.0) == ()
    actions = edge.handle(ack(10, nonce=nonce), 1.0)
    assert Reopen(NOW, 10, HASH) in actions
    assert sent(actions) == list(range(11, 19))
    edge.handle(ack(18), 2.0)
    assert not [a for a in edge.handle(ack(10, nonce=nonce), 3.0) if isinstance(a, Reopen)]


def test_the_centre_cannot_go_back_further_than_what_is_kept() -> None:
    edge = session(20, cum=15, first=12)
    nonce = hello(edge.handle(Connected(), 0.0))
    actions = edge.handle(ack(3, known=False, nonce=nonce), 1.0)
    assert Reopen(NOW, 11, bytes(32)) in actions
    assert sent(actions)[0] == 12


def test_a_new_epoch_stops_sending_until_it_is_sealed() -> None:
    edge = session(20)
    edge.handle(Connected(), 0.0)
    assert edge.handle(ack(0, new=True), 1.0)[-1] == StartEpoch(NOW)
    assert edge.state is SessionState.RENEWING
    assert edge.handle(ack(0, new=True), 1.0) == ()
    assert edge.handle(Stored(NOW, 21), 1.0) == ()
    fresh = EpochView(UUID(int=3), 1, 4, 0)
    actions = edge.handle(Renewed((EpochView(NOW, 1, 0, 0), fresh)), 2.0)
    assert [a for a in actions if isinstance(a, SendBatch)] == [
        SendBatch(fresh.epoch, sequence) for sequence in range(1, 5)
    ]


def test_a_connection_lost_while_renewing_is_remembered() -> None:
    edge = session(3)
    edge.handle(Connected(), 0.0)
    edge.handle(ack(0, new=True), 1.0)
    edge.handle(Disconnected(), 1.0)
    assert edge.state.name == "RENEWING_OFFLINE"
    assert edge.handle(Renewed((EpochView(UUID(int=3), 1, 3, 0),)), 2.0) == ()
    assert edge.state.name == "OFFLINE"


def test_a_closed_epoch_goes_first_is_never_renewed_and_folds_when_stuck() -> None:
    views = [EpochView(OLD, 1, 3, 0), EpochView(NOW, 1, 3, 0)]
    edge = Session(views, Random(1))  # noqa: S311 - repeatable
    actions = edge.handle(Connected(), 0.0)
    assert [a.epoch for a in actions if isinstance(a, SendBatch)] == [OLD] * 3 + [NOW] * 3
    late = Acknowledged(Ack(OLD, 3, HASH, new_epoch=True), known=True)
    assert edge.handle(late, 1.0) == (ReleaseBatches(OLD, 3, HASH),)
    edge = Session(views, Random(1))  # noqa: S311 - repeatable
    edge.handle(Connected(), 0.0)
    beyond = Acknowledged(Ack(OLD, 9, HASH), known=False)
    assert edge.handle(beyond, 1.0)[-1] == Fold(OLD)


def test_a_start_of_the_centre_brings_a_hello_and_the_window_again() -> None:
    edge = session(3)
    edge.handle(Connected(), 0.0)
    edge.handle(CentreStarted(), 5.0)
    assert edge.wake_at is not None
    assert edge.wake_at <= 7.0
    actions = edge.handle(Elapsed(), 7.0)
    assert hello(actions)
    assert sent(actions) == [1, 2, 3]


def test_the_hourly_hello_sends_nothing_twice() -> None:
    edge = session(3)
    edge.handle(Connected(), 0.0)
    edge.handle(ack(3), 1.0)
    assert edge.wake_at == 3600.0
    actions = edge.handle(Elapsed(), 3600.0)
    assert len(actions) == 1
    assert hello(actions)


def test_three_repeats_of_cum_send_the_next_batch_once() -> None:
    edge = session(8)
    edge.handle(Connected(), 0.0)
    edge.handle(ack(2), 1.0)
    assert [sent(edge.handle(ack(2), 1.0)) for _ in range(5)] == [[], [], [3], [], []]


# Without a connection no nonce, no hello and no resend are pending; while renewing, no resend.
CANNOT_HAPPEN = {
    (SessionState.OFFLINE, Trigger.LOWER),
    (SessionState.OFFLINE, Trigger.HELLO_DUE),
    (SessionState.OFFLINE, Trigger.RESEND_DUE),
    (SessionState.RENEWING, Trigger.RESEND_DUE),
    (SessionState.RENEWING_OFFLINE, Trigger.LOWER),
    (SessionState.RENEWING_OFFLINE, Trigger.HELLO_DUE),
    (SessionState.RENEWING_OFFLINE, Trigger.RESEND_DUE),
}


def test_every_pair_has_a_transition_or_a_reason_or_cannot_happen() -> None:
    pairs = {(state, trigger) for state in SessionState for trigger in Trigger}
    transitions, ignored = set(Session.TRANSITIONS), set(IGNORED)
    assert transitions | ignored | CANNOT_HAPPEN == pairs
    assert len(transitions) + len(ignored) + len(CANNOT_HAPPEN) == len(pairs)


@pytest.mark.parametrize(("state", "trigger"), sorted(CANNOT_HAPPEN, key=str))
def test_what_cannot_happen_is_a_protocol_error(
    state: SessionState, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = session(3)
    edge.state = state
    monkeypatch.setattr(edge, "_classify", lambda *_: [trigger])
    with pytest.raises(SessionProtocolError, match=trigger.name):
        edge.handle(Elapsed(), 0.0)


@pytest.mark.parametrize(("state", "trigger"), sorted(IGNORED, key=str))
def test_what_is_ignored_changes_nothing(
    state: SessionState, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = session(3)
    edge.state = state
    monkeypatch.setattr(edge, "_classify", lambda *_: [trigger])
    assert edge.handle(ack(0), 0.0) == ()
    assert (edge.state, edge.backlog, edge.under_way) == (state, 3, 0)


def test_a_quarantine_is_reported_though_the_connection_went() -> None:
    edge = session(3)
    edge.handle(Connected(), 0.0)
    edge.handle(Disconnected(), 1.0)
    event = Acknowledged(Ack(NOW, 2, HASH, quarantined=(2,)), known=True)
    assert SessionReport("quarantined", NOW, 2) in edge.handle(event, 2.0)

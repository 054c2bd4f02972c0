"""The uplink's state machine: the edge's half of the protocol with the centre, without I/O.

How it works. The session runner (`session_runner.py`, or a simulation) turns everything that
happens into an event and hands it to `Session.handle` with the monotonic time; the session answers
with the actions to carry out, in order. It reads no clock and opens no socket, and its random
source is injected.

An event is first classified into one `Trigger` or several, by looking only at the event and at what
the session holds. Then `TRANSITIONS` is asked for (state, trigger): it names the state that follows
and the one method that does the work. A pair that is not in it is either in `IGNORED`, with the
reason, or cannot happen: then the runner broke the protocol, and `handle` says so.

The rules it keeps, for the messages of docs/reference/wire.md, "Acknowledgement" and "Hello":
  * First in, first out; a window of 8 batches, widened up to 64 while a backlog drains without
    a timeout.
  * A publish proves nothing. Everything above `cum` is sent again after 30 s growing to 5 min, each
    delay drawn over the whole span between.
  * `cum` is obeyed only where the edge's own batch there has the centre's hash; the runner looks
    that up and says so in the event (`known`).
  * Acknowledgements only raise. Only one that echoes the last hello's nonce may lower.
  * The session never waits for an answer to its hello.
  * A new epoch is begun only where the current one is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import ClassVar, TypeAlias
from uuid import UUID

from edge_agent.buffer.records import EpochView
from edge_agent.errors import SessionProtocolError
from edge_agent.uplink.events import (
    Acknowledged,
    Action,
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
from edge_agent.uplink.send_window import WINDOW, WINDOW_MAX, EpochProgress, Progress
from edge_agent.uplink.session_states import IGNORED, TRIGGER_OF, SessionState, Trigger
from firmware_bridge.contract.envelope import NO_HASH
from firmware_bridge.contract.messages import NONCE_BYTES, Ack

RESEND_S = 30.0
RESEND_MAX_S = 300.0
HELLO_S = 3600.0
# Gateways that all hear the centre's start do not all answer in the same instant.
START_SPREAD_S = 2.0
REPEATS_BEFORE_RESEND = 3

Work: TypeAlias = "Callable[[Session, Event, float], list[Action]]"


def _draw_nonce(random: Random) -> bytes:
    return random.randbytes(NONCE_BYTES)


class Session:
    """The state machine.

    Args:
        epochs: What the buffer holds, the current epoch last; never empty.
        random: For nonces and jitter.
        nonce: Where nonces come from; drawn from `random` if not given.
        window: Batches under way at once.
        window_max: How far the window may widen while a backlog drains.

    Attributes:
        unanswered: How often all was sent again since the centre had more of it than before.
    """

    def __init__(
        self,
        epochs: Sequence[EpochView],
        random: Random,
        *,
        nonce: Callable[[Random], bytes] = _draw_nonce,
        window: int = WINDOW,
        window_max: int = WINDOW_MAX,
    ) -> None:
        self.state = SessionState.OFFLINE
        self._random = random
        self._draw = nonce
        self._progress = Progress(epochs, window, window_max)
        self._nonce: bytes | None = None
        self._may_lower: set[UUID] = set()
        self._challenged: set[tuple[UUID, int]] = set()
        self._hello_at: float | None = None
        self._centre_started = False
        self._resend_at: float | None = None
        self.unanswered = 0
        self._repeats = 0

    @property
    def current(self) -> UUID:
        """The epoch that new batches are sealed under."""
        return self._progress.current.epoch

    @property
    def window(self) -> int:
        """Batches that may be under way at present."""
        return self._progress.window

    @property
    def under_way(self) -> int:
        """Batches published and not acknowledged."""
        return self._progress.under_way

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return self._progress.backlog

    @property
    def wake_at(self) -> float | None:
        """When `Elapsed` is due. [monotonic s] None where nothing waits for time."""
        if self.state is not SessionState.ONLINE:
            return None
        due = [at for at in (self._hello_at, self._resend_at) if at is not None]
        return min(due, default=None)

    def handle(self, event: Event, now: float) -> tuple[Action, ...]:
        """Handle one event, and return the actions to take.

        Args:
            event: What happened.
            now: Monotonic time. [s]

        Returns:
            Actions, to be carried out in this order.

        Raises:
            SessionProtocolError: That cannot happen in this state.
        """
        actions: list[Action] = []
        for trigger in self._classify(event, now):
            pair = (self.state, trigger)
            if pair in self.TRANSITIONS:
                self.state, work = self.TRANSITIONS[pair]
                actions.extend(work(self, event, now))
            elif pair not in IGNORED:
                message = f"The session cannot meet {trigger.name} while it is {self.state.name}."
                raise SessionProtocolError(message, value=pair)
        return tuple(actions)

    # --- what an event means ---

    def _classify(self, event: Event, now: float) -> list[Trigger]:
        if isinstance(event, Acknowledged):
            return self._classify_ack(event)
        if isinstance(event, Elapsed):
            return self._classify_time(now)
        return [TRIGGER_OF[type(event)]]

    def _classify_time(self, now: float) -> list[Trigger]:
        due = []
        if self._resend_at is not None and now >= self._resend_at:
            due.append(Trigger.RESEND_DUE)
        elif self._hello_at is not None and now >= self._hello_at:
            due.append(Trigger.HELLO_DUE)
        return due

    def _classify_ack(self, event: Acknowledged) -> list[Trigger]:
        ack, epoch = event.ack, self._progress.find(event.ack.epoch)
        if epoch is None:
            return []
        epoch.first = max(epoch.first, event.first)
        triggers = [Trigger.QUARANTINE] if ack.quarantined else []
        triggers.append(self._classify_cum(event, epoch))
        if epoch is self._progress.current:
            return [*triggers, Trigger.RENEW] if ack.new_epoch else triggers
        # A closed epoch is never renewed: the centre may not know yet that it has been left. What
        # it still holds goes its way in the current epoch once the two sides cannot agree.
        stuck = ack.new_epoch or (triggers[-1] is Trigger.STRANGE and ack.cum > epoch.last)
        cum = ack.cum if triggers[-1] is Trigger.RAISE else epoch.cum
        return [*triggers, Trigger.FOLD] if stuck and cum < epoch.last else triggers

    def _classify_cum(self, event: Acknowledged, epoch: EpochProgress) -> Trigger:
        ack = event.ack
        may_lower = ack.nonce is not None and ack.nonce == self._nonce
        may_lower = may_lower and epoch.epoch in self._may_lower
        # Below what is kept there is no own batch to compare with; sending again is always safe.
        forgotten = ack.cum < epoch.first
        if ack.cum < epoch.cum and may_lower and (event.known or forgotten):
            return Trigger.LOWER
        if not event.known and not (forgotten and ack.cum <= epoch.cum):
            return Trigger.STRANGE
        return Trigger.RAISE if ack.cum > epoch.cum else Trigger.REPEAT

    # --- the work behind each transition ---

    def _nothing(self, _event: Event, _now: float) -> list[Action]:
        return []

    def _greet(self, _event: Event, now: float) -> list[Action]:
        """Say hello, and send from `cum` on: what was under way may be lost."""
        self.unanswered = 0
        self._progress.narrow()
        return [self._hello(now), *self._rewind(now)]

    def _resend(self, _event: Event, now: float) -> list[Action]:
        """Nothing moved for too long. The hello finds out where the centre really stands."""
        self.unanswered += 1
        self._progress.narrow()
        return [self._hello(now), *self._rewind(now)]

    def _rewind(self, now: float) -> list[Action]:
        self._progress.rewind()
        self._resend_at = None
        self._challenged.clear()
        return self._fill(now)

    def _hello(self, now: float) -> Action:
        self._nonce = self._draw(self._random)
        self._may_lower = {epoch.epoch for epoch in self._progress}
        self._hello_at = now + HELLO_S
        self._centre_started = False
        return SendHello(self._nonce)

    def _send_hello(self, event: Event, now: float) -> list[Action]:
        """The hourly hello, or the one that a start of the centre asked for.

        What was under way when the centre went down may never have reached it.
        """
        if self._centre_started:
            return self._greet(event, now)
        return [self._hello(now)]

    def _plan_hello(self, _event: Event, now: float) -> list[Action]:
        self._centre_started = True
        self._hello_at = now + self._random.uniform(0.0, START_SPREAD_S)
        return []

    def _leave(self, _event: Event, _now: float) -> list[Action]:
        self._hello_at = self._resend_at = self._nonce = None
        return []

    def _note(self, event: Event, _now: float) -> list[Action]:
        if isinstance(event, Stored) and event.epoch == self.current:
            epoch = self._progress.current
            epoch.last = max(epoch.last, event.last)
        return []

    def _note_and_fill(self, event: Event, now: float) -> list[Action]:
        self._note(event, now)
        return self._fill(now)

    def _raise(self, event: Event, _now: float) -> list[Action]:
        ack, epoch = self._acknowledged(event)
        self._progress.advance(epoch, ack.cum)
        self.unanswered = self._repeats = 0
        self._resend_at = None
        return [
            ReleaseBatches(epoch.epoch, epoch.cum, ack.cum_hash),
            *self._confirm_hello(ack, epoch),
        ]

    def _raise_and_fill(self, event: Event, now: float) -> list[Action]:
        return [*self._raise(event, now), *self._fill(now)]

    def _repeat(self, event: Event, now: float) -> list[Action]:
        """The centre stands still while later batches arrive: the next one may have got lost."""
        ack, epoch = self._acknowledged(event)
        self._confirm_hello(ack, epoch)
        if ack.cum < epoch.cum or ack.nonce is not None or epoch.sent <= epoch.cum:
            return []
        self._repeats += 1
        if self._repeats != REPEATS_BEFORE_RESEND:
            return []
        return [SendBatch(epoch.epoch, epoch.cum + 1), *self._fill(now)]

    def _lower(self, event: Event, now: float) -> list[Action]:
        ack, epoch = self._acknowledged(event)
        self._confirm_hello(ack, epoch)
        epoch.cum = max(ack.cum, epoch.first - 1)
        cum_hash = ack.cum_hash if ack.cum == epoch.cum else NO_HASH
        actions: list[Action] = [
            SessionReport("centre_went_back", epoch.epoch, ack.cum),
            Reopen(epoch.epoch, epoch.cum, cum_hash),
        ]
        return [*actions, *self._rewind(now)]

    def _confirm_hello(self, ack: Ack, epoch: EpochProgress) -> list[Action]:
        """One hello lowers an epoch at most once: its answer may arrive twice, and late."""
        if ack.nonce is not None and ack.nonce == self._nonce:
            self._may_lower.discard(epoch.epoch)
        return []

    def _strange(self, event: Event, _now: float) -> list[Action]:
        """The centre has another batch where its `cum` stands: a twin of this card was there.

        Nothing can be released on that word, and it would be repeated for ever; so the centre is
        shown the own batch of that sequence, sees the difference, and asks for a new epoch.
        """
        ack, epoch = self._acknowledged(event)
        place = (epoch.epoch, ack.cum)
        if place in self._challenged:
            return []
        self._challenged.add(place)
        report = SessionReport("ack_of_other_batch", epoch.epoch, ack.cum)
        if epoch.cum < ack.cum <= epoch.last:
            return [report, SendBatch(epoch.epoch, ack.cum)]
        return [report]

    def _quarantine(self, event: Event, _now: float) -> list[Action]:
        ack, epoch = self._acknowledged(event)
        return [SessionReport("quarantined", epoch.epoch, sequence) for sequence in ack.quarantined]

    def _renew(self, event: Event, _now: float) -> list[Action]:
        ack, _ = self._acknowledged(event)
        self._resend_at = None
        return [StartEpoch(ack.epoch)]

    def _fold(self, event: Event, _now: float) -> list[Action]:
        ack, _ = self._acknowledged(event)
        self._resend_at = None
        return [Fold(ack.epoch)]

    def _replace_epochs(self, event: Event, _now: float) -> list[Action]:
        if isinstance(event, Renewed):
            self._progress.replace(event.epochs)
        self._resend_at = None
        return []

    def _replace_epochs_and_greet(self, event: Event, now: float) -> list[Action]:
        self._replace_epochs(event, now)
        return self._greet(event, now)

    def _acknowledged(self, event: Event) -> tuple[Ack, EpochProgress]:
        # Only acknowledgements of epochs that are held are classified into these transitions.
        assert isinstance(event, Acknowledged)  # noqa: S101 - narrows for the type checker
        epoch = self._progress.find(event.ack.epoch)
        assert epoch is not None  # noqa: S101 - narrows for the type checker
        return event.ack, epoch

    def _fill(self, now: float) -> list[Action]:
        sends = self._progress.fill()
        if self.under_way == 0:
            self._resend_at = None
        elif self._resend_at is None:
            self._resend_at = now + self._resend_delay()
        return list(sends)

    def _resend_delay(self) -> float:
        bound = RESEND_S * 2.0 ** min(self.unanswered + 1, 10)
        return self._random.uniform(RESEND_S, min(bound, RESEND_MAX_S))

    # --- every transition ---

    TRANSITIONS: ClassVar[dict[tuple[SessionState, Trigger], tuple[SessionState, Work]]] = {
        (SessionState.OFFLINE, Trigger.CONNECT): (SessionState.ONLINE, _greet),
        (SessionState.OFFLINE, Trigger.DISCONNECT): (SessionState.OFFLINE, _leave),
        (SessionState.OFFLINE, Trigger.STORE): (SessionState.OFFLINE, _note),
        # What the centre said is as true when the connection that brought it is gone.
        (SessionState.OFFLINE, Trigger.RAISE): (SessionState.OFFLINE, _raise),
        (SessionState.OFFLINE, Trigger.QUARANTINE): (SessionState.OFFLINE, _quarantine),
        (SessionState.OFFLINE, Trigger.RENEWED): (SessionState.OFFLINE, _replace_epochs),
        (SessionState.ONLINE, Trigger.CONNECT): (SessionState.ONLINE, _greet),
        (SessionState.ONLINE, Trigger.DISCONNECT): (SessionState.OFFLINE, _leave),
        (SessionState.ONLINE, Trigger.STORE): (SessionState.ONLINE, _note_and_fill),
        (SessionState.ONLINE, Trigger.RAISE): (SessionState.ONLINE, _raise_and_fill),
        (SessionState.ONLINE, Trigger.REPEAT): (SessionState.ONLINE, _repeat),
        (SessionState.ONLINE, Trigger.LOWER): (SessionState.ONLINE, _lower),
        (SessionState.ONLINE, Trigger.STRANGE): (SessionState.ONLINE, _strange),
        (SessionState.ONLINE, Trigger.QUARANTINE): (SessionState.ONLINE, _quarantine),
        (SessionState.ONLINE, Trigger.RENEW): (SessionState.RENEWING, _renew),
        (SessionState.ONLINE, Trigger.FOLD): (SessionState.RENEWING, _fold),
        (SessionState.ONLINE, Trigger.ANNOUNCE): (SessionState.ONLINE, _plan_hello),
        (SessionState.ONLINE, Trigger.HELLO_DUE): (SessionState.ONLINE, _send_hello),
        (SessionState.ONLINE, Trigger.RESEND_DUE): (SessionState.ONLINE, _resend),
        (SessionState.ONLINE, Trigger.RENEWED): (SessionState.ONLINE, _replace_epochs_and_greet),
        (SessionState.RENEWING, Trigger.CONNECT): (SessionState.RENEWING, _nothing),
        (SessionState.RENEWING, Trigger.DISCONNECT): (SessionState.RENEWING_OFFLINE, _leave),
        (SessionState.RENEWING, Trigger.STORE): (SessionState.RENEWING, _note),
        (SessionState.RENEWING, Trigger.RAISE): (SessionState.RENEWING, _raise),
        (SessionState.RENEWING, Trigger.QUARANTINE): (SessionState.RENEWING, _quarantine),
        (SessionState.RENEWING, Trigger.RENEWED): (SessionState.ONLINE, _replace_epochs_and_greet),
        (SessionState.RENEWING_OFFLINE, Trigger.CONNECT): (SessionState.RENEWING, _nothing),
        (SessionState.RENEWING_OFFLINE, Trigger.DISCONNECT): (
            SessionState.RENEWING_OFFLINE,
            _leave,
        ),
        (SessionState.RENEWING_OFFLINE, Trigger.STORE): (SessionState.RENEWING_OFFLINE, _note),
        (SessionState.RENEWING_OFFLINE, Trigger.RAISE): (SessionState.RENEWING_OFFLINE, _raise),
        (SessionState.RENEWING_OFFLINE, Trigger.QUARANTINE): (
            SessionState.RENEWING_OFFLINE,
            _quarantine,
        ),
        (SessionState.RENEWING_OFFLINE, Trigger.RENEWED): (SessionState.OFFLINE, _replace_epochs),
    }

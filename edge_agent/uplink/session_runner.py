"""Run the session on the buffer: bytes from the centre in, bytes to publish out.

No network and no clock of its own, so that the uplink and a deterministic simulation drive the very
same code. Every call is awaited to its end before the next; each returns the payloads to publish on
the gateway's `up` topic, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from uuid import UUID

import structlog

from edge_agent.buffer.buffer import Buffer
from edge_agent.errors import BatchMissingError
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
from firmware_bridge.contract.errors import EnvironmentFaultError, MessageError
from firmware_bridge.contract.messages import Hello, Start, decode_down, encode_hello

_log = structlog.get_logger(__name__)

RETRY_S = 30.0
# A kill in the middle of a long drain must not send all of it again.
FLUSH_BATCHES = 256
AGENT = "meterline-edge"


@dataclass(frozen=True, slots=True)
class SessionTime:
    """Now.

    Args:
        monotonic: For waiting. [s]
        wall: For stamping. Aware.
        synchronised: Whether `wall` can be trusted.
    """

    monotonic: float
    wall: datetime
    synchronised: bool = True


class SessionRunner:
    """One gateway's conversation with the centre.

    Args:
        buffer: Open; its epochs are the session's.
        random: For nonces and jitter.
        agent: Name and version, for hellos.
        make_session: Builds the session; the default has the widening window.

    Attributes:
        released: How often the centre acknowledged batches.
    """

    def __init__(
        self,
        buffer: Buffer,
        random: Random,
        *,
        agent: str = AGENT,
        make_session: Callable[..., Session] = Session,
    ) -> None:
        self._buffer = buffer
        self.agent = agent
        self.session = make_session(buffer.views(), random)
        self.released = 0
        self._generation = buffer.engine.generation
        self._owed: tuple[Action, float] | None = None
        self._reported: set[tuple[str, UUID]] = set()

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return self._buffer.backlog

    @property
    def unanswered(self) -> int:
        """How often all was sent again since the centre had more of it than before."""
        return self.session.unanswered

    @property
    def wake_at(self) -> float | None:
        """When `elapsed` is due, in monotonic seconds."""
        times = [self.session.wake_at, None if self._owed is None else self._owed[1]]
        return min((at for at in times if at is not None), default=None)

    def note(self, code: str, detail: str, now: SessionTime) -> None:
        """Record an event of the connection in the buffer."""
        self._buffer.note(now.wall, code, detail)

    async def connected(self, now: SessionTime) -> list[bytes]:
        """The connection is up and both subscriptions are confirmed."""
        out = await self.stored(now)
        return out + await self._run(Connected(), now)

    async def disconnected(self, now: SessionTime) -> None:
        """The connection is lost."""
        await self._run(Disconnected(), now)

    async def stored(self, now: SessionTime) -> list[bytes]:
        """The buffer may hold more, or other epochs, than when last told."""
        if self._generation != self._buffer.engine.generation:
            self._generation = self._buffer.engine.generation
            return await self._run(Renewed(self._buffer.views()), now)
        return await self._run(Stored(self._buffer.current, self._buffer.last), now)

    async def received(self, payload: bytes, now: SessionTime) -> list[bytes]:
        """Handle a message of the centre; an unreadable one becomes an event with its bytes."""
        try:
            message = decode_down(payload)
        except MessageError as error:
            _log.warning("message_refused", code=error.code, reason=error.message)
            self._buffer.note(now.wall, "message_refused", str(error), payload)
            return []
        if isinstance(message, Start):
            return await self._run(CentreStarted(), now)
        known = await self._buffer.has_batch(message.epoch, message.cum, message.cum_hash, now.wall)
        kept = (view.first for view in self._buffer.views() if view.epoch == message.epoch)
        return await self._run(Acknowledged(message, known, next(kept, 1)), now)

    async def elapsed(self, now: SessionTime) -> list[bytes]:
        """Time has passed."""
        out: list[bytes] = []
        if self._owed is not None and now.monotonic >= self._owed[1]:
            action, self._owed = self._owed[0], None
            out = await self._carry_out(deque([action]), now)
        return out + await self._run(Elapsed(), now)

    async def _run(self, event: Event, now: SessionTime) -> list[bytes]:
        return await self._carry_out(deque(self.session.handle(event, now.monotonic)), now)

    async def _carry_out(self, actions: deque[Action], now: SessionTime) -> list[bytes]:
        out: list[bytes] = []
        while actions:
            action = actions.popleft()
            try:
                follow_up = await self._perform(action, now, out)
            except EnvironmentFaultError as error:
                _log.error("buffer_trouble", code=error.code, reason=error.message)
                if isinstance(action, StartEpoch | Fold):
                    self._owed = (action, now.monotonic + RETRY_S)
                # A batch that was not read is sent again when the session's patience ends.
                continue
            if follow_up is not None:
                # What was planned before refers to epochs that may be gone.
                actions = deque(self.session.handle(follow_up, now.monotonic))
        return out

    async def _perform(self, action: Action, now: SessionTime, out: list[bytes]) -> Event | None:
        buffer = self._buffer
        match action:
            case SendBatch():
                return await self._send(action, now, out)
            case SendHello():
                hello = Hello(action.nonce, now.wall, self.agent, buffer.states())
                out.append(encode_hello(hello))
            case ReleaseBatches():
                self.released += 1
                buffer.acknowledge(
                    action.epoch,
                    action.cum,
                    action.cum_hash,
                    now.wall,
                    synchronised=now.synchronised,
                )
                if buffer.unwritten >= FLUSH_BATCHES:
                    await buffer.flush()
            case Reopen():
                buffer.reopen(action.epoch, action.cum, action.cum_hash)
            case StartEpoch():
                await buffer.new_epoch(action.abandoned, now.wall)
                self._report(SessionReport("new_epoch", action.abandoned, 0), now)
                return Renewed(buffer.views())
            case Fold():
                await buffer.fold(action.epoch, now.wall)
                self._report(SessionReport("epoch_folded", action.epoch, 0), now)
                return Renewed(buffer.views())
            case SessionReport():
                self._report(action, now)
        return None

    async def _send(self, action: SendBatch, now: SessionTime, out: list[bytes]) -> Event | None:
        try:
            out.append(await self._buffer.fetch(action.epoch, action.sequence, now.wall))
        except BatchMissingError:
            # Pruned since the session was told, or gone with a file that was set aside.
            self._generation = self._buffer.engine.generation
            return Renewed(self._buffer.views())
        if self._generation != self._buffer.engine.generation:
            self._generation = self._buffer.engine.generation
            return Renewed(self._buffer.views())
        return None

    def _report(self, report: SessionReport, now: SessionTime) -> None:
        _log.info(
            "session_reported", code=report.code, epoch=str(report.epoch), sequence=report.sequence
        )
        # A twin's acknowledgements may go on for days; one line says it.
        if report.code == "ack_of_other_batch":
            if (report.code, report.epoch) in self._reported:
                return
            self._reported.add((report.code, report.epoch))
        detail = f"Epoch {report.epoch}, sequence {report.sequence}."
        self._buffer.note(now.wall, report.code, detail)

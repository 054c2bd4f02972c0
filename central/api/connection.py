"""A connection of the web server with a time limit for every step.

The server below has a timer for connections that rest between requests and none for a head or body
that comes slowly or not at all, nor for a client that does not read its answer. Here each turn that
is the client's has its time. Where all connections are taken, the one whose client has kept us
waiting the longest makes room, so that half-sent requests cannot keep honest ones out.

| turn | begins | ends with | then |
|---|---|---|---|
| head | connected, or the first byte after a rest | the whole head | 408, and closed |
| body | the whole head | the whole body | closed |
| rest of a body | answered before it had all come | its last byte | closed |
| reading | the answer does not fit into the line | it does again | closed |
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

KIB = 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how much a connection is given.

    Args:
        connections: Most at once.
        head_s: For a whole head. [s]
        head_bytes: Its largest size. [bytes]
        body_s: For a whole body. [s]
        rest_s: For the rest of a body whose request is answered already. [s]
        rest_bytes: How much of that is thrown away before the connection is closed. [bytes]
        reading_s: For reading what does not fit into the line. [s]
        keep_alive_s: Between requests. [s]
    """

    connections: int = 512
    head_s: float = 10.0
    head_bytes: int = 16 * KIB
    body_s: float = 60.0
    rest_s: float = 5.0
    rest_bytes: int = 1024 * KIB
    reading_s: float = 60.0
    keep_alive_s: int = 10


class _Turn(Enum):
    OURS = auto()
    HEAD = auto()
    BODY = auto()
    REST = auto()
    READING = auto()


class Connection(H11Protocol):
    """One connection; see the table above.

    Args:
        patience: How long and how much it is given.
        given: What the server gives.
    """

    def __init__(self, patience: Patience, **given: Any) -> None:  # noqa: ANN401 - the server's own
        super().__init__(**given)
        self._patience = patience
        self._turn = _Turn.OURS
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._thrown_away = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as below
        """Take a connection, and make room for it where all are taken."""
        super().connection_made(transport)
        if len(self.connections) > self._patience.connections and not self._make_room():
            self._refuse(b"503 Service Unavailable")
            return
        self._pass_to(_Turn.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._pass_to(_Turn.OURS)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        if self._turn is _Turn.REST:
            self._thrown_away += len(data)
            if self._thrown_away > self._patience.rest_bytes:
                self._end()
                return
        self._check_progress()

    def on_response_complete(self) -> None:
        """Note that a request is answered."""
        super().on_response_complete()
        if self.transport.is_closing():
            # What is closed still waits for the client to read what is on its way.
            self.loop.call_later(self._patience.reading_s, self.transport.abort)
        # Until the next byte the server's own timer runs.
        self._check_progress(resting=True)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that rests, once its last answer has left."""
        if self.transport.get_write_buffer_size():
            self._pass_to(_Turn.READING)
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        super().pause_writing()
        self._pass_to(_Turn.READING)

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        super().resume_writing()
        if self._turn is _Turn.READING:
            self._pass_to(_Turn.OURS)
            self._check_progress(resting=True)

    def _check_progress(self, *, resting: bool = False) -> None:
        """Whose turn it is, by what has come."""
        if self.transport.is_closing() or self._turn is _Turn.READING:
            return
        theirs = self.conn.their_state
        if theirs is h11.IDLE:
            self._pass_to(_Turn.OURS if resting else _Turn.HEAD)
        elif theirs is not h11.SEND_BODY:
            self._pass_to(_Turn.OURS)
        elif self.cycle is not None and self.cycle.response_complete:
            self._pass_to(_Turn.REST)
        else:
            self._pass_to(_Turn.BODY)

    def _pass_to(self, turn: _Turn) -> None:
        """Give somebody the turn; one who has it already gains no time."""
        if turn is self._turn:
            return
        self._turn = turn
        self._thrown_away = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        after = {
            _Turn.HEAD: self._patience.head_s,
            _Turn.BODY: self._patience.body_s,
            _Turn.REST: self._patience.rest_s,
            _Turn.READING: self._patience.reading_s,
        }.get(turn)
        if after is not None:
            self._since = self.loop.time()
            self._timer = self.loop.call_later(after, self._too_late)

    def _too_late(self) -> None:
        begun = self.conn.trailing_data[0]
        if self._turn is _Turn.HEAD and begun and not self.transport.is_closing():
            self._refuse(b"408 Request Timeout")
        else:
            self._end()

    def _make_room(self) -> bool:
        """End the connection whose client keeps us waiting the longest; False where none does."""
        others = (
            one for one in self.connections if isinstance(one, Connection) and one is not self
        )
        waited_for = [one for one in others if one.is_waited_for]
        if not waited_for:
            return False
        min(waited_for, key=lambda one: one._since)._end()  # noqa: SLF001 - of the same class
        return True

    @property
    def is_waited_for(self) -> bool:
        """Whether the next step is the client's."""
        return self._turn is not _Turn.OURS and not self.transport.is_closing()

    def _refuse(self, status: bytes) -> None:
        """Say why, where nothing was answered yet, and end the connection."""
        self.transport.write(
            b"HTTP/1.1 %b\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"
            % status
        )
        self._end()

    def _end(self) -> None:
        self._pass_to(_Turn.OURS)
        self._unset_keepalive_if_required()
        if self.transport.get_write_buffer_size():
            # One that does not read would keep what waits for it, and its connection, for ever.
            self.transport.abort()
        else:
            self.transport.close()

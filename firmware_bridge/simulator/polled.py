"""Virtual meters that answer when asked, on a TCP port or a serial device."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import serial

from firmware_bridge.end_task import end_task

_HELD_MAX = 4096


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """A part of an answer.

    Args:
        data: What is sent.
        pause_s: What the meter waits before it. [s]
        baudrate: The speed it changes to before it, on a serial line; None keeps it.
    """

    data: bytes
    pause_s: float = 0.0
    baudrate: int | None = None


# Takes what was received so far; gives the answer's parts and how many bytes it used.
Responder = Callable[[bytes], tuple[tuple[ReplyPart, ...], int]]


class VirtualPolledPort:
    """A line on which something answers: a TCP port, or a serial device.

    Use it as an async context manager; `port` is known inside.

    Args:
        answer: What answers.
        host: Where it listens; only this machine by default.
        port: 0 takes a free one.
        serial_port: A serial device to answer on instead.
        baudrate: Of that device.
    """

    def __init__(
        self,
        answer: Responder,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        serial_port: str | None = None,
        baudrate: int = 9600,
    ) -> None:
        self._answer = answer
        self.host = host
        self.port = port
        self._path = serial_port
        self._baudrate = baudrate
        self._device: serial.Serial | None = None
        self._held = b""
        self._due: asyncio.Queue[ReplyPart] = asyncio.Queue()
        self._talker: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        if self._path is not None:
            self._device = serial.Serial(
                self._path, baudrate=self._baudrate, timeout=0, write_timeout=0
            )
            asyncio.get_running_loop().add_reader(self._device.fileno(), self._on_serial)
            self._talker = asyncio.create_task(self._talk(self._device))
            return self
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._device is not None:
            asyncio.get_running_loop().remove_reader(self._device.fileno())
            self._device.close()
        if self._talker is not None:
            await end_task(self._talker)
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.close()
            await asyncio.gather(*self._conversations)
            await self._server.wait_closed()

    def _on_serial(self) -> None:
        if self._device is None:
            return
        with suppress(BlockingIOError):
            for reply in self._replies(os.read(self._device.fileno(), _HELD_MAX)):
                self._due.put_nowait(reply)

    async def _talk(self, device: serial.Serial) -> None:
        while True:
            reply = await self._due.get()
            await asyncio.sleep(reply.pause_s)
            if reply.baudrate is not None:
                device.baudrate = reply.baudrate
            # A line that nobody reads loses bytes, as a UART does.
            with suppress(BlockingIOError):
                os.write(device.fileno(), reply.data)

    def _replies(self, data: bytes) -> list[ReplyPart]:
        self._held = (self._held + data)[-_HELD_MAX:]
        answers: list[ReplyPart] = []
        while self._held:
            answer, used = self._answer(self._held)
            if not used:
                break
            answers += answer
            self._held = self._held[used:]
        return answers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        done = asyncio.get_running_loop().create_future()
        self._conversations.add(done)
        try:
            while data := await reader.read(_HELD_MAX):
                for reply in self._replies(data):
                    await asyncio.sleep(reply.pause_s)
                    writer.write(reply.data)
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            done.set_result(None)

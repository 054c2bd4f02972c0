"""A connection of the web server by itself, with little patience."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from central.api.connection import Patience
from central.api.server import QuietServer

LITTLE = Patience(
    connections=4,
    head_s=0.4,
    body_s=0.4,
    rest_s=0.3,
    rest_bytes=4096,
    reading_s=0.4,
    keep_alive_s=1,
)
LARGE = b"x" * (32 * 1024 * 1024)
# However busy the machine is: what would wait for ever does not end within it.
SOON_S = 30.0


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `/large` largely, `/early` before the body, `/slow` after a second."""
    request = Request(scope, receive)
    path = request.url.path
    if path == "/slow":
        await asyncio.sleep(1)
    body = LARGE if path == "/large" else path.encode()
    if path == "/whole":
        body = await request.body()
    response: Response = PlainTextResponse(body)
    await response(scope, receive, send)


@asynccontextmanager
async def served(
    patience: Patience = LITTLE, app: Callable[[Scope, Receive, Send], Awaitable[None]] = answer
) -> AsyncIterator[QuietServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        server = QuietServer.of(app, patience)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await server.ready(running)
        try:
            yield server
        finally:
            server.should_exit = True
            server.force_exit = True
            await running


class Line:
    """A client that does as it is told."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: float
    ) -> None:
        self.reader, self._writer = reader, writer
        self._opened = opened

    async def say(self, text: bytes) -> None:
        self._writer.write(text)
        await self._writer.drain()

    async def answer(self) -> bytes:
        async with asyncio.timeout(SOON_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await self.reader.readexactly(size)
            return head

    async def seconds_open(self) -> float:
        """How long it was open when the other side ended it."""
        async with asyncio.timeout(SOON_S):
            try:
                while await self.reader.read(65_536):
                    pass
            except ConnectionError:
                pass
        return asyncio.get_running_loop().time() - self._opened

    def close(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def line_to(server: QuietServer) -> AsyncIterator[Line]:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    opened = asyncio.get_running_loop().time()
    line = Line(*await asyncio.open_connection(host, port, limit=4096), opened)
    try:
        yield line
    finally:
        line.close()


GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


async def test_a_client_that_says_nothing_is_let_go() -> None:
    async with served() as server, line_to(server) as line:
        assert await line.seconds_open() > 0.2


async def test_a_half_sent_head_is_told_that_it_came_too_late() -> None:
    async with served() as server, line_to(server) as line:
        await line.say(b"GET / HTTP/1.1\r\nHost:")
        assert (await line.answer()).startswith(b"HTTP/1.1 408 ")
        await line.seconds_open()


async def test_a_second_head_on_the_same_line_has_its_time_too() -> None:
    async with served() as server, line_to(server) as line:
        await line.say(GET % b"first")
        assert (await line.answer()).startswith(b"HTTP/1.1 200 ")
        await line.say(b"GET /second")
        assert (await line.answer()).startswith(b"HTTP/1.1 408 ")


async def test_requests_that_come_together_are_answered_in_order() -> None:
    async with served(Patience()) as server, line_to(server) as line:
        await line.say(GET % b"one" + GET % b"other")
        for size in (4, 6):
            assert b"content-length: %d\r" % size in await line.answer()


async def test_a_request_at_work_is_given_the_time_it_takes() -> None:
    async with served() as server, line_to(server) as line:
        await line.say(GET % b"slow")
        assert (await line.answer()).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_drips_is_ended() -> None:
    async with served() as server, line_to(server) as line:
        await line.say(POST % (b"whole", 1000))

        async def drip() -> None:
            while True:
                await line.say(b"a")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await line.seconds_open() > 0.2
        dripping.cancel()
        await asyncio.wait([dripping])


async def test_the_rest_of_an_answered_body_is_not_waited_for() -> None:
    async with served() as server, line_to(server) as line:
        await line.say(POST % (b"early", 100_000))
        assert (await line.answer()).startswith(b"HTTP/1.1 200 ")
        assert await line.seconds_open() > 0.1


async def test_the_rest_of_an_answered_body_is_thrown_away_up_to_a_bound() -> None:
    async with served(Patience(rest_s=60, rest_bytes=4096)) as server:
        async with line_to(server) as line:
            await line.say(POST % (b"early", 3000))
            assert (await line.answer()).startswith(b"HTTP/1.1 200 ")
            await line.say(b"x" * 3000 + GET % b"next")
            assert (await line.answer()).startswith(b"HTTP/1.1 200 ")
        async with line_to(server) as line:
            await line.say(POST % (b"early", 1_000_000))
            assert (await line.answer()).startswith(b"HTTP/1.1 200 ")
            await line.say(b"x" * 8192)
            await line.seconds_open()


async def test_a_client_that_does_not_read_is_ended() -> None:
    async with served() as server, line_to(server) as line:
        await line.say(GET % b"large")
        opened, connections = asyncio.get_running_loop().time(), server.server_state.connections
        async with asyncio.timeout(SOON_S):
            while not connections:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            while connections:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - opened > 0.2


async def test_where_all_connections_are_taken_the_one_waited_for_longest_makes_room() -> None:
    calm = Patience(connections=4, head_s=2 * SOON_S)
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(served(calm))
        old, half, new, busy, honest = [
            await opened.enter_async_context(line_to(server)) for _ in range(5)
        ]
        await half.say(b"GET /")
        await busy.say(GET % b"slow")
        await honest.say(GET % b"fast")
        assert (await honest.answer()).startswith(b"HTTP/1.1 200 ")
        await old.seconds_open()
        assert (await busy.answer()).startswith(b"HTTP/1.1 200 ")
        await half.say(b"still HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await half.answer()).startswith(b"HTTP/1.1 200 ")
        await new.say(GET % b"new")
        assert (await new.answer()).startswith(b"HTTP/1.1 200 ")


async def test_where_all_are_at_work_the_next_is_told_to_come_again() -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def held(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await over.wait()
        await answer(scope, receive, send)

    async with served(Patience(connections=1), held) as server, line_to(server) as busy:
        await busy.say(GET % b"fast")
        await begun.wait()
        async with line_to(server) as line:
            refused = await line.answer()
        over.set()
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After" in refused
        assert (await busy.answer()).startswith(b"HTTP/1.1 200 ")

"""A real server process and clients that send too much, too slowly, or do not read."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.conftest import POSTGRES
from tests.support.servers import Database

if TYPE_CHECKING:
    from tests.conftest import _Servers

TOKEN = "a-token-of-an-operator-of-forty-bytes-ok"  # noqa: S105 - a made-up token
MIB = 1024 * 1024
# `make test` sends enough to tell; more, such as 600, for a measurement.
SENT_MIB = int(os.environ.get("METERLINE_TEST_BODY_MIB", "48"))
GROWTH_MIB = 8
# However busy the machine is: who is kept out by somebody else waits for longer.
HONEST_S = 20.0


@dataclass
class Served:
    """A running `meterline-central serve`."""

    pid: int
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def peak_mib(self) -> float:
        """The most memory that the process ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as line:
            line.request(method, path, body, named)
            answer = line.getresponse()
            return answer, answer.read().decode()

    def is_well(self) -> bool:
        """Whether an honest request is answered, and at once."""
        asked = time.monotonic()
        answer, _ = self.ask("GET", "/api/v1/health/ready")
        return answer.status == 200 and time.monotonic() - asked < HONEST_S


@contextlib.contextmanager
def serve(database: Database, **settings: str) -> Iterator[Served]:
    with subprocess.Popen(
        [sys.executable, "-m", "central.cli", "serve", "--port", "0"],
        env={**os.environ, "METERLINE_DATABASE": database.dsn, **settings},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = urlsplit(process.stdout.readline().split()[-1]).port
            assert port is not None
            served = Served(process.pid, port)
            assert served.is_well()
            yield served
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def web(_servers: _Servers) -> Iterator[Served]:
    """One process for all of them: what one test does to it, the next has to outlive."""
    with (
        _servers.copy(POSTGRES[0]) as database,
        serve(database, METERLINE_WEB_TOKEN=TOKEN) as served,
    ):
        yield served


def answer_of(line: socket.socket) -> tuple[int, dict[str, object]]:
    """Status and problem document of the answer on a connection."""
    with contextlib.closing(http.client.HTTPResponse(line)) as answer:
        answer.begin()
        if answer.getheader("Content-Type") != "application/problem+json":
            return answer.status, {}
        return answer.status, json.loads(answer.read())


def flood(line: socket.socket, head: bytes, *, chunked: bool) -> tuple[int, dict[str, object]]:
    """Send a head and a large body without end in sight, until answered; give the answer."""
    line.sendall(head)
    piece = b"x" * (256 * 1024)
    if chunked:
        piece = b"%x\r\n%b\r\n" % (len(piece), piece)
    with contextlib.suppress(ConnectionError):
        for _ in range(4 * SENT_MIB):
            if select.select([line], [], [], 0)[0]:
                break
            line.sendall(piece)
    return answer_of(line)


def head(method: str, path: str, *lines: str) -> bytes:
    text = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]
    return "\r\n".join(text).encode()


def measures(chunked: bool) -> str:  # noqa: FBT001 - a parameter of the test
    return "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SENT_MIB * MIB}"


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_without_end_is_held_by_nobody(web: Served, *, chunked: bool) -> None:
    size, as_json = measures(chunked), "Content-Type: application/json"
    form, _ = web.ask("GET", "/sign-in")
    cookie = str(form.getheader("Set-Cookie")).partition(";")[0]
    _, page = web.ask("GET", "/sign-in", Cookie=cookie)
    csrf_token = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert csrf_token is not None
    bearer = f"Authorization: Bearer {TOKEN}"
    proven = (f"Cookie: {cookie}", f"X-Meterline-Form: {csrf_token[1]}")
    before = web.peak_mib()
    for path, lines in [
        ("/sign-in", (size, *proven)),
        ("/sign-in", (size, f"Cookie: {cookie}")),
        ("/api/v1/accounts", (size, as_json, bearer)),
        ("/api/v1/accounts", (size, as_json, bearer, "Idempotency-Key: one")),
        ("/api/v1/tariffs", (size, as_json, bearer)),
    ]:
        with web.connect() as line:
            status, problem = flood(line, head("POST", path, *lines), chunked=chunked)
            assert status == 413, path
            if path.startswith("/api/"):
                assert problem["code"] == "BODY_TOO_LARGE"
    for path, lines in [
        ("/api/v1/accounts", (size, as_json)),
        ("/api/v1/meters", (size, bearer)),
    ]:
        method = "POST" if path.endswith("accounts") else "GET"
        with web.connect() as line:
            status, _ = flood(line, head(method, path, *lines), chunked=chunked)
            assert status == (413 if not chunked else 401 if method == "POST" else 200)
    grown = web.peak_mib() - before
    assert web.is_well()

    assert grown < GROWTH_MIB, f"grown over {before:.1f} MiB by {SENT_MIB} MiB"


def test_what_fits_is_taken(web: Served) -> None:
    heads = {"Content_Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    order = {"number": "A-1", "name": "Ada", "address": ["\u00e9" * 400] * 8}
    answer, _ = web.ask("POST", "/api/v1/accounts", json.dumps(order), **heads)
    assert answer.status == 201
    large = json.dumps({"document": "#" * 999_999})
    answer, said = web.ask("POST", "/api/v1/tariffs", large, **heads)
    assert (answer.status, json.loads(said)["code"]) == (422, "TARIFF_REFUSED")


def test_half_sent_heads_hold_no_connection(web: Served) -> None:
    with contextlib.ExitStack() as opened:
        lines = [opened.enter_context(web.connect()) for _ in range(200)]
        began = time.monotonic()
        for line in lines:
            line.sendall(b"GET /api/v1/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert web.is_well()
        waiting = set(lines)
        while waiting and time.monotonic() - began < 60:
            for line in select.select(list(waiting), [], [], 1)[0]:
                with contextlib.suppress(ConnectionError):
                    if line.recv(4096):
                        continue
                waiting.discard(line)
            for line in waiting:
                with contextlib.suppress(OSError):
                    line.sendall(b"a")  # a byte a second gains no time
        assert not waiting
        assert web.is_well()


def test_more_half_sent_requests_than_connections_keep_nobody_out(web: Served) -> None:
    with contextlib.ExitStack() as opened:
        for number in range(700):
            begun = b"GET / HTTP"
            if number % 2:
                begun = head("POST", "/sign-in", "Content-Length: 100", "Sec-Fetch-Site: none")
            opened.enter_context(web.connect()).sendall(begun)
        assert web.is_well()
        assert len(list(Path(f"/proc/{web.pid}/fd").iterdir())) < 600

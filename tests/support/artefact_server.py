"""A web server for artefacts on loopback, honest or not."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class ArtefactServer:
    """What it serves, by path, and how.

    `cut_after` breaks every answer off; `drip` sends one byte at a time; `ranges` False knows no
    resuming; `leads` redirects.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    drip_s: float = 0.0
    ranges: bool = True
    leads: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def artefact_server(**settings: object) -> Iterator[ArtefactServer]:
    place = ArtefactServer(**settings)  # type: ignore[arg-type]

    class Clerk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            place.asked.append(f"{self.path} {asked}".strip())
            if self.path in place.leads:
                self.send_response(302)
                self.send_header("Location", place.leads[self.path])
                self.end_headers()
                return
            content = place.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            begin = int(asked.removeprefix("bytes=").rstrip("-") or 0) if place.ranges else 0
            if begin and begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            try:
                self._give(content[begin:][: place.cut_after])
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _give(self, content: bytes) -> None:
            if not place.drip_s:
                self.wfile.write(content)
                return
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(place.drip_s)

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Clerk) as server:
        server.daemon_threads = True
        server.block_on_close = False
        place.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()

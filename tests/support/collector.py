"""A collector of traces on this machine: it takes OTLP over HTTP, and remembers the spans."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """A span that came in.

    Args:
        service: Of which process.
        name: What was done.
        values: What was said of it.
        span: Its identifier.
        parent: Of what it is a part; empty for none.
        seconds: How long it took. [s]
        failed: Whether it ended by an error.
    """

    service: str
    name: str
    values: dict[str, Any]
    span: bytes
    parent: bytes
    seconds: float
    failed: bool


@dataclass
class Collector:
    """One that runs.

    Args:
        endpoint: Where spans are posted to.
    """

    endpoint: str
    spans: list[Received] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        """Read what was posted."""
        message = ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            about = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [
                    Received(
                        about["service.name"],
                        each.name,
                        _values(each.attributes),
                        each.span_id,
                        each.parent_span_id,
                        (each.end_time_unix_nano - each.start_time_unix_nano) / 1e9,
                        each.status.code == each.status.STATUS_CODE_ERROR,
                    )
                    for each in scope.spans
                ]

    def named(self, name: str) -> list[Received]:
        """Those of a name."""
        return [each for each in self.spans if each.name == name]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Run one on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}/v1/traces")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - of the protocol's own kind
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}

"""Spans to a collector, by OTLP over HTTP. Imported only where a collector is named.

They are sent in the background, a few hundred at a time; where the collector is away they are given
up after some seconds, and nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span as SdkSpan

from central.service.tracing import Span, SpanValue

_TIMEOUT_S: Final = 3.0
_EVERY_MS: Final = 1_000
_QUEUE: Final = 4_096
_NS: Final = 1_000_000_000


class OtlpTracer:
    """`Tracer` to a collector.

    Args:
        endpoint: Where spans are posted to, such as http://127.0.0.1:4318/v1/traces.
        service: What the spans are of, such as `meterline-ingest`.
        version: Of this release.
        ratio: Share of the traces that are sent, from 0 to 1.
    """

    def __init__(self, endpoint: str, service: str, version: str, ratio: float) -> None:
        resource = Resource.create({"service.name": service, "service.version": version})
        sampler = ParentBased(TraceIdRatioBased(ratio))
        self._provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint, timeout=_TIMEOUT_S),
                max_queue_size=_QUEUE,
                schedule_delay_millis=_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("meterline", version)

    @contextmanager
    def span(self, name: str, values: Mapping[str, SpanValue]) -> Iterator[Span]:
        """See `Tracer`."""
        with self._tracer.start_as_current_span(name, attributes=_dotted(values)) as started:
            yield _Span(started)

    def record(
        self, name: str, began: datetime, ended: datetime, values: Mapping[str, SpanValue]
    ) -> None:
        """See `Tracer`."""
        over = self._tracer.start_span(
            name, attributes=_dotted(values), start_time=_nanoseconds(began)
        )
        over.end(max(_nanoseconds(began), _nanoseconds(ended)))

    def close(self) -> None:
        """Send what waits, and end."""
        self._provider.shutdown()


class _Span:
    """`Span` of the collector's kind."""

    def __init__(self, span: SdkSpan) -> None:
        self._span = span

    def name(self, name: str) -> None:
        """See `Span`."""
        self._span.update_name(name)

    def set(self, **values: SpanValue) -> None:
        """See `Span`."""
        self._span.set_attributes(_dotted(values))


def _dotted(values: Mapping[str, SpanValue]) -> dict[str, SpanValue]:
    return {
        name.replace("__", "-").replace("_", ".").replace("-", "_"): value
        for name, value in values.items()
    }


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * (_NS // 1_000_000)

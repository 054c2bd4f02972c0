"""Spans of what a process does; nothing is measured or imported until somebody asks.

The tracer is one of a process, and goes with the tasks that it begins; see `adapters.traces`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Protocol, TypeAlias

SpanValue: TypeAlias = str | int | float | bool


class Span(Protocol):
    """Something that is under way."""

    def name(self, name: str) -> None:
        """Name it anew, where the name shows later."""

    def set(self, **values: SpanValue) -> None:
        """Say more of it; `a_b__c` is sent as `a.b_c`."""


class Tracer(Protocol):
    """Where spans go."""

    def span(self, name: str, values: Mapping[str, SpanValue]) -> AbstractContextManager[Span]:
        """Something that lasts as long as the block; what is raised in it is said of it."""

    def record(
        self, name: str, began: datetime, ended: datetime, values: Mapping[str, SpanValue]
    ) -> None:
        """Something that is over, within what is under way."""


class _NoSpan:
    def name(self, name: str) -> None:
        """Nobody asks."""

    def set(self, **values: SpanValue) -> None:
        """Nobody asks."""


_NO_SPAN = _NoSpan()
_TRACER: ContextVar[Tracer | None] = ContextVar("tracer", default=None)


@contextmanager
def traced_by(tracer: Tracer) -> Iterator[None]:
    """Send spans of what is done within there, and of the tasks that it begins."""
    before = _TRACER.set(tracer)
    try:
        yield
    finally:
        _TRACER.reset(before)


def is_traced() -> bool:
    """Whether somebody asks."""
    return _TRACER.get() is not None


@contextmanager
def span(name: str, **values: SpanValue) -> Iterator[Span]:
    """Measure a block, where somebody asks.

    Args:
        name: What is done; the same for all of its kind.
        values: What tells it from others; `a_b__c` is sent as `a.b_c`. No personal value.
    """
    tracer = _TRACER.get()
    if tracer is None:
        yield _NO_SPAN
        return
    with tracer.span(name, values) as measured:
        yield measured


def record(name: str, began: datetime, ended: datetime, **values: SpanValue) -> None:
    """Say of something that is over when it began and ended, where somebody asks."""
    if (tracer := _TRACER.get()) is not None:
        tracer.record(name, began, ended, values)

"""What a log line looks like, at the edge and at the centre alike.

A line is an event: a name in snake case, then fields. `_log.warning("broker_lost", host=host)` is
one; a sentence with values in it is none, since nobody can search it or count it. What libraries
log through Python's own `logging` comes out in the same form, with the library as `logger`. What is
bound to the context, such as the request that is answered, stands on each line.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO, cast

import structlog


class _StandardError(io.TextIOBase):
    """Standard error as it is when a line is written; who calls a command may replace it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


STANDARD_ERROR = cast("TextIO", _StandardError())
"""Where a process logs to unless it was told another place."""


def log_to(stream: TextIO, *, as_json: bool = False, level: int = logging.INFO) -> None:
    """Have this process log to a stream.

    Args:
        stream: Where lines go; colours are used on a terminal.
        as_json: One JSON object a line, in place of text for people.
        level: The lowest level of Meterline's own lines; libraries are heard from `WARNING` up.
    """
    form: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [_text(colors=stream.isatty())]
    )
    fields: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*fields, *form],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *fields],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *form],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _text(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    # The plain traceback: a prettier one shows local variables, and with them passwords.
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )

"""One form of log line, for Meterline's own events and for what libraries say."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from firmware_bridge.log_lines import STANDARD_ERROR, log_to


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


def lines(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_line_of_fields() -> None:
    stream = StringIO()
    log_to(stream, as_json=True)
    structlog.get_logger(__name__).warning("broker_lost", host="east", attempt=3)
    (line,) = lines(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"event": "broker_lost", "level": "warning", "host": "east", "attempt": 3}


def test_a_library_speaks_in_the_same_form() -> None:
    stream = StringIO()
    log_to(stream, as_json=True)
    logging.getLogger("some.library").warning("lost %s", "the thread")
    logging.getLogger("some.library").info("not worth a line")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == (
        "lost the thread",
        "warning",
        "some.library",
    )
    assert "timestamp" in line


@pytest.mark.parametrize("as_json", [True, False])
def test_an_error_keeps_its_traceback_whoever_logs_it(*, as_json: bool) -> None:
    stream = StringIO()
    log_to(stream, as_json=as_json)
    password = "hunter" + "2"  # whole in no line of this file
    try:
        raise LookupError(len(password))  # noqa: TRY301 - to have a traceback
    except LookupError as error:
        structlog.get_logger(__name__).error("request_failed", path="/", exc_info=error)
        logging.getLogger("some.library").exception("failed")
    assert stream.getvalue().count("LookupError: 7") == 2
    assert "hunter2" not in stream.getvalue()
    assert "request_failed" in stream.getvalue()
    if as_json:
        assert len(lines(stream)) == 2


def test_the_level_is_for_our_own_lines() -> None:
    stream = StringIO()
    log_to(stream, as_json=True)
    structlog.get_logger(__name__).debug("publish_unconfirmed")
    assert not lines(stream)
    log_to(stream, as_json=True, level=logging.DEBUG)
    structlog.get_logger(__name__).debug("publish_unconfirmed")
    assert [line["event"] for line in lines(stream)] == ["publish_unconfirmed"]


def test_lines_follow_standard_error_where_it_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = StringIO(), StringIO()
    monkeypatch.setattr("sys.stderr", first)
    log_to(STANDARD_ERROR, as_json=True)
    log = structlog.get_logger()
    log.info("one")
    monkeypatch.setattr("sys.stderr", second)
    first.close()
    log.info("two")
    logging.getLogger("library").warning("three")
    assert [line["event"] for line in lines(second)] == ["two", "three"]

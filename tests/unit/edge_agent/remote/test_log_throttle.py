"""However often a refusal is caused, it is said once an hour."""

from __future__ import annotations

from edge_agent.remote.log_throttle import EVERY_S, LogThrottle


def test_each_code_is_said_once_an_hour() -> None:
    sparing = LogThrottle()
    said = [(code, now) for now in range(0, 7300, 10) for code in "AB" if sparing.allows(code, now)]
    assert said == [(code, now) for now in (0, EVERY_S, 2 * EVERY_S) for code in "AB"]

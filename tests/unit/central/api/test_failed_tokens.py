"""Wrong tokens: pauses by address and by account, and who is let in all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import structlog

from central.api.failed_tokens import (
    FREE_OF_ACCOUNT,
    FREE_OF_ADDRESS,
    FailedTokens,
    network_of,
)
from central.api.problems import TooManyTriesError, problem_of

NOW = datetime(2026, 11, 3, tzinfo=UTC)
GUESSER, CLERK = "203.0.113.7", "198.51.100.2"


def fail(tokens: FailedTokens, address: str, at: datetime = NOW) -> bool:
    """Send a wrong token; whether it was looked at."""
    try:
        tokens.admit(address, "operator", at)
    except TooManyTriesError:
        return False
    tokens.note(address, "operator", at, is_right=False)
    return True


def test_two_hundred_wrong_tokens_in_a_second_are_five_that_are_looked_at() -> None:
    tokens = FailedTokens()
    with structlog.testing.capture_logs() as lines:
        looked_at = sum(fail(tokens, GUESSER) for _ in range(200))
    assert looked_at == FREE_OF_ADDRESS
    assert (tokens.failed, tokens.refused) == (5, 195)
    assert [line["event"] for line in lines] == ["sign_in_failed"] * 5
    assert lines[-1]["address"] == GUESSER
    # Nobody else waits for it.
    tokens.admit(CLERK, "operator", NOW)


def test_pauses_double_up_to_five_minutes_and_are_forgotten_in_an_hour() -> None:
    tokens, now, pauses = FailedTokens(), NOW, []
    for _ in range(20):
        assert fail(tokens, GUESSER, now)
        until = now
        while True:
            try:
                tokens.admit(GUESSER, "operator", until)
            except TooManyTriesError as error:
                until += timedelta(seconds=error.retry_after_s)
            else:
                break
        pauses.append((until - now).total_seconds())
        now = until
    assert pauses[:8] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert pauses[-1] == 300
    later = now + timedelta(hours=2)
    assert all(fail(tokens, GUESSER, later) for _ in range(FREE_OF_ADDRESS))


def test_an_account_that_many_try_is_closed_to_strangers_and_open_to_its_holder() -> None:
    tokens = FailedTokens()
    tokens.note(CLERK, "operator", NOW, is_right=True)
    for number in range(FREE_OF_ACCOUNT):
        assert fail(tokens, f"203.0.113.{number}")
    with pytest.raises(TooManyTriesError) as refused:
        tokens.admit("192.0.2.1", "operator", NOW)
    assert refused.value.retry_after_s == 1
    tokens.admit(CLERK, "operator", NOW)
    tokens.admit("192.0.2.1", "another", NOW)


def test_the_answer_says_when_to_come_back() -> None:
    problem = problem_of(TooManyTriesError("x", retry_after_s=17))
    assert (problem.status, problem.headers()) == (429, {"Retry-After": "17"})


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, "unknown"),
        ("nonsense\n", "unknown"),
    ],
)
def test_an_address_stands_for_whom_one_host_has(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_memory_is_bounded() -> None:
    tokens = FailedTokens()
    for number in range(12_000):
        tokens.note(
            f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x", NOW, is_right=False
        )
    assert len(tokens._tries) <= 10_000

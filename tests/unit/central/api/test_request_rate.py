"""How many requests an actor may make."""

from __future__ import annotations

import pytest

from central.api.problems import TooManyRequestsError, problem_of
from central.api.request_rate import BURST_S, RequestRate


def test_an_actor_may_ask_for_some_at_once_and_then_so_many_a_second() -> None:
    rate = RequestRate(10)
    for _ in range(10 * BURST_S):
        rate.admit("token:crm", 100.0)
    with pytest.raises(TooManyRequestsError) as refused:
        rate.admit("token:crm", 100.0)
    problem = problem_of(refused.value)
    assert (problem.status, problem.code, problem.retryable) == (429, "TOO_MANY_REQUESTS", True)
    assert problem.headers() == {"Retry-After": "1"}
    rate.admit("token:erp", 100.0)
    rate.admit("token:crm", 100.2)
    rate.admit("token:crm", 100.2)
    with pytest.raises(TooManyRequestsError):
        rate.admit("token:crm", 100.2)
    for _ in range(10 * BURST_S):
        rate.admit("token:crm", 200.0)


def test_no_limit_is_none() -> None:
    rate = RequestRate(0)
    for _ in range(1_000):
        rate.admit("token:crm", 0.0)

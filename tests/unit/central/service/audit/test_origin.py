"""From where somebody acts, as the audit log says it."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket

import pytest

from central.service.audit.origin import (
    LONGEST,
    acting_from,
    job_origin,
    network_of,
    origin_now,
    process_origin,
)

HERE = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"


def test_it_is_who_runs_the_process_and_where_unless_somebody_says_otherwise() -> None:
    assert origin_now() == HERE
    with acting_from("203.0.113.7"):
        assert origin_now() == "203.0.113.7"
        with acting_from(job_origin("find_candidates")):
            assert origin_now() == f"{HERE} (find_candidates)"
        assert origin_now() == "203.0.113.7"
    assert origin_now() == HERE


async def test_two_at_once_have_each_their_own_and_what_they_start_has_it_too() -> None:
    heard: list[str] = []

    async def ask(address: str) -> None:
        with acting_from(address):
            await asyncio.sleep(0)
            await asyncio.create_task(later())

    async def later() -> None:
        await asyncio.sleep(0)
        heard.append(origin_now())

    await asyncio.gather(ask("203.0.113.7"), ask("2001:db8::1"))
    assert sorted(heard) == ["2001:db8::1", "203.0.113.7"]


def test_it_is_plain_and_short_whatever_somebody_sends() -> None:
    with acting_from("203.0.113.7\x00" + "x" * 500):
        assert "\x00" not in origin_now()
        assert len(origin_now()) == LONGEST


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3::7", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("socket", "socket"),
    ],
)
def test_of_a_customer_only_the_network_is_said(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_user_without_a_name_is_said_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    process_origin.cache_clear()
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_123)
    assert process_origin() == f"uid-4000000123@{socket.gethostname()}"
    process_origin.cache_clear()

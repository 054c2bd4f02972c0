"""How far a cursor rises over what is held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from central.service.ingest.hash_chain import advance
from central.service.ports.ingest_records import EpochCursor, EpochKey, GatewayId, StoredLink
from firmware_bridge.contract.envelope import NO_HASH

THEN = datetime(2026, 10, 1, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)
KEY = EpochKey(GatewayId(1), UUID(int=7))
START = EpochCursor(KEY, 0, NO_HASH, 0, THEN)


def sha(number: int) -> bytes:
    return bytes([number]) * 32


def link(number: int, prev: bytes | None = b"", replaces: bytes | None = None) -> StoredLink:
    before = (sha(number - 1) if number > 1 else NO_HASH) if prev == b"" else prev
    return StoredLink(number, sha(number), before, replaces)


def test_it_rises_over_what_is_whole_and_stops_at_the_hole() -> None:
    step = advance(START, [link(1), link(2), link(4), link(5)], NOW)
    assert (step.cursor.cum, step.cursor.cum_hash, step.cursor.high) == (2, sha(2), 5)
    assert step.cursor.advanced_at == NOW
    assert step.broken_at is None


def test_nothing_new_leaves_it_where_it_stood() -> None:
    standing = replace(START, cum=2, cum_hash=sha(2), high=2)
    step = advance(standing, [link(2), link(5)], NOW)
    assert (step.cursor.cum, step.cursor.high, step.cursor.advanced_at) == (2, 5, THEN)


def test_a_batch_that_names_another_predecessor_breaks_the_chain() -> None:
    step = advance(START, [link(1), link(2, prev=sha(9)), link(3)], NOW)
    assert (step.cursor.cum, step.broken_at) == (1, 2)


def test_the_first_batch_has_no_predecessor() -> None:
    assert advance(START, [link(1, prev=sha(9))], NOW).broken_at == 1


@pytest.mark.parametrize("named", [sha(2), sha(8)], ids=["itself", "what it stands for"])
def test_a_void_is_known_by_two_hashes(named: bytes) -> None:
    void = link(2, replaces=sha(8))
    step = advance(START, [link(1), void, link(3, prev=named)], NOW)
    assert (step.cursor.cum, step.broken_at) == (3, None)


def test_a_void_that_does_not_know_what_it_stands_for_has_any_successor() -> None:
    void = link(2, replaces=NO_HASH)
    assert advance(START, [link(1), void, link(3, prev=sha(9))], NOW).cursor.cum == 3


def test_a_batch_that_cannot_be_read_follows_and_its_successor_names_it() -> None:
    step = advance(START, [link(1), link(2, prev=None), link(3)], NOW)
    assert step.cursor.cum == 3
    assert advance(START, [link(1), link(2, prev=None), link(3, prev=sha(9))], NOW).broken_at == 3


def test_behind_a_lost_range_any_batch_follows() -> None:
    lost = replace(START, cum=4, high=4)
    step = advance(lost, [link(5, prev=sha(9)), link(6)], NOW)
    assert (step.cursor.cum, step.broken_at) == (6, None)


def test_a_batch_given_up_for_lost_that_comes_late_lends_the_cursor_its_hash() -> None:
    lost = replace(START, cum=4, high=4)
    step = advance(lost, [link(4)], NOW)
    assert (step.cursor.cum, step.cursor.cum_hash) == (4, sha(4))

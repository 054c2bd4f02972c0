"""The chain over the log: sealed once and in order, verified, and anchored outside."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from central.adapters.anchor_file import TextAnchors, parse_anchor, read_anchors
from central.domain.audit.chain import BreakCode, ChainHead
from central.domain.billing.bill import Party
from central.service.audit.seal import SealAudit
from central.service.audit.verify import verify_audit
from central.service.ports.audit import AuditFilter
from central.service.ports.registry import AccountRecord
from tests.support.books import NOW, Utility


async def _change(utility: Utility, count: int) -> None:
    for number in range(count):
        await utility.enrol.account(AccountRecord("A-1", Party(f"Ada {number}")))


async def test_every_row_is_sealed_once_in_the_order_written(utility: Utility) -> None:
    await utility.found()
    head = await utility.audit.seal(NOW)
    assert head is not None
    await _change(utility, 3)
    after = await utility.audit.seal(NOW)
    assert after is not None
    assert after.number == head.number + 3
    assert await utility.audit.seal(NOW) == after
    listed = await utility.audit.rows(AuditFilter(), 1_000)
    assert [one.seal for one in listed] == list(range(after.number, 0, -1))
    found = await verify_audit(utility.audit, {after.number: after.sha256}, NOW)
    assert (found.head, found.broken) == (after, None)


async def test_rows_are_read_a_page_at_a_time(utility: Utility) -> None:
    await utility.found()
    listed = await utility.audit.rows(AuditFilter(), 1_000)
    before = listed[1].id
    assert await utility.audit.rows(AuditFilter(before=before), 2) == listed[2:4]


async def test_two_sealers_at_once_seal_each_row_once(utility: Utility) -> None:
    await utility.found()
    sealers = [SealAudit(utility.audit, clock=lambda: NOW) for _ in range(2)]

    async def seal(one: SealAudit) -> None:
        for _ in range(20):
            await one.step()

    await asyncio.gather(_change(utility, 20), *map(seal, sealers))
    await sealers[0].step()
    listed = await utility.audit.rows(AuditFilter(), 1_000)
    assert sorted(one.seal or 0 for one in listed) == list(range(1, len(listed) + 1))
    assert (await verify_audit(utility.audit, {}, NOW)).broken is None


async def test_a_row_that_waits_for_long_is_named(utility: Utility) -> None:
    await utility.found()
    assert (await verify_audit(utility.audit, {}, NOW)).broken is None
    late = await verify_audit(utility.audit, {}, NOW + timedelta(minutes=6))
    assert late.broken is not None
    assert (late.broken.code, late.broken.row_id) == (BreakCode.ROW_UNSEALED, 1)


async def test_the_head_is_anchored_and_a_shorter_log_is_found(
    utility: Utility, tmp_path: Path
) -> None:
    file, now = tmp_path / "anchors", [NOW]
    sealer = SealAudit(utility.audit, TextAnchors(file), lambda: now[0])
    await utility.found()
    first = await sealer.step()
    await _change(utility, 1)
    await sealer.step()
    assert list(read_anchors(file)) == [first.number if first else 0]
    now[0] += timedelta(minutes=1)
    head = await sealer.step()
    assert head is not None
    anchors = read_anchors(file)
    assert anchors[head.number] == head.sha256
    assert parse_anchor(str(head)) == {head.number: head.sha256}
    assert (await verify_audit(utility.audit, anchors, NOW)).broken is None
    longer = ChainHead(head.number + 1, bytes(32))
    cut = await verify_audit(utility.audit, parse_anchor(str(longer)), NOW)
    assert cut.broken is not None
    assert cut.broken.code is BreakCode.TAIL_CUT
    other = await verify_audit(utility.audit, {head.number - 1: bytes(32)}, NOW)
    assert other.broken is not None
    assert (other.broken.code, other.broken.number) == (
        BreakCode.ANCHOR_DIFFERS,
        head.number - 1,
    )


async def test_an_anchor_that_cannot_be_kept_stops_no_seal(
    utility: Utility, tmp_path: Path
) -> None:
    folder = tmp_path / "later"
    sealer = SealAudit(utility.audit, TextAnchors(folder / "anchors"), lambda: NOW)
    await utility.found()
    head = await sealer.step()
    folder.mkdir()
    await sealer.step()
    assert head is not None
    assert read_anchors(folder / "anchors") == {head.number: head.sha256}


@pytest.mark.parametrize("reason", ["", "merged"])
async def test_a_reason_is_kept_or_none(utility: Utility, reason: str) -> None:
    await utility.found()
    if reason:
        await utility.enrol.seller(Party("Valle Power"), reason)
    (row, *_) = await utility.audit.rows(AuditFilter(action="seller"), 1)
    assert row.detail["reason"] == (reason or None)

"""Heads of the audit log that are signed and exported once a day, and what they show."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from central.adapters.audit_heads import HeadRefusedError, SignedHeads, read_heads
from central.adapters.signing_key import FileKey
from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.cli.app import app
from central.domain.audit.chain import BreakCode, ChainHead
from central.service.audit.seal import SealAudit
from central.service.audit.verify import verify_audit
from tests.support.actors import noted
from tests.support.servers import Database

START = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


async def work_days(pool: Pool, folder: Path, key: FileKey, days: int) -> TimescaleAuditStore:
    """A gateway is enrolled each half day, and each time the log is sealed by another worker."""
    store, gateways = TimescaleAuditStore(pool), TimescaleGatewayStore(pool)
    for half in range(days * 2):
        now = START + half * timedelta(hours=12)
        await gateways.enrol(f"roof-{half}", noted(now))
        sealer = SealAudit(store, clock=lambda: now, heads=SignedHeads(folder, key))  # noqa: B023
        await sealer.step()
        await sealer.step()
    return store


async def test_a_head_is_exported_a_day_and_a_log_that_was_cut_is_shorter_than_it(
    plain_migrated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, folder = FileKey.make(tmp_path / "head.key"), tmp_path / "heads"
    folder.mkdir()
    async with make_pool(plain_migrated.dsn, max_size=2) as pool:
        store = await work_days(pool, folder, key, 3)
        heads = read_heads(folder, key.public)
        now = START + timedelta(days=4)
        assert [path.name for path in sorted(folder.iterdir())] == [
            f"audit-head-2026-03-{day:02}.json" for day in (1, 2, 3, 4)
        ]
        assert (await verify_audit(store, heads, now)).broken is None
        beyond = {max(heads) + 5: bytes(32)}
        cut = (await verify_audit(store, heads | beyond, now)).broken
        assert cut is not None
        assert cut.code is BreakCode.TAIL_CUT
        changed = {max(heads): bytes(32)}
        other = (await verify_audit(store, changed, now)).broken
        assert other is not None
        assert other.code is BreakCode.ANCHOR_DIFFERS
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn)
    words = ["audit", "verify", "--json", "--heads", str(folder), "--head-key"]
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, key.public.hex()])
    assert (done.exit_code, json.loads(done.output)["anchors"]) == (0, len(heads))
    stranger = FileKey.make(tmp_path / "other.key").public.hex()
    refused = await asyncio.to_thread(CliRunner().invoke, app, [*words, stranger])
    assert refused.exit_code != 0


def test_a_head_that_was_changed_or_signed_by_another_is_refused(tmp_path: Path) -> None:
    key = FileKey.make(tmp_path / "head.key")
    folder = tmp_path / "heads"
    folder.mkdir()
    head = ChainHead(7, bytes(range(32)))
    SignedHeads(folder, key).export(head, START)
    SignedHeads(folder, key).export(replace(head, number=8), START)
    assert read_heads(folder, key.public) == {7: head.sha256}
    with pytest.raises(HeadRefusedError):
        read_heads(folder, FileKey.make(tmp_path / "other.key").public)
    (file,) = folder.iterdir()
    file.chmod(0o644)
    file.write_text(file.read_text().replace('"seal": 7', '"seal": 9'))
    with pytest.raises(HeadRefusedError):
        read_heads(folder, key.public)

"""Documents by real processes: a worker that is killed while it renders, and one that works."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.documents import TimescaleDocumentStore
from central.adapters.timescale.pool import Pool, make_pool
from central.service.billing.archive import LEASE, ArchiveInvoices
from tests.support.actors import CHIEF
from tests.support.data import REPOSITORY
from tests.support.office import NOW, Office
from tests.support.servers import Database

# Takes everything that is due, and dies by the second document.
KILLED = """
import asyncio, os, signal, sys
from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.documents import TimescaleDocumentStore
from central.adapters.timescale.pool import make_pool
from central.service.billing.archive import ArchiveInvoices
from tests.support.office import NOW

printed = []

def render(bill, **rest):
    if printed:
        os.kill(os.getpid(), signal.SIGKILL)
    printed.append(bill.account)
    return render_invoice(bill, **rest)

async def main():
    async with make_pool(sys.argv[1], max_size=2) as pool:
        bills, documents = TimescaleBillingStore(pool), TimescaleDocumentStore(pool)
        await ArchiveInvoices(bills, documents, render, lambda: NOW).until_idle()

asyncio.run(main())
"""


@pytest.fixture
async def pool(plain_filled: Database) -> AsyncIterator[Pool]:
    """A database in which two bills are issued."""
    async with make_pool(plain_filled.dsn, max_size=4) as made:
        office = Office(made)
        await office.open()
        services = office.services()
        for name in ("Iturbe", "Okafor"):
            await services.approve.one(office.bills[name], CHIEF)
            await services.issue.one(office.bills[name], CHIEF)
        yield made


def kept(database: Database) -> dict[str, bytes]:
    """The hash of each bill's document, by account."""
    with psycopg.connect(database.dsn) as connection:
        rows = connection.execute(
            "SELECT bill.document ->> 'account', bill_document.sha256"
            " FROM bill_document JOIN bill ON bill.id = bill_document.bill_id"
        ).fetchall()
    assert len({account for account, _ in rows}) == len(rows)
    return {account: bytes(sha256) for account, sha256 in rows}


async def test_a_worker_that_is_killed_leaves_its_documents_to_the_next_once(
    pool: Pool, plain_filled: Database
) -> None:
    command = [sys.executable, "-c", KILLED, plain_filled.dsn]
    died = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, check=False)
    assert died.returncode == -signal.SIGKILL
    first = kept(plain_filled)
    assert len(first) == 1
    bills, documents = TimescaleBillingStore(pool), TimescaleDocumentStore(pool)
    for later, idle in ((timedelta(0), True), (LEASE, False), (2 * LEASE, True)):
        archive = ArchiveInvoices(bills, documents, render_invoice, lambda: NOW + later)  # noqa: B023 - used at once
        assert (await archive.until_idle()).idle is idle
    assert len(kept(plain_filled)) == 2
    assert first.items() <= kept(plain_filled).items()
    assert await documents.waiting(10) == []


async def test_the_worker_renders_what_is_issued(pool: Pool, plain_filled: Database) -> None:
    del pool
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "central.process.worker"),
        env={**os.environ, "METERLINE_DATABASE": plain_filled.dsn, "METERLINE_POLL_S": "0.2"},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(120):
            while len(kept(plain_filled)) < 2:
                assert worker.returncode is None
                await asyncio.sleep(0.3)
    finally:
        if worker.returncode is None:
            worker.terminate()
        await worker.wait()

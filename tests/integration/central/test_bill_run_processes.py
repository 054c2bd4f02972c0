"""Bill runs by several processes, and by processes that die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tests.support.bulk_customers import october_kwh, seed_customers
from tests.support.servers import Database

ACCOUNTS = 60
# Shorter than a shard takes.
LOOK_S = 0.005
CHANNELS = list(range(1, ACCOUNTS + 1))


def start(database: Database, workers: int = 1) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "METERLINE_DATABASE": database.dsn_as("meterline_app"),
        "METERLINE_SHARD_SIZE": "2",
    }
    command = [sys.executable, "-m", "central.cli", "bill", "run", "--cycle", "2026-10"]
    return subprocess.Popen(
        [*command, "--workers", str(workers), "--json", "--as", "clerk"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def check(database: Database) -> None:
    """Every account has one bill, whole, and the energy is the customers'."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT account_id), sum(kwh), sum(validated_kwh) FROM bill"
        ).fetchone()
        assert row is not None
        assert row[:2] == (ACCOUNTS, ACCOUNTS)
        assert row[2] == row[3] == october_kwh(CHANNELS)
        torn = connection.execute(
            "SELECT count(*) FROM bill WHERE total IS DISTINCT FROM"
            " (SELECT sum(amount) FROM bill_line WHERE bill_id = bill.id)"
        ).fetchone()
        assert torn == (0,)
        run = connection.execute("SELECT count(*), min(finished_at) FROM bill_run").fetchone()
        assert run is not None
        assert run[0] == 1
        assert run[1] is not None


def test_two_starts_give_every_account_one_bill(plain_migrated: Database) -> None:
    asyncio.run(seed_customers(plain_migrated.dsn, ACCOUNTS))
    both = [start(plain_migrated), start(plain_migrated)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    check(plain_migrated)


def test_a_killed_run_is_resumed(plain_migrated: Database) -> None:
    asyncio.run(seed_customers(plain_migrated.dsn, ACCOUNTS))
    first = start(plain_migrated)
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as connection:
        deadline = time.monotonic() + 60
        done = 0
        while done < 3:
            assert time.monotonic() < deadline
            row = connection.execute(
                "SELECT count(*) FROM bill_shard WHERE done_at IS NOT NULL"
            ).fetchone()
            done = row[0] if row else 0
            time.sleep(LOOK_S)
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        bills = connection.execute("SELECT count(*), coalesce(sum(kwh), 0) FROM bill").fetchone()
    assert bills is not None
    assert 6 <= bills[0] < ACCOUNTS
    assert Decimal(0) < bills[1] < october_kwh(CHANNELS)
    assert start(plain_migrated).wait(timeout=120) == 0
    check(plain_migrated)


def helper_of(process: subprocess.Popen[bytes]) -> int:
    """The further worker that a command started, as soon as there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for name in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            # Another child may end meanwhile.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if b"spawn_main" in Path(f"/proc/{name}/cmdline").read_bytes():
                    return int(name)
        time.sleep(0.01)
    pytest.fail("there is no further worker")


def test_a_command_ends_though_a_worker_of_its_own_is_frozen(plain_migrated: Database) -> None:
    asyncio.run(seed_customers(plain_migrated.dsn, ACCOUNTS))
    command = start(plain_migrated, workers=2)
    helper = helper_of(command)
    os.kill(helper, signal.SIGSTOP)
    assert command.wait(timeout=120) == 0
    assert not Path(f"/proc/{helper}").exists()
    check(plain_migrated)

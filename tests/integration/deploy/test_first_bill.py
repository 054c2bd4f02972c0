"""The page 'From an empty server to the first bill', block by block, as a reader types it.

Left out is what needs root, systemd and a broker's machine: blocks that begin with `$`. One thing
differs: the test's PostgreSQL listens at a socket alone, so its addresses leave `localhost` out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.support.data import REPOSITORY
from tests.support.servers import fresh_folder, postgres_servers, quick_server
from tests.support.size import SOAK

PAGE = REPOSITORY / "docs" / "how-to" / "from-an-empty-server.md"
CHECK = "meterline-central doctor"
# Of what the blocks that are left out begin.
NOT_STARTED = {"worker", "broker"}


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def run(folder: Path, script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(
        argv, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.skipif(not os.environ.get(SOAK), reason=f"{SOAK} is unset: types 30 commands")
def test_every_block_works_and_the_last_names_what_was_not_started() -> None:
    *steps, last = blocks()
    assert last == f"{CHECK}\n"
    with fresh_folder() as home:
        kind = postgres_servers()[0]
        server = quick_server(home / "server", kind)
        server.start()
        try:
            place = parse_qs(urlsplit(server.dsn).query)
            programs = [Path(sys.executable).parent, kind.binaries.folder]
            env = {
                **{name: value for name, value in os.environ.items() if "METERLINE" not in name},
                "PATH": os.pathsep.join(map(str, [*programs, os.environ["PATH"]])),
                "PGHOST": place["host"][0],
                "PGPORT": place["port"][0],
                "PGUSER": str(urlsplit(server.dsn).username),
            }
            site = home / "site"
            site.mkdir()
            script = "\n".join(steps).replace("@localhost/", "@/")
            done = run(site, script, env)
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            assert "1 issued." in done.stdout
            assert "It balances." in done.stdout
            assert (site / "invoices" / "A-1-2026-10.pdf").read_bytes().startswith(b"%PDF")
            (backup,) = (site / "backups").glob("*.dump")
            assert backup.stat().st_size
            checked = run(site, f"set -a; . ./central.env; {CHECK} --json", env)
            judged = json.loads(checked.stdout)
            failed = {each["step"]: each for each in judged if each["verdict"] == "fail"}
            assert checked.returncode == 3, checked.stderr
            assert set(failed) == NOT_STARTED
            assert all(each["remedy"] for each in failed.values())
            with psycopg.connect(server.dsn_for("meterline")) as connection:
                total = connection.execute("SELECT total FROM bill WHERE state = 'issued'")
                # 745 hours of 300 Wh: 223.5 kWh at 0.1874 are 41.88; with 6.90 and 21 %, 10.24.
                assert str(total.fetchone()[0]) == "59.02"  # type: ignore[index]
        finally:
            server.stop()


def test_what_is_left_out_needs_root_or_another_machine() -> None:
    text = PAGE.read_text()
    shown = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in shown for line in block.splitlines()]
    assert lines
    assert all(line.startswith("$ ") for line in lines)
    privileged = re.compile(r"/opt/|/usr/local|/etc/|systemctl|/var/lib")
    assert [line for line in lines if not privileged.search(line)] == []

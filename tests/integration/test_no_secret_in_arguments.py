"""What `ps` shows of every program that handles a secret has none, nor has what it prints."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from central.adapters.embedded.child import SupervisedChild
from central.adapters.timescale.backup_programs import Programs
from tests.support.servers import Database, fresh_database
from tests.unit.repo.test_secret_arguments import secrets as secret_parameters

CANARY = "cafe5eedcafe5eed"
LIVING_S = 3.0


class Watch:
    """Reads the arguments of all processes again and again, on a thread of its own."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.is_set():
            for name in os.listdir("/proc"):  # noqa: PTH208 - bare names, thousands of times
                if name.isdigit():
                    self._read(name)

    def _read(self, pid: str) -> None:
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return
        if CANARY.encode() in line or b"look-for-me" in line:
            self.seen.add(line)

    @property
    def leaks(self) -> list[bytes]:
        return [line for line in self.seen if CANARY.encode() in line]

    @contextmanager
    def looking(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._end.set()
            self._thread.join()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    with watch.looking():
        yield watch


def settings(database: Database | None = None) -> dict[str, str]:
    """An environment whose secrets all have the canary."""
    dsn = "postgresql://127.0.0.1:1/nowhere" if database is None else database.dsn
    dsn = make_conninfo(dsn, password=f"{CANARY}-of-the-database")
    token = secrets.token_hex(24)
    given = {
        "DATABASE": dsn,
        "OWNER_DATABASE": dsn,
        "INGEST_DATABASE": dsn,
        "WEB_TOKEN": f"{CANARY}-web-{token}",
        "WEB_SECRET": f"{CANARY}-sec-{token}",
        "BROKER_URL": "mqtt://127.0.0.1:1",
        "BROKER_USERNAME": "central",
        "BROKER_PASSWORD": f"{CANARY}-brk-{token}",
        "SMTP_PASSWORD": f"{CANARY}-smtp",
        "OIDC_SECRET": f"{CANARY}-oidc",
        "ACTOR": "ana",
    }
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return {**kept, **{f"METERLINE_{name}": value for name, value in given.items()}}


def run(
    program: str,
    *words: object,
    env: dict[str, str],
    given: str = "",
    ends: bool = True,
) -> str:
    """What a program prints; one that goes on is ended after some seconds."""
    argv = [sys.executable, "-m", program, *map(str, words)]
    process = subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(given, timeout=None if ends else LIVING_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        said, _ = process.communicate(timeout=60)
    return said


def wrapped_programs(database: Database, folder: Path) -> tuple[Path, Path]:
    """The server's programs, each behind a script that writes its arguments down, and the file."""
    written = folder / "arguments"
    scripts = folder / "programs"
    scripts.mkdir()
    own = database.kind.binaries.folder
    for program in ("pg_dump", "pg_restore", "pg_basebackup", "psql"):
        if not (own / program).is_file():
            continue
        script = scripts / program
        script.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "{program}" "$@" >> {written}\nexec {own / program} "$@"\n'
        )
        script.chmod(0o755)
    return scripts, written


def test_a_watch_sees_a_secret_in_arguments(watch: Watch) -> None:
    subprocess.run(
        [sys.executable, "-c", "import time; time.sleep(0.3)", f"{CANARY}-x"], check=True
    )
    assert watch.leaks


def test_a_backup_and_a_restore_pass_no_password_by_arguments(
    plain_filled: Database, watch: Watch, tmp_path: Path
) -> None:
    programs, written = wrapped_programs(plain_filled, tmp_path)
    folder = tmp_path / "backups"
    folder.mkdir()
    words = ["--programs", programs]
    said = run("central.cli", "backup", folder, *words, env=settings(plain_filled))
    (dump,) = folder.glob("*.dump")
    with fresh_database(plain_filled.server, plain_filled.kind) as empty:
        said += run("central.cli", "restore", dump, *words, env=settings(empty))
    argued = written.read_text()
    assert {"pg_dump", "pg_restore"} <= {*argued.split("\n")}
    assert "is the same" in said or "rows" in said
    assert CANARY not in argued + said
    assert watch.leaks == []


async def test_what_a_dsn_hides_stands_in_a_file_of_ones_own(tmp_path: Path) -> None:
    script = tmp_path / "tell"
    script.write_text(
        '#!/bin/sh\necho "$@" "$PGPASSWORD"\n'
        'stat -c %a "$(dirname "$PGSERVICEFILE")"\ncat "$PGSERVICEFILE"\n'
    )
    script.chmod(0o755)
    dsn = f"host=h password={CANARY}-p sslpassword={CANARY}-s"
    said = (await Programs(dsn, tmp_path).on_database("tell", "-x")).decode()
    argued, mode, *lines = said.split("\n")
    assert argued == f"--dbname=host=h service=meterline -x {CANARY}-p"
    assert (mode, lines) == ("700", ["[meterline]", f"sslpassword={CANARY}-s", ""])


def test_a_supervised_server_gets_its_settings_by_no_argument(watch: Watch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    argv = [sys.executable, "-c", "import os, time; print(os.environ['X'], flush=True)"]
    argv[-1] += "; time.sleep(30)  # look-for-me"
    child = SupervisedChild(argv, cwd=tmp_path, log=log, env={"X": f"{CANARY}-x" * 4_000}).start()
    try:
        child.wait_ready(lambda: CANARY in child.log_tail(), 20.0)
        watchdog = Path(f"/proc/{parent_of(child.pid)}/cmdline").read_bytes()
    finally:
        child.stop()
    assert watch.seen
    assert CANARY.encode() not in watchdog
    assert watch.leaks == []


def parent_of(pid: int | None) -> int:
    found = re.search(r"^PPid:\s+(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("name", sorted(secret_parameters()))
@pytest.mark.parametrize("way", ["file", "input", "variable"])
def test_each_secret_of_a_command_is_in_no_argument_and_no_output(
    name: str, way: str, watch: Watch, tmp_path: Path, plain_migrated: Database
) -> None:
    program, *command, option = name.split()
    secret = "https://127.0.0.1:1/" + CANARY if option == "url" else CANARY * 2
    file = tmp_path / "secret"
    file.write_text(f"{secret}\n")
    load = tmp_path / "load"
    load.write_text("1\n2\n")
    word = {"file": f"@{file}", "input": "-"}.get(way)
    flag = f"--{option.replace('_', '-')}"
    words: list[object] = [] if word is None else [word] if option == "code" else [flag, word]
    needed: dict[str, list[object]] = {
        "edge claim": ["--centre", "https://127.0.0.1:1", "--config", tmp_path / "edge.toml"],
        "bridge decode": ["--protocol", "dsmr", load],
        "bridge probe": ["127.0.0.1", "--port", "1", "--timeout-s", "0.1", "--listen-s", "0.2"],
        "bridge simulate": ["--load", load, "--step-s", "3600"],
        "central notice set-endpoint": ["desk", "--reason", "r"],
    }
    words += needed[" ".join((program, *command))]
    if option == "password":
        words += ["--protocol", "mqtt_native", "--username", "u"]
        words += ["--port", "1"] if command == ["simulate"] else []
    elif program == "bridge" and command != ["decode"]:
        words += ["--protocol", "dlms"]
    if program == "edge":
        words += ["--folder", tmp_path / "identity"]
    environment = settings(plain_migrated)
    if way == "variable":
        environment[secret_parameters()[name].envvar] = secret
    module = {"edge": "edge_agent.cli", "central": "central.cli", "bridge": "firmware_bridge.cli"}
    given = f"{secret}\n" if way == "input" else ""
    said = run(module[program], *command, *words, env=environment, given=given, ends=False)
    # It took what it was given: nothing says that it is absent, or is none.
    assert not re.search(r"gives no secret|Missing|No such option|is none of", said), said
    assert CANARY not in said
    assert watch.leaks == []


@pytest.mark.parametrize(
    "words",
    [
        "serve --port 0",
        "ingest",
        "worker",
        "doctor",
        "broker bring",
        "user add bob --role viewer",
        "gateway invite roof-1",
        "gateway make-key {tmp}/key",
        "gateway make-authority {tmp}",
        "notice set-endpoint desk --mail a@example.org --reason r",
        "audit list",
    ],
)
def test_secrets_of_settings_are_in_no_argument_and_no_output(
    words: str, watch: Watch, tmp_path: Path, plain_migrated: Database
) -> None:
    given = words.format(tmp=tmp_path).split()
    said = run("central.cli", *given, env=settings(plain_migrated), ends=False)
    assert CANARY not in said
    assert "Traceback" not in said
    assert watch.leaks == []

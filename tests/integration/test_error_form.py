"""Every command of every package fails in one form: one line, one code, one exit code."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from central.adapters.timescale.migrate import MIGRATIONS, migrate
from central.cli.app import app as central
from edge_agent.cli import app as edge
from firmware_bridge.cli.app import app as bridge
from tests.support.servers import Database

LINE = re.compile(r"[A-Z][A-Z0-9_]*: [^\n]+\.\n")
# Without a database, or a broker: what they need besides.
NEEDS_DATABASE = {
    "audit list": [],
    "audit verify": [],
    "bill approve": ["A-1/2026-10"],
    "bill issue": ["A-1/2026-10"],
    "bill pdf": ["A-1/2026-10"],
    "bill run": ["--cycle", "2026-10"],
    "bill show": ["A-1/2026-10"],
    "bill summary": ["--cycle", "2026-10"],
    "conflict decide": ["1", "keep", "--reason", "seen"],
    "conflict list": [],
    "cycle list": [],
    "finding accept": ["v1", "--reason", "seen"],
    "finding list": [],
    "gateway enrol": ["gw-1"],
    "gateway epochs": ["gw-1"],
    "gateway move-meter": ["A", "B", "--to", "gw-1"],
    "gateway revoke": ["gw-1"],
    "gateway revoke-epoch": ["gw-1", "01934f1a-0000-7000-8000-000000000000"],
    "group list": [],
    "quarantine list": [],
    "quarantine requeue": [],
    "settings show": [],
    "validate": [],
}


def commands(app: typer.Typer) -> Iterator[tuple[str, Any]]:
    """Every command by its words."""

    def below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
        if isinstance(command, TyperGroup):
            for name, child in command.commands.items():
                yield from below(child, (*words, name))
        else:
            yield " ".join(words), command

    return below(typer.main.get_command(app), ())


PROGRAMS = {"central": central, "edge": edge, "bridge": bridge}
ALL = [(name, words, command) for name, app in PROGRAMS.items() for words, command in commands(app)]
IDS = [f"{name} {words}" for name, words, _ in ALL]


def ran(app: typer.Typer, *arguments: str) -> Result:
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done


@pytest.mark.parametrize(("program", "words", "command"), ALL, ids=IDS)
def test_a_wrong_argument_is_one_line_in_the_form(program: str, words: str, command: Any) -> None:  # noqa: ANN401
    if words == "demo":
        pytest.skip("its command is imported late, and tried with the demo's own tests")
    done = ran(PROGRAMS[program], *words.split(), "--no-such-option")
    assert (done.exit_code, done.stdout) == (2, "")
    assert LINE.fullmatch(done.stderr), done.stderr
    assert done.stderr.startswith("USAGE: No such option: --no-such-option. Run `")
    if any("--json" in option.opts for option in command.params):
        done = ran(PROGRAMS[program], *words.split(), "--no-such-option", "--json")
        assert done.stderr == ""
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "USAGE"
        assert error["remedy"].startswith("Run `")


@pytest.mark.parametrize("words", NEEDS_DATABASE)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_command_without_a_database_says_so(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, as_json: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("METERLINE_DATABASE", raising=False)
    json_option = ["--json"] if as_json else []
    done = ran(central, *words.split(), *NEEDS_DATABASE[words], *json_option)
    _says(done, "SETTING_MISSING", 2, as_json=as_json)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("METERLINE_DATABASE", f"postgresql://nobody@127.0.0.1:{port}/none")
    done = ran(central, *words.split(), *NEEDS_DATABASE[words], *json_option)
    _says(done, "STORE_UNAVAILABLE", 1, as_json=as_json)
    monkeypatch.setenv("METERLINE_DATABASE", "postgresql://nobody:hunter2@[/none")
    done = ran(central, *words.split(), *NEEDS_DATABASE[words], *json_option)
    _says(done, "DSN_UNREADABLE", 2, as_json=as_json)
    assert "hunter2" not in done.output


def test_a_database_that_was_not_migrated_is_named(
    plain_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_database.dsn)
    for words, rest in NEEDS_DATABASE.items():
        done = ran(central, *words.split(), *rest)
        _says(done, "SCHEMA_MISSING", 2, as_json=False)
        assert "`meterline-central migrate`" in done.stderr
    for path in MIGRATIONS.glob("000[12]_*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    migrate(plain_database.dsn, tmp_path)
    with psycopg.connect(plain_database.dsn, autocommit=True) as owner:
        owner.execute("GRANT SELECT ON schema_migration TO meterline_app")
    done = ran(central, "finding", "list")
    _says(done, "SCHEMA_OLD", 2, as_json=False)
    assert "`meterline-central migrate`" in done.stderr


@pytest.mark.parametrize("words", ["bill approve", "bill issue", "bill pdf"])
@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_selected_is_an_error(words: str, *, as_json: bool) -> None:
    done = ran(central, *words.split(), *(["--json"] if as_json else []))
    _says(done, "NOTHING_SELECTED", 2, as_json=as_json)


def test_a_wrong_zone_is_one_line(tmp_path: Path) -> None:
    load, tariff, record = tmp_path / "load", tmp_path / "t.yaml", tmp_path / "r.json"
    timing = "--start 2026-01-01T00:00 --step-minutes 60"
    load.write_text("1\n" * 8760)
    tariff.write_text("tariff: X\n")
    record.write_text('{"label": "a", "energyratestructure": [[{"rate": 0.1}]]}')
    for app, words, code in (
        (
            central,
            f"rate --tariff {record} --load {load} --zone No/Where {timing}",
            2,
        ),
        (central, f"import series {load} --name X --zone No/Where", 2),
        (bridge, f"simulate --protocol modbus --load {load} --step-s 3600 --zone No/Where", 3),
    ):
        done = ran(app, *words.split())
        assert done.exit_code == code, (words, done.output)
        assert "No/Where" in done.output


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.toml"
    for app, words, exit_code in (
        (edge, f"check-config --config {nowhere}", 3),
        (edge, f"status --config {nowhere}", 3),
        (edge, f"reload --config {nowhere}", 3),
        (edge, f"run --config {nowhere}", 3),
        (edge, f"verify-update a b --installed 1.0.0 --config {nowhere}", 3),
        (central, f"gateway configure gw-1 {nowhere} --key {nowhere}", 2),
        (central, f"tariff add {nowhere}", 2),
    ):
        done = ran(app, *words.split())
        assert done.exit_code == exit_code, (words, done.output)
        assert LINE.fullmatch(done.stderr), done.stderr
        if app is edge and "check" in words:
            done = ran(app, *words.split(), "--json")
            assert set(json.loads(done.stdout)["error"]) >= {"code", "message", "remedy"}


def _says(done: Result, code: str, exit_code: int, *, as_json: bool) -> None:
    assert done.exit_code == exit_code, done.output
    if not as_json:
        assert LINE.fullmatch(done.stderr), done.stderr
        assert done.stderr.startswith(f"{code}: ")
        assert done.stdout == ""
        return
    error = json.loads(done.stdout)["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["remedy"]

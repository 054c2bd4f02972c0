"""What the centre's command says when a setting or the database is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.forked_commands import Ended, forked_commands

NOBODY = "postgresql://clerk:sesame@127.0.0.1:1/x"


Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def meterline() -> Iterator[Command]:
    """The command, called with its words and its settings."""
    with forked_commands() as commands:

        def run(*arguments: str, **settings: str) -> Ended:
            env = {**os.environ, "METERLINE_DATABASE": NOBODY, **settings}
            done = commands.run("central.cli", arguments, env)
            assert "Traceback" not in done.stderr
            return done

        yield run


def test_a_database_that_cannot_be_reached_says_why_and_keeps_the_password() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "central.cli", "finding", "list"],
        env={**os.environ, "METERLINE_DATABASE": NOBODY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert done.stderr.startswith("STORE_UNAVAILABLE: ")
    assert "Connection refused" in done.stderr
    assert "sesame" not in done.stderr


def test_a_dsn_that_cannot_be_read_is_not_repeated(meterline: Command) -> None:
    done = meterline("finding", "list", METERLINE_DATABASE="clerk:sesame")
    assert done.returncode == 2
    assert done.stderr.startswith("DSN_UNREADABLE: ")
    assert "sesame" not in done.stderr
    done = meterline("migrate", METERLINE_DATABASE="clerk:sesame")
    assert done.stderr.startswith("DATABASE: The DSN of the database cannot be read.")
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("ingest", "METERLINE_BROKER_PORT", "abc"),
        ("serve", "METERLINE_WEB_PORT", "abc"),
        ("serve", "METERLINE_WEB_HOSTS", "example.org"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    meterline: Command, command: str, name: str, value: str
) -> None:
    done = meterline(command, **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith("CONFIGURATION: ")
    assert name in done.stderr


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("serve", "METERLINE_WEB_SECRET", ""),
        ("serve", "METERLINE_WEB_SECRET", " " * 40),
        ("serve", "METERLINE_WEB_SECRET", "hunter2"),
        ("serve", "METERLINE_WEB_SECRET", "k" * 32),
        ("serve", "METERLINE_WEB_TOKEN", ""),
        ("serve", "METERLINE_WEB_TOKEN", "0123456789abcdef"),
        ("ingest", "METERLINE_BROKER_PASSWORD", ""),
        ("ingest", "METERLINE_BROKER_PASSWORD", "hunter2"),
    ],
)
@pytest.mark.parametrize("filed", [False, True], ids=["environment", "file"])
def test_a_secret_that_could_be_guessed_refuses_the_start(  # noqa: PLR0913 - one case
    meterline: Command, tmp_path: Path, command: str, name: str, value: str, *, filed: bool
) -> None:
    given = {name: value}
    if filed:
        (tmp_path / name.lower()).write_text(f"{value}\n")
        given = {"METERLINE_SECRETS_DIR": str(tmp_path)}
    done = meterline(command, **given)
    assert done.returncode == 2
    assert done.stderr.startswith("SECRET_REFUSED: ")
    assert name in done.stderr
    assert "openssl rand" in done.stderr
    assert value.strip() == "" or value not in done.stderr


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("validate", "METERLINE_DATABASE"),
        ("migrate", "METERLINE_OWNER_DATABASE"),
        ("ingest", "METERLINE_INGEST_DATABASE"),
    ],
)
def test_a_blank_database_is_not_that_of_whoever_runs_this(
    meterline: Command, command: str, name: str
) -> None:
    done = meterline(command, **{name: ""})
    assert done.returncode == 2
    assert done.stderr.startswith("SECRET_REFUSED: ")


def test_a_folder_of_secrets_that_is_not_there_is_named(meterline: Command, tmp_path: Path) -> None:
    done = meterline("serve", METERLINE_SECRETS_DIR=str(tmp_path / "none"))
    assert done.returncode == 2
    assert done.stderr.startswith("SECRETS_FOLDER: ")


def test_a_port_that_cannot_be_is_wrong_usage(meterline: Command) -> None:
    assert meterline("serve", "--port", "99999").returncode == 2

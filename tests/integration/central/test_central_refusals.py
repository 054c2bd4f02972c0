"""What the centre's command says when a setting or the database is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NOBODY = "postgresql://clerk:sesame@127.0.0.1:1/x"


def meterline(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "central.cli", *arguments],
        env={**os.environ, "METERLINE_DATABASE": NOBODY, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_a_database_that_cannot_be_reached_says_why_and_keeps_the_password() -> None:
    done = meterline("finding", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("STORE_UNAVAILABLE: ")
    assert "Connection refused" in done.stderr
    assert "sesame" not in done.stderr


def test_a_dsn_that_cannot_be_read_is_not_repeated() -> None:
    done = meterline("finding", "list", METERLINE_DATABASE="clerk:sesame")
    assert done.returncode == 1
    assert "METERLINE_DATABASE cannot be used" in done.stderr
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("ingest", "METERLINE_INGEST_BROKER_PORT", "abc"),
        ("serve", "METERLINE_WEB_PORT", "abc"),
        ("serve", "METERLINE_WEB_HOSTS", "example.org"),
    ],
)
def test_a_setting_that_cannot_be_is_named(command: str, name: str, value: str) -> None:
    done = meterline(command, **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith("CONFIGURATION: ")
    assert name in done.stderr


def test_a_port_that_cannot_be_is_wrong_usage() -> None:
    assert meterline("serve", "--port", "99999").returncode == 2

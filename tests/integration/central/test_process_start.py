"""The processes of the centre, started as modules: what they say of a setting that is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.forked_commands import ForkedCommands, forked_commands

NOBODY = "postgresql://clerk:sesame@127.0.0.1:1/x"


def environment(**settings: str) -> dict[str, str]:
    others = {name: text for name, text in os.environ.items() if not name.startswith("METERLINE_")}
    return {**others, **settings}


def started(process: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"central.process.{process}"],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("process", ["ingest", "worker", "serve"])
def test_a_process_without_a_database_says_which_setting_is_missing(process: str) -> None:
    done = started(process)
    assert done.returncode == 2
    assert done.stderr.startswith("SETTING_MISSING: No database is configured.")
    assert "METERLINE_DATABASE" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def forked() -> Iterator[ForkedCommands]:
    with forked_commands() as commands:
        yield commands


@pytest.mark.parametrize(
    ("process", "name"),
    [
        ("ingest", "METERLINE_BROKER_PORT"),
        ("worker", "METERLINE_POLL_S"),
        ("serve", "METERLINE_WEB_PORT"),
        ("serve", "METERLINE_WEB_HOSTS"),
    ],
)
def test_a_setting_that_is_refused_is_named_in_a_sentence(
    forked: ForkedCommands, process: str, name: str
) -> None:
    env = environment(METERLINE_DATABASE=NOBODY, **{name: "abc"})
    done = forked.run(f"central.process.{process}", (), env)
    assert done.returncode == 2
    assert done.stderr.startswith(f"CONFIGURATION: {name} is ")
    assert done.stderr.count("\n") == 1


def test_an_old_name_that_is_refused_is_named_with_the_new_one() -> None:
    done = started("ingest", METERLINE_DATABASE=NOBODY, METERLINE_INGEST_BROKER_PORT="abc")
    assert done.returncode == 2
    renamed = next(line for line in done.stderr.splitlines() if "setting_renamed" in line)
    assert "old_name=METERLINE_INGEST_BROKER_PORT" in renamed
    assert "new_name=METERLINE_BROKER_PORT" in renamed
    assert "CONFIGURATION: METERLINE_BROKER_PORT is refused" in done.stderr
    assert "Traceback" not in done.stderr

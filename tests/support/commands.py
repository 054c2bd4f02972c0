"""The centre's commands, called in the test's own process on one database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner, Result

from central.cli.app import app

if TYPE_CHECKING:
    import pytest

    from tests.support.servers import Database

Run = Callable[..., Result]
"""Called with a command's words, and with `code` where it is to end otherwise than well."""


def commands_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands that `clerk` gives, as the application and as the owner of a database."""
    monkeypatch.setenv("METERLINE_DATABASE", database.dsn_as("meterline_app"))
    monkeypatch.setenv("METERLINE_OWNER_DATABASE", database.dsn)
    monkeypatch.setenv("METERLINE_ACTOR", "clerk")
    return run_command


def run_command(*arguments: object, code: int = 0) -> Result:
    """Call a command; it ends with that code, and never with a traceback."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.stderr
    return done


def printed_json(done: Result) -> Any:  # noqa: ANN401 - JSON is anything
    """What a command printed as JSON."""
    return json.loads(done.stdout)

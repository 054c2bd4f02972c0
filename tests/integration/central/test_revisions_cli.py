"""Tariffs corrected and withdrawn, and what was known, by commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from central.cli.app import app
from tests.support.books import TARIFF
from tests.support.servers import Database

BOOK = """\
seller: {name: Sierra Power}
accounts: [{number: A-1, name: NAME}]
"""


def test_what_was_recorded_stays_readable(
    plain_migrated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    monkeypatch.setenv("METERLINE_ACTOR", "clerk")

    def run(*arguments: object, code: int = 0) -> Result:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == code, done.output
        return done

    def said(*arguments: object) -> Any:  # noqa: ANN401 - JSON is anything
        return json.loads(run(*arguments, "--json").stdout)

    file, right = tmp_path / "home.yaml", tmp_path / "right.yaml"
    file.write_text(TARIFF)
    right.write_text(TARIFF.replace("peak: 0.30", "peak: 0.40"))
    assert said("tariff", "add", file) == [{"file": str(file), "effect": "added", "concerned": []}]
    assert "--correct" in run("tariff", "add", right, code=2).stderr
    run("tariff", "add", right, "--correct", code=2)
    run("tariff", "add", right, "--reason", "mistyped", code=2)
    done = run("tariff", "add", right, "--correct", "--reason", "mistyped")
    assert done.stdout.strip() == f"{right}: changed"
    run("tariff", "withdraw", "HOME", "2026-01-01", "--reason", "not decided")
    run("tariff", "withdraw", "HOME", "2026-01-01", "--reason", "again", code=2)
    listed = said("tariff", "list", "HOME")
    assert [(row["revision"], row["withdrawn"], row["reason"]) for row in listed] == [
        (1, False, None),
        (2, False, "mistyped"),
        (3, True, "not decided"),
    ]
    assert {row["recorded_by"] for row in listed} == {"clerk"}
    assert "revision 3, withdrawn" in run("tariff", "list").stdout
    assert said("tariff", "list", "--as-of", "2020-01-01T00:00:00Z") == []
    for wrong in ("2999-01-01T00:00:00Z", "2020-01-01T00:00:00", "yesterday"):
        run("tariff", "list", "--as-of", wrong, code=2)

    for name in ("Ada Lovelace", "Ada Byron"):
        (tmp_path / "book.yaml").write_text(BOOK.replace("NAME", name))
        run("import", "customers", tmp_path / "book.yaml")
    history = said("registry", "history", "account", "A-1")
    assert [row["content"]["name"] for row in history] == ["Ada Lovelace", "Ada Byron"]
    first, second = run("registry", "history", "account").stdout.split("A-1, revision ")[1:]
    assert "\n  name: Ada Lovelace\n" in first
    # What stays is not said again.
    changed = second.splitlines()[1:]
    assert changed == ["  name: Ada Byron (was Ada Lovelace)"]
    assert said("registry", "history", "account", "--as-of", "2020-01-01T00:00:00Z") == []

"""A secret need not stand on a command line: each way to give one, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from firmware_bridge.secret_option import secret_argument, secret_option

app = typer.Typer()


@app.command()
def show(
    code: Annotated[str, secret_argument("SHOWN_CODE", "Code.")] = "-",
    key: Annotated[str | None, secret_option("SHOWN_KEY", "Key.")] = None,
) -> None:
    """Show both."""
    typer.echo(f"{code}|{key}")


@pytest.mark.parametrize(
    ("words", "variables", "given", "shown"),
    [
        ("c --key k", {}, "", "c|k"),
        ("c", {}, "", "c|None"),
        ("c --key @{file}", {}, "", "c|of-the-file"),
        ("c --key -", {}, " typed \nmore\n", "c|typed"),
        ("", {}, "typed\n", "typed|None"),
        # A line each: options in their order, then arguments.
        ("- --key -", {}, "first\nsecond\n", "second|first"),
        ("", {"SHOWN_CODE": "@x", "SHOWN_KEY": "-"}, "", "@x|-"),
        ("c --key k", {"SHOWN_KEY": "e"}, "", "c|k"),
    ],
)
def test_a_secret_comes_by_each_way(
    tmp_path: Path, words: str, variables: dict[str, str], given: str, shown: str
) -> None:
    file = tmp_path / "secret"
    file.write_text("of-the-file\nignored\n")
    done = CliRunner().invoke(app, words.format(file=file).split(), input=given, env=variables)
    assert (done.exit_code, done.stdout.strip()) == (0, shown), done.output


@pytest.mark.parametrize(
    ("words", "given", "why"),
    [
        ("c --key @{file}", "", "gives no secret"),
        ("c --key -", "\n", "Standard input gives no secret"),
        ("", "", "Standard input gives no secret"),
    ],
)
def test_an_empty_line_is_no_secret(tmp_path: Path, words: str, given: str, why: str) -> None:
    file = tmp_path / "secret"
    file.write_text("\nsecond line\n")
    done = CliRunner().invoke(app, words.format(file=file).split(), input=given)
    assert done.exit_code == 2
    # Help is boxed at the width of a terminal.
    assert why in " ".join(done.output.replace("│", " ").split())
    assert "second line" not in done.output


def test_a_file_that_is_not_there_is_an_error_of_the_system() -> None:
    done = CliRunner().invoke(app, ["c", "--key", "@/nowhere/secret"])
    assert isinstance(done.exception, FileNotFoundError)

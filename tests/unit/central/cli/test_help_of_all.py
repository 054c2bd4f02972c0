"""Every command's help is printed, with all that it says in brackets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typer
from click import unstyle
from typer.testing import CliRunner

from central.cli.app import app
from tests.support.data import REPOSITORY

WIDE = {"COLUMNS": "250"}
BRACKETS = re.compile(r"\[[^\]]+\]")


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - of typer
    yield words, command
    for name in list(getattr(command, "commands", {})):
        yield from commands(command.commands[name], *words, name)


def lost() -> Iterator[str]:
    """What the help of a command should say, and does not."""
    for words, command in commands(typer.main.get_command(app)):
        done = CliRunner().invoke(app, [*words, "--help"], env=WIDE)
        if done.exit_code:
            yield f"{words}: {done.exception!r}"
        shown = " ".join(unstyle(done.output).replace("│", " ").split())
        said = [text for option in command.params for text in BRACKETS.findall(option.help or "")]
        yield from (f"{words}: {text}" for text in said if text not in shown)


def test_no_command_loses_its_help_or_what_stands_in_brackets() -> None:
    # In a process of its own, since it imports every command.
    script = f"from {__name__} import lost; print([*lost()])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

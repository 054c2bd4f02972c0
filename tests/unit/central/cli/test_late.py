"""Commands are imported when they are asked for, and the program's help says of each what it is."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from click import unstyle
from typer.testing import CliRunner

from central.cli.app import COMMANDS, app

LOADED = """
import sys
import central.cli.app
print(*sorted(name for name in sys.modules if name.startswith("central.cli.")))
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_programs_help_says_the_first_sentence_of_a_commands_own(name: str) -> None:
    program = typer.main.get_command(app)
    own = program.commands[name].help  # type: ignore[attr-defined]
    assert " ".join(own.split("\n\n")[0].split()) == COMMANDS[name].help


def test_help_lists_every_command_and_imports_none() -> None:
    done = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert [name for name in COMMANDS if f" {name} " not in unstyle(done.output)] == []
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    ).stdout.split()
    modules = {f"central.cli.{command.module}" for command in COMMANDS.values()}
    assert modules.isdisjoint(loaded)

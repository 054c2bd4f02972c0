"""No command takes a secret by its arguments alone, and what starts programs is known by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from central.cli.app import app as central
from edge_agent.cli import app as edge
from firmware_bridge.cli.app import app as bridge
from firmware_bridge.secret_option import read_secret
from tests.support.data import REPOSITORY

PROGRAMS = {"central": central, "edge": edge, "bridge": bridge}
# Words of a name that could be a secret's.
NAMES = re.compile(r"key|secret|token|passw|phrase|code|dsn|url|database|credential|pin\b|salt|otp")
# What has such a word and is none, and why.
NO_SECRETS: dict[str, set[str] | re.Pattern[str]] = {
    "a file's name": {
        "central gateway configure key",
        "central gateway update key",
    },
    "public": {
        "central audit verify head_key",
        "central gateway update url",
    },
    "a name in the register": {
        "central ledger post key",
        "central ledger show key",
        "central invoicing point code",
        "central invoicing seller postcode",
        "central invoicing account postcode",
    },
    "the kind of a finding or reason": re.compile(
        r"central (exceptions \S+|quarantine \S+|vee \S+) (code|reason_code|keys?)"
    ),
}
# Modules that start other programs; each says how secrets reach them.
STARTING = {
    "central/adapters/authority.py": "the operator's own command; the request has no secret",
    "central/adapters/embedded/binaries.py": "asks a program for its version",
    "central/adapters/embedded/child.py": "settings by the first line of standard input",
    "central/adapters/embedded/cluster.py": "initdb, which needs no password",
    "central/adapters/embedded/watchdog.py": "settings by the environment",
    "central/adapters/timescale/backup_programs.py": "PGPASSWORD and a service file",
    "edge_agent/remote/update/installer.py": "an artefact and its version",
}
STARTERS = {"Popen", "create_subprocess_exec", "create_subprocess_shell", "system", "execv"}
STARTERS |= {"execve", "execvp", "spawnv", "posix_spawn", "check_output", "check_call", "popen"}


def parameters() -> Iterator[tuple[str, Any]]:
    for program, app in PROGRAMS.items():
        pending: list[tuple[tuple[str, ...], Any]] = [((program,), typer.main.get_command(app))]
        while pending:
            path, command = pending.pop()
            if isinstance(command, TyperGroup):
                pending += [((*path, name), one) for name, one in command.commands.items()]
                continue
            for param in command.params:
                yield " ".join((*path, str(param.name))), param


def is_no_secret(name: str) -> bool:
    return any(
        name in names if isinstance(names, set) else bool(names.fullmatch(name))
        for names in NO_SECRETS.values()
    )


def secrets() -> dict[str, Any]:
    return {
        name: param
        for name, param in parameters()
        if NAMES.search(name.rsplit(" ", 1)[1]) and not is_no_secret(name)
    }


def is_read_elsewhere(param: Any) -> bool:  # noqa: ANN401 - of click
    # typer wraps a callback; what it wraps stands in its closure.
    wrapped = [cell.cell_contents for cell in getattr(param.callback, "__closure__", None) or ()]
    return read_secret in [param.callback, *wrapped] and bool(param.envvar)


def test_every_secret_comes_by_a_file_a_variable_or_the_input_too() -> None:
    found = secrets()
    assert {"edge claim code", "bridge probe password", "central notice set-endpoint url"} <= {
        *found
    }
    assert [name for name, param in found.items() if not is_read_elsewhere(param)] == []


def test_what_is_no_secret_is_there() -> None:
    names = {name for name, _ in parameters()}
    listed = set().union(*(one for one in NO_SECRETS.values() if isinstance(one, set)))
    assert listed <= names


def starts_programs(source: str) -> bool:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            of_subprocess = isinstance(of, ast.Name) and of.id == "subprocess"
            if node.func.attr in STARTERS or (of_subprocess and node.func.attr in {"run", "call"}):
                return True
    return False


@pytest.mark.parametrize(
    "source", ["subprocess.run(['x'])", "asyncio.create_subprocess_exec('x')", "os.execv('x', [])"]
)
def test_a_start_of_a_program_is_seen(source: str) -> None:
    assert starts_programs(source)


def test_only_what_is_listed_starts_programs() -> None:
    found = {
        str(file.relative_to(REPOSITORY))
        for folder in ("central", "edge_agent", "firmware_bridge")
        for file in (REPOSITORY / folder).rglob("*.py")
        if starts_programs(file.read_text())
    }
    assert found == {*STARTING}

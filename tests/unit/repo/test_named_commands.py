"""Commands that remedies, help texts and documents name are there, and take what is given them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from central.cli.app import app as central
from edge_agent.cli import app as edge
from firmware_bridge.cli.app import app as bridge
from tests.support.data import REPOSITORY

PROGRAMS = {"meterline-central": central, "meterline-edge": edge, "meterline-bridge": bridge}
FOLDERS = ("central", "edge_agent", "firmware_bridge", "docs", "deploy")
ENDINGS = {".py", ".md", ".html", ".sql", ".service", ".yaml", ".yml"}
SPAN = re.compile(r"`([^`\n]+)`")
LINE = re.compile(
    r"^\s*(?:\$ |ExecStart=\S*/)?(meterline-(?:central|edge|bridge) [^\n`]+)$", re.MULTILINE
)
# Words that stand for something: NAME, {name}, ..., <name>, [--option].
STANDS_FOR = re.compile(r"[{<\[(.'\"A-Z0-9/]|.*[A-Z{]")


def files() -> Iterator[Path]:
    """What is read today; the changelog also names what was there in its day."""
    yield from (file for file in sorted(REPOSITORY.glob("*.md")) if file.stem != "CHANGELOG")
    for folder in FOLDERS:
        for file in sorted((REPOSITORY / folder).rglob("*")):
            if file.suffix in ENDINGS and "static" not in file.parts:
                yield file


@cache
def root(program: str) -> Any:  # noqa: ANN401 - of click
    return typer.main.get_command(PROGRAMS[program])


def fault(text: str) -> str | None:
    """What is wrong with a command line that is named; None where it is right or none is meant."""
    words = text.replace("[", " ").replace("]", " ").split()
    named = words[0] in PROGRAMS if words else False
    program = words.pop(0) if named else "meterline-central"
    command = root(program)
    path: list[str] = []
    while isinstance(command, TyperGroup):
        if not words or words[0].startswith("-") or STANDS_FOR.match(words[0]):
            return None
        word = words.pop(0).rstrip(".,;:")
        options = [option for one in word.split("|") for option in one.split("/")]
        absent = [one for one in options if one not in command.commands]
        if absent:
            meant = named or (path and re.fullmatch(r"[a-z-]+", word))
            return f"{' '.join([*path, word])}: no such command" if meant else None
        path.append(options[0])
        command = command.commands[options[0]]
    there = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    given = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(words))
    unknown = [one for one in given if one not in {*there, "--help"}]
    if unknown:
        return f"{' '.join(path)}: no option {unknown[0]}"
    if not named or "..." in text or not given:
        return None
    missing = [
        one.opts[-1]
        for one in command.params
        if one.required and one.param_type_name == "option" and not {*one.opts} & {*given}
    ]
    return f"{' '.join(path)}: lacks {missing[0]}" if missing else None


def options(command: Any) -> set[str]:  # noqa: ANN401 - of click
    if isinstance(command, TyperGroup):
        return set().union(*map(options, command.commands.values()))
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


def test_every_option_that_a_sentence_names_is_there() -> None:
    there = {"--help", "--version"}.union(*(options(root(program)) for program in PROGRAMS))
    wrong = []
    for file in files():
        if file.suffix == ".py":
            for sentence in re.findall(r'"[^"\n]* [^"\n]*"', file.read_text()):
                named = re.findall(r"(?<![\w-])--[a-z][a-z-]+", sentence)
                wrong += [f"{file.name}: {one}" for one in named if one not in there]
    assert wrong == []


def test_every_command_that_is_named_is_there() -> None:
    wrong = []
    for file in files():
        text = file.read_text().replace("\\\n", " ")
        for named in (*SPAN.findall(text), *LINE.findall(text)):
            found = fault(named)
            if found:
                wrong.append(f"{file.relative_to(REPOSITORY)}: `{named}`: {found}")
    assert wrong == []

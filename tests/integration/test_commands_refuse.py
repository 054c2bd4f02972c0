"""What no command can use is refused in the one form, by each command of each program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import typer
from typer.testing import CliRunner

import central.cli.output
from central.cli.app import app as central_app
from edge_agent.cli import app as edge
from firmware_bridge.cli.app import app as bridge
from tests.integration.test_error_form import ALL
from tests.support import given_commands as given
from tests.support.data import REPOSITORY
from tests.support.servers import Database
from tests.support.size import sized

# How many kinds of a bad argument each command is given; the next command is given the next.
KINDS = sized("METERLINE_REFUSALS", 1, 12)
LINE = re.compile(r"(?:[A-Z][A-Z0-9_]*: |\S+:\d+: [A-Z])[^\n]+[.`]")
GIVEN = [
    *((central_app, *one) for one in {**given.CENTRAL, **given.ALONE}.items()),
    *((edge, *one) for one in given.EDGE.items()),
    *((bridge, *one) for one in given.BRIDGE.items()),
]
WITH_JSON = {
    (program, words)
    for program, words, command in ALL
    if any("--json" in option.opts for option in command.params)
}
Kind = TypeVar("Kind")
NAMES = {id(central_app): "central", id(edge): "edge", id(bridge): "bridge"}
# A date, a month or a time as commands take it.
DATED = re.compile(r"(?:.*/)?\d{4}-\d\d(-\d\d.*)?")
NO_DAYS = ("2026-13-45", "yesterday", "", "2026-02-30")
FILES = {
    "empty": b"",
    "latin": b"name: \xe9\xff\n",
    "nul": b"a\x00b\n",
    "broken": b"a: [1\n",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that are of no use: not there, empty, no text, no document, a folder."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    return [tmp_path / name for name in ("missing", *FILES, "folder")]


def refusal(app: typer.Typer, arguments: Sequence[str], *, may_do: bool = False) -> str | None:
    """What is wrong with how a command refuses its arguments; nothing where it is right."""
    done = CliRunner().invoke(app, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return f"{arguments}: {done.exception!r}"
    said = f"{arguments} -> {done.exit_code}: {done.stdout!r} {done.stderr!r}"
    if done.exit_code == 0:
        return None if may_do else said
    if "--json" not in arguments:
        lines = done.stderr.strip().splitlines()
        # Of many things at once it is said how many were done, and of a record what it lacks.
        good = lines or "refused" in done.stdout
        return None if good and all(map(LINE.fullmatch, lines)) else said
    errors = list(errors_in(json.loads(done.stdout)))
    named = errors and all(one["code"] and one["message"] for one in errors)
    return None if named and not done.stderr else said


def errors_in(answer: object) -> Iterator[dict[str, object]]:
    """Every error in an answer: the one of the command, or one of each thing."""
    if isinstance(answer, list):
        for one in answer:
            yield from errors_in(one)
    elif isinstance(answer, dict):
        if "code" in answer:
            yield answer
        for key in ("error", "failed", "refusals"):
            yield from errors_in(answer.get(key))


def both_forms(app: typer.Typer, words: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    yield [*words.split(), *arguments]
    if (NAMES[id(app)], words) in WITH_JSON:
        yield [*words.split(), *arguments, "--json"]


def some(kinds: Sequence[Kind], turn: int) -> Iterator[tuple[int, Kind]]:
    """As many of the kinds as are tried of one command, others at each turn."""
    for place in range(turn, turn + min(KINDS, len(kinds))):
        yield place, kinds[place % len(kinds)]


def wrong(
    cases: Iterator[tuple[typer.Typer, list[str]]],
    *,
    may_do: Callable[[str], bool] = lambda _: False,
) -> list[str]:
    found = (refusal(app, line, may_do=may_do(" ".join(line))) for app, line in cases)
    return [one for one in found if one is not None]


def test_every_command_is_given() -> None:
    table = {
        **dict.fromkeys([*given.CENTRAL, *given.ALONE, *given.LIVING, *given.LATE], "central"),
        **dict.fromkeys(given.EDGE, "edge"),
        **dict.fromkeys(given.BRIDGE, "bridge"),
    }
    assert {words: program for program, words, _ in ALL} == table


def test_a_file_that_is_of_no_use_is_refused(
    files: list[Path], plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn)

    def cases() -> Iterator[tuple[typer.Typer, list[str]]]:
        for turn, (app, words, arguments) in enumerate(GIVEN):
            # It makes its file; of a capture another says a line a telegram.
            makes = {"gateway make-key", "gateway make-authority", "decode"}
            if "{file}" not in arguments or words in makes:
                continue
            for place, file in some(files, turn):
                forms = list(both_forms(app, words, arguments.format(file=file).split()))
                yield app, forms[place // 2 % len(forms)]

    assert wrong(cases()) == []


def test_a_day_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, files: list[Path]) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", "postgresql://nobody@127.0.0.1:1/none")

    def cases() -> Iterator[tuple[typer.Typer, list[str]]]:
        for turn, (app, words, arguments) in enumerate(GIVEN):
            line = arguments.format(file=files[1]).split()
            for place, word in enumerate(line):
                if not DATED.fullmatch(word):
                    continue
                for number, day in some(NO_DAYS, turn):
                    bad = word.replace(word.rpartition("/")[2], day)
                    changed = [*line[:place], bad, *line[place + 1 :]]
                    forms = list(both_forms(app, words, changed))
                    yield app, forms[number // 2 % len(forms)]

    assert wrong(cases()) == []


@pytest.mark.usefixtures("files")
def test_what_is_nowhere_is_refused(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn)
    # What lists, counts or adds finds nothing to refuse.
    does = re.compile(
        r"(alert (list|rules)|audit|broker rules"
        r"|bill (conflicts|list|questions|run|summary|suppressed)|conflict list"
        r"|correction (candidates|enter-limit|enter-rule|limits|list|rules)"
        r"|events (list|meters|waiting)"
        r"|allocation list|checks list|cycle (add|extend|list)|exceptions (counts|list|orders)"
        r"|figures|finding list|fiscal (use|verify)"
        r"|gateway (enrol|invite)|group (add|list)|holidays (change|list|seed)"
        r"|api-key list|invoicing (deliveries|seller|show)|ledger list|move list"
        r"|notice (endpoints|list|rules|set-endpoint)"
        r"|consumption changes"
        r"|pilot list|quarantine|reconcile|registry"
        r"|retention (delete|enter-rule|floors|raise-floor|holds|preview|receipts|resume|rules)"
        r"|schedule (list|pause|resume|set)|session"
        r"|settings|status|subjects list|tariff list|unbilled charges|user list|validate"
        r"|vee (rules|storms))\b"
    )

    def cases() -> Iterator[tuple[typer.Typer, list[str]]]:
        for turn, (app, words, arguments) in enumerate(GIVEN):
            if app is central_app and "{file}" not in arguments:
                for _, form in some(list(both_forms(app, words, arguments.split())), turn):
                    yield app, form
        backwards = ["group", "assign", "north", "SP-9", *given.SINCE.split(), "--to", "2025-01-01"]
        yield central_app, backwards

    assert wrong(cases(), may_do=lambda line: does.match(line) is not None) == []


def test_an_argument_that_is_no_text_is_refused(files: list[Path]) -> None:
    name = os.fsdecode(b"\xff")
    arguments = ["import", "customers", str(files[1]), "--as", name]
    assert refusal(central_app, arguments) is None
    assert refusal(central_app, [*arguments, "--json"]) is None


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_is_said_in_the_form(monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(central.cli.output, "settings", stop)
    monkeypatch.setattr("central.cli.findings.settings", stop)
    arguments = ["finding", "list", *(["--json"] if as_json else [])]
    done = CliRunner().invoke(central_app, arguments)
    assert done.exit_code == 130
    text = json.loads(done.stdout)["error"]["code"] if as_json else done.stderr
    assert text.startswith("STOPPED")


@pytest.mark.parametrize(
    "command",
    [
        ("central.cli", "migrate", "--sql"),
        ("central.cli", "tariff", "check", "docs/reference/tariffs/residential-tou.yaml"),
        ("firmware_bridge.cli", "profiles"),
    ],
)
def test_who_reads_no_further_is_no_error(command: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", *command],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.usefixtures("files")
def test_a_database_that_was_never_migrated_is_said_by_each(
    plain_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_database.dsn)
    for words, arguments in given.CENTRAL.items():
        if "{file}" in arguments:
            continue
        done = CliRunner().invoke(central_app, [*words.split(), *arguments.split(), "--json"])
        assert done.exit_code == 2, (words, done.output)
        assert json.loads(done.stdout)["error"]["code"] == "SCHEMA_MISSING", words

"""Log lines are events with fields: one style, edge and centre alike."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

PACKAGES = ("firmware_bridge", "edge_agent", "central")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log", "fatal"}
EVENT = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def logging_modules() -> Iterator[tuple[Path, ast.Module]]:
    for folder in PACKAGES:
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            if re.search(r"get_?logger|logging\.", text := file.read_text(), re.IGNORECASE):
                yield file, ast.parse(text)


def loggers(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """The name, the maker and the line of each logger that a module keeps for its own lines."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            maker = ast.unparse(node.value.func)
            if maker.endswith(("get_logger", "getLogger")):
                yield ast.unparse(node.targets[0]), ast.unparse(node.value), node.lineno


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and re.fullmatch(
                r"(self\.)?_?(log|logger|logging)", ast.unparse(node.func.value), re.IGNORECASE
            )
        ):
            yield node


def faults(tree: ast.Module) -> list[str]:
    found = [
        f"line {line}: {name} = {maker}"
        for name, maker, line in loggers(tree)
        if (name, maker) != ("_log", "structlog.get_logger(__name__)")
    ]
    for call in log_calls(tree):
        event = call.args[0] if len(call.args) == 1 else None
        named = isinstance(event, ast.Constant) and isinstance(event.value, str)
        if not (named and EVENT.fullmatch(str(event.value))):  # type: ignore[union-attr]
            found.append(f"line {call.lineno}: the event is one name in snake case: {_said(call)}")
        found += [
            f"line {call.lineno}: a field is a value, not a sentence: {field.arg}"
            for field in call.keywords
            if any(isinstance(node, ast.JoinedStr) for node in ast.walk(field.value))
        ]
    return found


def _said(call: ast.Call) -> str:
    return ", ".join(map(ast.unparse, call.args)) or "nothing"


@pytest.mark.parametrize(
    "line",
    [
        '_log.info("broker lost")',
        '_log.info(f"broker_{name}")',
        '_log.info("lost %s", name)',
        '_log.info("a" if b else "c")',
        "_log.info(error.code)",
        '_log.info("broker_lost", reason=f"{host} is gone")',
        "_log.info()",
        'logging.warning("Broker_lost")',
        "_LOG = structlog.get_logger(__name__)",
        "_log = logging.getLogger(__name__)",
    ],
)
def test_another_style_is_found(line: str) -> None:
    assert faults(ast.parse(line))


def test_an_event_with_fields_is_good() -> None:
    text = '_log = structlog.get_logger(__name__)\n_log.info("broker_lost", host=host, attempt=3)'
    assert not faults(ast.parse(text))


def test_every_log_line_is_an_event_with_fields() -> None:
    found = {
        str(file.relative_to(REPOSITORY)): wrong
        for file, tree in logging_modules()
        if (wrong := faults(tree))
    }
    assert not found


def test_there_are_log_lines_to_judge() -> None:
    assert sum(1 for _, tree in logging_modules() for _ in log_calls(tree)) > 20

"""No statement and no module of the store reads a clock: time comes from the use-case."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

CENTRAL = REPOSITORY / "central"
# Applied in the field, so never changed again; 0010 takes their defaults and functions back.
APPLIED = {"0001_ingest.plain.sql", "0002_billing.sql"}
# They pack chunks and compute hours ahead, and change no answer; see the decision on clocks.
HOUSEKEEPING = {"0001_ingest.columnstore.sql", "0004_late_hours.columnstore.sql"}
READS = re.compile(
    r"""
    \b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|uuidv7)\s*\(
    | \b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b
    | '(now|today|tomorrow|yesterday)'
    | \bage\s*\(\s*[^,()]+\)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What the store's modules do not call, as `datetime.now()`. The one that migrates has no use-case.
CLOCK_CALLS = {"now", "utcnow", "today", "time", "time_ns"}
WITHOUT_USE_CASE = {"central/adapters/timescale/migrate.py"}
POLICY = re.compile(r"\badd_\w+_policy\b|\badd_job\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")


def scripts() -> Iterator[Path]:
    yield from sorted(CENTRAL.rglob("*.sql"))


def strings(source: str) -> Iterator[str]:
    """The strings of a module but its docstrings."""
    tree = ast.parse(source)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def code(script: Path) -> str:
    return _COMMENT.sub("", script.read_text(encoding="utf-8"))


def test_no_script_reads_the_servers_clock() -> None:
    found = {script.name for script in scripts() if READS.search(code(script))}
    assert found <= APPLIED, "time is an argument: %(now)s"
    assert found == APPLIED, "what no longer reads it needs no exception"


def test_no_policy_runs_by_the_servers_clock_but_where_it_changes_no_answer() -> None:
    assert {script.name for script in scripts() if POLICY.search(code(script))} == HOUSEKEEPING


def test_no_statement_in_a_module_reads_the_servers_clock() -> None:
    found = [
        (path.relative_to(REPOSITORY), text)
        for path in sorted(CENTRAL.rglob("*.py"))
        for text in strings(path.read_text(encoding="utf-8"))
        if READS.search(text) or POLICY.search(text)
    ]
    assert not found


def clock_calls(source: str) -> list[int]:
    """The lines of a module that read this machine's clock."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_CALLS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "time"}
    ]


def test_no_module_of_the_store_reads_this_machines_clock() -> None:
    found = {
        str(path.relative_to(REPOSITORY))
        for path in sorted((CENTRAL / "adapters" / "timescale").rglob("*.py"))
        if clock_calls(path.read_text(encoding="utf-8"))
    }
    assert found == WITHOUT_USE_CASE


def test_a_clock_that_is_read_is_found() -> None:
    assert clock_calls("at = uuid7(datetime.now(UTC))\nb = row.time()") == [1]
    assert clock_calls("c = time.time()") == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT now()",
        "at timestamptz DEFAULT CURRENT_TIMESTAMP",
        "WHERE day < current_date",
        "SELECT clock_timestamp ()",
        "WHERE at > 'yesterday'::date",
        "SELECT age(born_at)",
    ],
)
def test_such_a_statement_is_seen(statement: str) -> None:
    assert READS.search(statement)


@pytest.mark.parametrize(
    "statement", ["SELECT %(now)s", "SELECT age(a.at, b.at)", "SELECT known, today.day"]
)
def test_another_is_not(statement: str) -> None:
    assert not READS.search(statement)


def test_nothing_that_writes_is_given_a_clock_that_stands() -> None:
    # What a transaction writes is known from when it began: a run of many takes the time anew.
    standing = re.compile(r"lambda: (now|at)\b")
    found = [
        str(path.relative_to(CENTRAL))
        for room in ("service", "process", "adapters")
        for path in sorted((CENTRAL / room).rglob("*.py"))
        if standing.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []

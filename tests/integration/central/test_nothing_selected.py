"""A name that selects nothing is refused by each command, and is never an empty success."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import Run, commands_on
from tests.support.servers import Database

CYCLE = ("--cycle", "2026-10")


@pytest.fixture
def central(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    return commands_on(plain_migrated, monkeypatch)


def test_what_nothing_has_is_named_and_refused(central: Run) -> None:
    refused = {
        ("bill", "run", "--cycle", "2026-10.nada"): "UNKNOWN_CYCLE",
        ("bill", "run", *CYCLE, "--group", "nada"): "UNKNOWN_SCOPE",
        ("bill", "run", *CYCLE, "--account", "nada"): "UNKNOWN_SCOPE",
        ("bill", "summary", *CYCLE, "--account", "nada"): "UNKNOWN_RUN",
        ("bill", "approve", "--account", "nada"): "NOTHING_SELECTED",
        ("bill", "issue", "A-1/2026-10", "--group", "nada"): "NOTHING_SELECTED",
        ("bill", "pdf", "--group", "nada"): "NOTHING_SELECTED",
        ("bill", "render", "--account", "nada"): "NOTHING_SELECTED",
        ("bill", "list", "nada"): "NOT_REGISTERED",
        ("reconcile", "--month", "2026-10", "--tariff", "nada"): "NOT_FOUND",
        ("reconcile", "--month", "2026-10", "--group", "nada"): "NOT_FOUND",
        ("reconcile", "--month", "2026-10", "--account", "nada"): "NOT_FOUND",
        ("reconcile", "--run", "2026-10"): "NOT_FOUND",
        ("tariff", "list", "nada"): "NOT_FOUND",
        ("holidays", "list", "nada"): "NOT_FOUND",
        ("registry", "history", "account", "nada"): "NOT_FOUND",
        ("ledger", "list", "--account", "nada"): "NOT_REGISTERED",
        ("finding", "list", "--gateway", "nada"): "NO_SUCH_GATEWAY",
        ("quarantine", "list", "--gateway", "nada"): "NO_SUCH_GATEWAY",
        ("quarantine", "requeue", "--gateway", "nada"): "NO_SUCH_GATEWAY",
        ("group", "show", "nada"): "NOT_REGISTERED",
        ("cycle", "show", "nada"): "NOT_REGISTERED",
        ("gateway", "epochs", "nada"): "NO_SUCH_GATEWAY",
    }
    codes = {}
    for command in refused:
        error = json.loads(central(*command, "--json", code=2).stdout)["error"]
        assert error["remedy"], command
        codes[command] = error["code"]
    assert codes == refused


def test_a_run_that_was_never_begun_is_begun_for_the_same_accounts(central: Run) -> None:
    missing = central("bill", "summary", *CYCLE, "--account", "A 1", code=2).stderr
    assert "`meterline-central bill run --cycle 2026-10 --account 'A 1'`" in missing

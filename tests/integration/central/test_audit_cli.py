"""Who did what, listed and verified from the command line, on a real server."""

from __future__ import annotations

import json
import os
import pwd
import socket
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.commands import Run, commands_on
from tests.support.servers import Database

FILE = """\
seller: {name: NAME}
accounts:
  - number: A-1
    name: Ada
"""


@pytest.fixture
def central(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("METERLINE_AUDIT_ANCHOR_FILE", str(tmp_path / "anchors"))
    run = commands_on(plain_migrated, monkeypatch)
    run("gateway", "enrol", "roof-1", "--reason", "first roof", "--as", "ana")
    (tmp_path / "customers.yaml").write_text(FILE.replace("NAME", "Sierra Power"))
    run("import", "customers", tmp_path / "customers.yaml")
    return run


def listed(run: Run, *options: object) -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(run("audit", "list", "--json", *options).stdout)


def test_the_log_is_listed_with_actor_values_and_reason(central: Run) -> None:
    (enrolled,) = listed(central, "--actor", "ana")
    assert (enrolled["action"], enrolled["via"]) == ("gateway.enrolled", "command")
    assert (enrolled["new"], enrolled["reason"]) == ({"revoked": False}, "first roof")
    (account,) = listed(central, "--subject", "A-1")
    assert account["new"] == {"name": "Ada", "address": [], "tax_id": "", "contact": ""}
    # Whoever `--as` names: the machine says who ran the command, and where.
    here = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    assert enrolled["origin"] == here
    assert f"ana (command, {here})" in central("audit", "list", "--origin", here).stdout
    assert listed(central, "--origin", "203.0.113.7") == []
    assert listed(central, "--until", "2026-01-01") == []
    assert "gateway.enrolled" in central("audit", "list", "--action", "gateway").stdout
    assert "No row" in central("audit", "list", "--actor", "person:bob").stdout


def test_another_seller_needs_a_reason(central: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(FILE.replace("NAME", "Valle Power").replace("Ada", "Eve"))
    refused = central("import", "customers", other, code=2).stderr
    assert refused.startswith("SELLER_DIFFERS: The seller is Sierra Power; another name is given.")
    assert len(listed(central, "--subject", "A-1")) == 1
    central("import", "customers", other, "--replace-seller", "merger")
    (changed, _) = listed(central, "--action", "seller")
    assert changed["old"] == {"name": "Sierra Power"}
    assert (changed["new"], changed["reason"]) == ({"name": "Valle Power"}, "merger")


def test_verify_names_the_broken_row_and_a_tail_that_was_cut(
    central: Run, plain_migrated: Database, tmp_path: Path
) -> None:
    late = central("audit", "verify", "--unsealed-s", "0", code=3).stderr
    assert late.startswith("AUDIT_ROW_UNSEALED")
    central("validate")
    good = json.loads(central("audit", "verify", "--json").stdout)
    assert (good["seals"], good["anchors"]) == (3, 1)
    central("audit", "verify", "--anchor", good["head"])
    bad = central("audit", "verify", "--anchor", tmp_path / "customers.yaml", code=2).stderr
    assert bad.startswith("ANCHOR_UNREADABLE: Line 1 of customers.yaml is not an anchor.")
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM audit_seal WHERE seal = 3")
        owner.execute("DELETE FROM audit_log WHERE id = 3")
        cut = central("audit", "verify", code=3).stderr
        assert cut == "AUDIT_TAIL_CUT: The log ends at seal 2, but seal 3 was anchored.\n"
        owner.execute("UPDATE audit_log SET subject = 'roof-9' WHERE id = 1")
    broken = json.loads(central("audit", "verify", "--json", code=3).stdout)["broken"]
    assert (broken["code"], broken["row"], broken["seal"]) == ("AUDIT_ROW_CHANGED", 1, 1)

"""Cycles, groups and a cut-over from the command line, on a real server."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from tests.support.books import TARIFF
from tests.support.commands import Run, commands_on, printed_json
from tests.support.servers import Database

CUSTOMERS = """\
seller: {name: Sierra Power}
tariffs: [home.yaml]
service_points:
  - name: SP-1
    zone: Europe/Madrid
    meters: [{meter: MTL/S1, from: 2026-09-01, gateway: roof-1}]
accounts:
  - number: A-1
    name: Ada
    agreements: [{point: SP-1, tariff: HOME, from: 2026-09-01}]
    cycle: bimonthly
    groups: [route-7]
"""
CUTOVER = """\
number_series: {INV: 10233}
accounts:
  - number: A-1
    balance: 12.40
    points:
      - {point: SP-1, last_billed: 2026-09-30, reads: [{meter: MTL/S1, obis: 1.8.0, value: 842}]}
"""


@pytest.fixture
def central(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    run = commands_on(plain_migrated, monkeypatch)
    run("gateway", "enrol", "roof-1")
    return run


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    (tmp_path / "home.yaml").write_text(TARIFF, encoding="utf-8")
    file = tmp_path / "customers.yaml"
    file.write_text(CUSTOMERS, encoding="utf-8")
    return file


def test_cycles_and_groups_are_kept_by_commands(
    central: Run, customers: Path, tmp_path: Path
) -> None:
    assert "built-in" in central("cycle", "list").stdout
    added = ("cycle", "add", "bimonthly", "--months", 2, "--from", "2026-01-01")
    assert (
        "2026-02.bimonthly: 2026-01-01 to 2026-02-28, billed from 2026-0" in central(*added).stdout
    )
    assert "bimonthly: unchanged" in central(*added).stdout
    assert "1, 2, 3, 6 or 12" in central("cycle", "add", "x", "--months", 4, "--from", "2026-01-01",
                                      code=2).stderr  # fmt: skip
    dates = tmp_path / "route.csv"
    dates.write_text("cycle,first,end\nroute-7,2026-09-29,2026-10-28\n", encoding="utf-8")
    assert "would be added" in central("cycle", "import", dates, "--dry-run").stdout
    assert printed_json(central("cycle", "list", "--json"))[0]["cycle"] == "bimonthly"
    assert "route-7: added" in central("cycle", "import", dates).stdout
    assert "Nothing to do." in central("cycle", "extend").stdout

    central("import", "customers", customers)
    shown = printed_json(central("cycle", "show", "bimonthly", "--json"))
    assert shown["accounts"] == [{"account": "A-1", "from": "2026-09-01"}]
    assert "A-1 from 2026-09-01" in central("cycle", "show", "bimonthly").stdout
    done = central("cycle", "assign", "A-1", "@15", "--from", "2027-01-15")
    assert "A-1: @15 from 2027-01-15, changed." in done.stdout
    refused = central("cycle", "assign", "A-1", "weekly", "--from", "2027-01-15", code=2)
    assert refused.stderr.startswith("NOT_REGISTERED: ")

    assert printed_json(central("group", "list", "--json")) == [
        {"group": "route-7", "of": "account", "memberships": 1}
    ]
    central("group", "add", "feeder:7", "--of", "point")
    central("group", "assign", "feeder:7", "SP-1", "--from", "2026-09-01")
    assert "SP-1" in central("group", "show", "feeder:7").stdout
    central("group", "remove", "feeder:7", "SP-1", "--from", "2026-11-01")
    members = printed_json(central("group", "show", "feeder:7", "--json"))
    assert members == [{"point": "SP-1", "from": "2026-09-01", "to": "2026-11-01"}]


def test_customers_are_taken_over_by_a_command(
    central: Run, customers: Path, tmp_path: Path
) -> None:
    central("cycle", "add", "bimonthly", "--months", 2, "--from", "2026-01-01")
    central("import", "customers", customers)
    file = tmp_path / "cutover.yaml"
    file.write_text(CUTOVER, encoding="utf-8")
    dry = central("import", "cutover", file, "--dry-run").stdout
    assert "A-1 at SP-1, electricity: would be added" in dry
    assert "billed here from 2026-10-01 on" in dry
    assert "balance: 12.40" in dry
    assert "INV: would be continued after 10233" in dry
    done = printed_json(central("import", "cutover", file, "--json"))
    assert [point["effect"] for point in done["points"]] == ["added"]
    again = printed_json(central("import", "cutover", file, "--json"))
    assert [point["effect"] for point in again["points"]] == ["unchanged"]
    file.write_text(CUTOVER.replace("A-1", "A-9"), encoding="utf-8")
    refused = central("import", "cutover", file, code=2)
    assert refused.stderr.startswith("CUTOVER_REFUSED: ")
    assert "no account 'A-9'" in refused.stderr


def test_days_that_no_claim_holds_are_listed_and_decided_by_command(
    central: Run, customers: Path, plain_migrated: Database
) -> None:
    assert "No claim conflict is open." in central("bill", "conflicts").stdout
    central("cycle", "add", "bimonthly", "--months", 2, "--from", "2026-01-01")
    central("group", "add", "route-7", "--of", "account", "--reason", "read by Ben")
    central("import", "customers", customers)
    with psycopg.connect(plain_migrated.dsn) as owner:
        owner.execute(
            "INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day)"
            " SELECT id, 'not_billed', '2026-10-05', '2026-10-09' FROM occupancy"
        )
    listed = central("bill", "conflicts").stdout
    assert "not billed: 2026-10-05 to 2026-10-08" in listed
    assert "account A-1 (Ada)" in listed
    (conflict,) = printed_json(central("bill", "conflicts", "--json"))
    assert (conflict["kind"], conflict["end"], conflict["others"]) == (
        "not_billed",
        "2026-10-09",
        [],
    )
    decide = ("bill", "decide-conflict", conflict["conflict"], "leave", "--reason")
    assert "INVALID_VALUE" in central(*decide, " ", code=2).stderr
    central(*decide, "vacant")
    assert "NO_SUCH_CLAIM_CONFLICT" in central(*decide, "vacant", code=2).stderr
    assert "leave, by clerk: vacant" in central("bill", "conflicts", "--decided").stdout
    log = central("audit", "list", "--action", "group").stdout
    assert re.search(
        r"clerk \(command, \S+@\S+\)  group\.added  route-7\n   because: read by Ben", log
    )


def test_what_was_entered_by_mistake_is_withdrawn_by_command(central: Run, customers: Path) -> None:
    central("cycle", "add", "bimonthly", "--months", 2, "--from", "2026-01-01")
    central("group", "add", "route-7", "--of", "account")
    central("import", "customers", customers)
    fact = ("agreement", "fact", "A-1", "SP-1", "kw", "4.6", "--from", "2026-10-16")
    assert "added" in central(*fact, "--reason", "asked").stdout
    fact = ("agreement", "withdraw-fact", "A-1", "SP-1", "kw", "2026-10-16", "--reason", "refused")
    assert "withdrawn" in central(*fact).stdout
    agreement = ("agreement", "withdraw", "A-1", "SP-1", "2026-09-01", "--reason", "wrong house")
    meter = ("installation", "withdraw", "SP-1", "MTL", "S1", "2026-09-01T00:00:00+02:00",
             "--reason", "wrong house")  # fmt: skip
    for command in (agreement, meter):
        assert "withdrawn" in central(*command).stdout
        assert "ALREADY_WITHDRAWN" in central(*command, code=2).stderr
        shown = central("registry", "history", command[0]).stdout
        assert ", withdrawn" in shown
        assert "wrong house" in shown
    assert "2 agreement" not in central("import", "customers", customers).stdout
    assert len(printed_json(central("registry", "history", "agreement", "--json"))) == 5

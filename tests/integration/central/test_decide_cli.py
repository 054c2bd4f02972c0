"""What waits for an operator, found and decided from the command line, on a real server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import make_pool
from central.service.ingest.ingest import Ingest
from tests.support.books import TARIFF, month
from tests.support.commands import Run, commands_on, printed_json
from tests.support.ingest import Edge, readings
from tests.support.servers import Database

BOOK = """\
seller: {name: Sierra Power}
tariffs: [home.yaml]
service_points:
  - name: SP-1
    zone: Europe/Madrid
    capacity: 10 kW
    channels: [{obis: 1.8.0, period: 15m, unit: Wh}]
    meters: [{meter: MTL/S1, from: 2026-09-01, gateway: roof-1}]
accounts:
  - number: A-1
    name: Ada
    agreements: [{point: SP-1, tariff: HOME, from: 2026-09-01, billing_from: 2026-10-01}]
"""
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)


@pytest.fixture
def central(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    run = commands_on(plain_migrated, monkeypatch)
    run("gateway", "enrol", "roof-1", "roof-2")
    return run


def deliver(database: Database, edge: Edge) -> None:
    async def work() -> None:
        async with make_pool(database.dsn_as("meterline_app"), max_size=2) as pool:
            ingest = Ingest(TimescaleIngestStore(pool), lambda: datetime.now(UTC))
            await ingest.commit(edge.arrive(*edge.sealed))

    asyncio.run(work())


def test_a_meter_that_moved_is_given_its_new_home_and_its_batches_are_requeued(
    central: Run, plain_migrated: Database
) -> None:
    old, new = Edge("roof-1"), Edge("roof-2")
    old.seal(readings(4, START))
    new.seal(readings(4, START + timedelta(hours=1), first=4))
    deliver(plain_migrated, old)
    deliver(plain_migrated, new)
    (held,) = printed_json(central("quarantine", "list", "--json"))
    assert (held["gateway"], held["sequence"], held["code"]) == ("roof-2", 1, "METER_ELSEWHERE")
    assert "METER_ELSEWHERE" in central("quarantine", "list").stdout
    still = printed_json(central("quarantine", "requeue", "--json", code=3))
    assert still == {"tried": 1, "released": 0, "held": {"METER_ELSEWHERE": 1}}

    central("gateway", "move-meter", "MTL", "A1", "--to", "roof-2")
    assert "1 of 1 batches released" in central("quarantine", "requeue").stdout
    assert printed_json(central("quarantine", "list", "--json")) == []
    assert printed_json(central("finding", "list", "--json")) == []
    with psycopg.connect(plain_migrated.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM reading").fetchone() == (8,)
    assert (
        "NO_SUCH_METER"
        in central("gateway", "move-meter", "X", "Y", "--to", "roof-2", code=2).stderr
    )
    assert (
        "NO_SUCH_GATEWAY"
        in central("gateway", "move-meter", "MTL", "A1", "--to", "no", code=2).stderr
    )


def test_a_conflict_is_listed_and_decided_with_a_reason_in_the_audit_log(
    central: Run, plain_migrated: Database
) -> None:
    edge = Edge("roof-1")
    one = readings(1, START, first=100)[0]
    edge.seal([one])
    edge.seal([replace(one, mantissa=170)])
    deliver(plain_migrated, edge)
    (conflict,) = printed_json(central("conflict", "list", "--json"))
    assert (conflict["kept"], conflict["other"], conflict["unit"]) == ("100", "170", "Wh")
    number = conflict["conflict"]
    central("conflict", "decide", number, "replace", code=2)
    central("conflict", "decide", number, "toss", "--reason", "coin", code=2)
    central("conflict", "decide", number, "replace", "--reason", "photo of the meter")
    assert printed_json(central("conflict", "list", "--json")) == []
    again = central("conflict", "decide", number, "keep", "--reason", "no", code=2)
    assert "NO_SUCH_CONFLICT" in again.stderr
    with psycopg.connect(plain_migrated.dsn) as connection:
        kept = connection.execute("SELECT revision, mantissa, batch_id IS NULL FROM reading")
        assert sorted(kept.fetchall()) == [(0, 100, False), (1, 170, True)]
        audited = connection.execute(
            "SELECT actor, action, detail ->> 'reason' FROM audit_log WHERE action LIKE 'conflict%'"
        )
        assert audited.fetchall() == [("clerk", "conflict.decided", "photo of the meter")]


def test_epochs_are_listed_and_one_is_revoked(central: Run, plain_migrated: Database) -> None:
    first, twin = Edge("roof-1"), Edge("roof-1")
    first.seal(readings(1, START))
    deliver(plain_migrated, first)
    twin.seal(readings(1, START + timedelta(hours=1), first=9))
    deliver(plain_migrated, twin)
    listed = printed_json(central("gateway", "epochs", "roof-1", "--json"))
    assert [one["epoch"] for one in listed] == [str(first.epoch), str(twin.epoch)]
    central("gateway", "revoke-epoch", "roof-1", twin.epoch)
    listed = printed_json(central("gateway", "epochs", "roof-1", "--json"))
    assert [one["revoked"] for one in listed] == [False, True]
    unknown = "00000000-0000-4000-8000-000000000000"
    assert "NO_SUCH_EPOCH" in central("gateway", "revoke-epoch", "roof-1", unknown, code=2).stderr
    assert "NO_SUCH_GATEWAY" in central("gateway", "epochs", "nobody", code=2).stderr


def test_a_finding_is_accepted_once_and_by_its_number(
    central: Run, plain_migrated: Database
) -> None:
    edge = Edge("roof-1")
    edge.seal(readings(2, START))
    payload = edge.seal(readings(2, START - timedelta(days=4 * 366)))
    assert payload.sequence == 2
    deliver(plain_migrated, edge)
    (finding,) = printed_json(central("finding", "list", "--gateway", "roof-1", "--json"))
    assert (finding["code"], finding["about"]) == ("QUARANTINE", "roof-1")
    assert "A decision needs a reason" in (
        central("finding", "accept", finding["finding"], "--reason", " ", code=2).stderr
    )
    central("finding", "accept", finding["finding"], "--reason", "clock was wrong")
    assert printed_json(central("finding", "list", "--json")) == []
    again = central("finding", "accept", finding["finding"], "--reason", "x", "--json", code=2)
    assert printed_json(again)["error"]["code"] == "NO_SUCH_FINDING"
    assert "NO_SUCH_GATEWAY" in central("finding", "list", "--gateway", "nobody", code=2).stderr


def test_an_accepted_finding_of_validation_is_open_no_more(central: Run, tmp_path: Path) -> None:
    (tmp_path / "home.yaml").write_text(TARIFF)
    (tmp_path / "book.yaml").write_text(BOOK)
    lines = ["manufacturer,serial,obis,at,value,unit"]
    lines += [
        f"MTL,S1,1.8.0,{one.at.isoformat()},{one.mantissa + 9000 * (place > 50)},Wh"
        for place, one in enumerate(month())
    ]
    (tmp_path / "readings.csv").write_text("\n".join([*lines, ""]))
    central("import", "book", tmp_path / "book.yaml")
    central("import", "readings", tmp_path / "readings.csv", "--gateway", "roof-1")
    central("validate")
    found = printed_json(central("finding", "list", "--json"))
    (finding,) = [one for one in found if one["code"] == "SERVICE_CAPACITY"]
    assert printed_json(central("bill", "run", "--cycle", "2026-10", "--json", code=3))["held"] == 1
    central("finding", "accept", finding["finding"], "--reason", "a crane, seen on site")
    left = printed_json(central("finding", "list", "--json"))
    assert finding["finding"] not in {one["finding"] for one in left}
    assert printed_json(central("bill", "run", "--cycle", "2026-10", "--json"))["held"] == 0

"""Documents of accounts that get theirs by post go into one file, each once."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.adapters.timescale.pool import Pool, make_pool
from central.cli.app import app
from central.domain.billing.invoicing import TermsOf
from central.service.invoicing.print_file import CLAIM, WritePrintFile
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.ports.billing import BillRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.office import ACCOUNTS, CYCLE, NOW, OFFICE, Office
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(OFFICE)


@pytest.fixture
async def pool(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        yield pool


async def print_file(*words: str) -> tuple[int, dict[str, object]]:
    """Exit code and answer of the command."""
    words = ("invoicing", "print-file", *words, "--json")
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert "Traceback" not in done.output
    return done.exit_code, json.loads(done.stdout or done.stderr)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def by_post(office: Office, pool: Pool) -> list[BillRecord]:
    """Two issued bills with their documents, which wait to be printed."""
    services = office.services()
    say = SetInvoicing(TimescaleInvoicing(pool), lambda: NOW)
    records = []
    for place, name in ((0, "Iturbe"), (2, "Okafor")):
        await say(TermsOf.ACCOUNT, ACCOUNTS[place], {"channel": "print"}, CLERK, "by post")
        uid = office.bills[name]
        await services.approve.one(uid, CHIEF)
        await services.issue.one(uid, CHIEF)
        await services.print_bill.invoice(str(uid))
        record = await services.bills.bill(uid)
        assert record is not None
        records.append(record)
    return records


async def test_what_waits_is_in_one_file_once(pool: Pool, tmp_path: Path) -> None:
    office = Office(pool)
    await office.open()
    assert await print_file(str(tmp_path / "none.zip")) == (
        0,
        {"file": str(tmp_path / "none.zip"), "documents": 0, "sha256": None},
    )
    assert names_in(tmp_path) == []
    records = await by_post(office, pool)
    store = TimescaleInvoicing(pool)
    documents = office.services().documents

    # A folder that is not there: nothing is written, and all wait again.
    write = WritePrintFile(store, office.services().bills, documents, lambda: NOW)
    with pytest.raises(FileNotFoundError):
        await write(tmp_path / "absent" / "file.zip", CLERK)
    assert {each.state.value for each in await store.deliveries(limit=9)} == {"waiting"}

    file = tmp_path / "october.zip"
    code, said = await print_file(str(file), "--cycle", str(CYCLE))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (code, said) == (0, {"file": str(file), "documents": 2, "sha256": sha256})
    assert names_in(tmp_path) == ["october.zip"]
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        rows = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode(), newline="")))
        assert [row["number"] for row in rows] == ["INV-000001", "INV-000002"]
        assert [row["account"] for row in rows] == [ACCOUNTS[0], ACCOUNTS[2]]
        for row, record in zip(rows, records, strict=True):
            kept = await documents.document(record.uid)
            assert kept is not None
            assert archive.read(row["file"]) == kept.content
            assert row["sha256"] == kept.sha256
            assert row["buyer"] == record.bill.buyer.name
    deliveries = await store.deliveries(limit=9)
    assert {each.state.value for each in deliveries} == {"sent"}
    assert all(sha256 in each.detail for each in deliveries)
    # Again: nothing waits, and what is there is not written over.
    assert (await print_file(str(tmp_path / "again.zip")))[1]["documents"] == 0
    code, _ = await print_file(str(file))
    assert code == 2


async def test_whoever_is_stopped_leaves_it_to_a_person(pool: Pool) -> None:
    office = Office(pool)
    await office.open()
    records = await by_post(office, pool)
    store = TimescaleInvoicing(pool)
    # Claimed by one who is stopped; another finds nothing, until the claim runs out.
    claimed = await store.claim_print(NOW, NOW + CLAIM, None, 10)
    assert [each.number for each in claimed] == ["INV-000001", "INV-000002"]
    assert await store.claim_print(NOW, NOW + CLAIM, None, 10) == []
    assert await store.give_up_claimed(NOW + CLAIM) == 2
    assert {each.state.value for each in await store.deliveries(limit=9)} == {"failed"}
    await SetInvoicing(store, lambda: NOW).again(records[0].uid, CLERK, "was not printed")
    (again,) = await store.claim_print(NOW + CLAIM, NOW + 2 * CLAIM, None, 10)
    assert (again.number, again.copy) == ("INV-000001", 1)

"""The feed for Salesforce follows its table, and the table names what the API says."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from central.adapters.documents.invoice import render_invoice
from central.api.app import create_app
from central.api.settings import WebSettings
from central.process.services import timescale_services
from tests.support.books import pool_of, timescale_utility
from tests.support.daily_books import bill, found, measured, settle
from tests.support.how_to_scripts import TOKEN, months_back, ran, script_of, served
from tests.support.servers import Database

DOCS = Path(__file__).parents[3] / "docs"
TABLE = DOCS / "reference" / "salesforce.md"
ROW = re.compile(r"\| `(\w+)` \| `([\w.]+)`(, external identifier)? \| `(\S+)` \| (.+) \|")


def table() -> list[tuple[str, str, bool, str, list[str]]]:
    """Object, field, whether it identifies, list and members of each row."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    rows = [ROW.fullmatch(line) for line in lines]
    assert all(rows), [line for line, row in zip(lines, rows, strict=True) if row is None]
    return [
        (row[1], row[2], row[3] is not None, row[4], re.findall("`([^`]+)`", row[5]))
        for row in rows
        if row is not None
    ]


def items_of(document: dict[str, Any], path: str) -> dict[str, Any]:
    """The schema of the items of a list."""
    get = document["paths"][f"/api/v1{path}"]["get"]
    page = get["responses"]["200"]["content"]["application/json"]["schema"]
    items = resolved(document, page)["properties"]["items"]["items"]
    return resolved(document, items)


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for each in schema.get("anyOf", [schema]):
        if "$ref" in each:
            found: dict[str, Any] = document["components"]["schemas"][each["$ref"].split("/")[-1]]
            return found
    return schema


async def test_every_member_of_the_table_is_one_of_the_api(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        services = timescale_services(pool_of(utility), render_invoice)
        document = create_app(services, WebSettings()).openapi()
    objects: dict[str, tuple[str, int]] = {}
    fields = set()
    for name, field, identifies, path, members in table():
        fields.add((name, field))
        kept_path, identifiers = objects.get(name, (path, 0))
        assert path == kept_path
        objects[name] = path, identifiers + identifies
        for member in members:
            outer = member.startswith("../")
            schema = items_of(document, path.partition("/{")[0] if outer else path)
            for part in member.removeprefix("../").split("."):
                assert part in schema["properties"], (path, member)
                schema = resolved(document, schema["properties"][part])
    assert {identifiers for _, identifiers in objects.values()} == {1}
    assert len(fields) == len(table())


def files(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of each file."""
    rows = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows[path.stem] = list(csv.DictReader(file))
    return rows


async def pay_in(address: str) -> None:
    entry = {
        "key": "bank-4711",
        "account": "A-1",
        "kind": "payment",
        "day": "2026-11-20",
        "currency": "EUR",
        "amount": "44.00",
        "reason": "bank file",
    }
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        answer = await client.post("/api/v1/ledger", json=entry)
    assert answer.status_code == 201, answer.text


async def fed(address: str, folder: Path) -> dict[str, list[dict[str, str]]]:
    """Run the how-to's script; the rows of each file."""
    printed = await ran(script_of("feed-salesforce.md"), address, TABLE, folder)
    rows = await asyncio.to_thread(files, folder)
    counts = dict(line.split() for line in printed.splitlines())
    assert counts == {name: str(len(of)) for name, of in rows.items()}
    return rows


async def test_the_feed_sends_what_the_table_says_and_then_what_changed(
    plain_migrated: Database, tmp_path: Path
) -> None:
    first, second, end = months_back(2), months_back(1), months_back(0)
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        utility.now = datetime.now(UTC) - timedelta(hours=1)
        await found(utility, 2, since=first)
        for channel in (1, 2):
            await measured(utility, first, end, channel)
        await settle(utility, f"{first:%Y-%m}")
        async with served(utility) as address:
            await pay_in(address)
            one = await fed(address, tmp_path / "feed")
            two = await fed(address, tmp_path / "feed")
            utility.now = datetime.now(UTC)
            await settle(utility, f"{second:%Y-%m}")
            three = await fed(address, tmp_path / "feed")
            four = await fed(address, tmp_path / "feed")
        issued = await bill(utility, "A-1", f"{first:%Y-%m}")
        later = await bill(utility, "A-2", f"{second:%Y-%m}")
    objects = {name for name, *_ in table()}
    assert {name: list(rows[0]) for name, rows in one.items()} == {
        name: [field for of, field, *_ in table() if of == name] for name in objects
    }
    (entry,) = one["Meterline_Entry__c"]
    assert (entry["Meterline_Key__c"], entry["Amount__c"]) == ("bank-4711", "44.00")
    assert entry["Account__r.Meterline_Number__c"] == "A-1"
    assert [row["Meterline_Number__c"] for row in one["Account"]] == ["A-1", "A-2"]
    asset = one["Asset"][0]
    assert (asset["Account.Meterline_Number__c"], asset["Name"]) == ("A-1", "SP-1")
    assert (asset["InstallDate"], asset["UsageEndDate"]) == (first.isoformat(), "")
    assert asset["Meterline_Withdrawn__c"] == "false"
    (invoice,) = (row for row in one["Meterline_Invoice__c"] if row["Name"] == issued.number)
    assert invoice["Meterline_Bill__c"] == str(issued.uid)
    assert invoice["Account__r.Meterline_Number__c"] == "A-1"
    assert Decimal(invoice["Amount_Due__c"]) == issued.bill.amounts.due
    lines = [
        row
        for row in one["Meterline_Invoice_Line__c"]
        if row["Invoice__r.Meterline_Bill__c"] == str(issued.uid)
    ]
    assert sum(Decimal(row["Amount__c"]) for row in lines) == issued.bill.amounts.total
    assert [row["Meterline_Line__c"] for row in lines] == [
        f"{issued.uid}-{entry.position}" for entry in issued.bill.lines
    ]
    # An hour ago nothing is under way any more: it is not sent again, what is new is.
    assert (two["Meterline_Invoice__c"], two["Meterline_Invoice_Line__c"]) == ([], [])
    assert two["Account"] == one["Account"]
    names = {row["Name"] for row in three["Meterline_Invoice__c"]}
    assert later.number in names
    assert len(names) == 2
    assert not names & {row["Name"] for row in one["Meterline_Invoice__c"]}
    # What was committed within five minutes is sent once more.
    assert four == three
    kept = json.loads((tmp_path / "feed" / "since.json").read_text())
    assert datetime.fromisoformat(kept["updated_since"]) < datetime.now(UTC) - timedelta(minutes=4)

"""Files of metered values go into the store with just the counts, sums and flags they have."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from central.cli.app import app
from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.values import MeteredFile
from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.import_intervals import ImportedIntervals, import_intervals
from central.service.ingest.ingest import Ingest
from central.service.interval_files.read_file import read_file
from firmware_bridge.contract.reading import Quality
from tests.support.actors import CLERK, OPERATOR
from tests.support.data import find_data
from tests.support.ingest import Stores, timescale_stores
from tests.support.servers import Database

DATA = find_data()
FOLDER = None if DATA is None else DATA / "intervals"
pytestmark = pytest.mark.skipif(FOLDER is None, reason="the real interval files are not here")
# Group C of what the letter of a stream counts; by hand, from the market's own list.
COUNTED = {"E": 1, "B": 2, "Q": 3, "K": 4}
THOUSANDS = {"KWH": 3, "KVARH": 3, "WH": 0, "VARH": 0}
KEPT = """
SELECT meter.manufacturer, meter.serial, channel.obis, at,
    mantissa::numeric * power(10::numeric, exponent), flags & 15
FROM reading JOIN channel ON channel.id = channel_id JOIN meter ON meter.id = meter_id
ORDER BY at
"""
Row = tuple[datetime, Decimal, Quality]


def index_of(kind: str) -> dict[str, Any]:
    assert FOLDER is not None
    index: dict[str, Any] = json.loads((FOLDER / kind / "index.json").read_text(encoding="utf-8"))
    files: dict[str, Any] = index.get("files", index)
    return {name: said for name, said in files.items() if not name.startswith("invalid/")}


def contents_of(path: Path) -> tuple[MeteredFile | GreenButtonFile, bytes]:
    with path.open("rb") as stream:
        return read_file(stream), sha256(path.read_bytes()).digest()


class Stored:
    """A store, into which files go one after another and from which each is taken again."""

    def __init__(self, stores: Stores, dsn: str) -> None:
        self._stores, self._dsn = stores, dsn

    async def put(self, path: Path, gateway: str) -> ImportedIntervals:
        contents, digest = contents_of(path)
        # The day after the file: what is older than three years is set aside.
        now = max(metered.end for metered in contents.values()) + timedelta(days=1)
        await enrol_gateway(self._stores.gateways, gateway, OPERATOR, lambda: now)
        ingest = Ingest(self._stores.ingest, lambda: now)
        return await import_intervals(ingest, gateway, contents, digest, CLERK, lambda: now)

    def kept(self) -> dict[tuple[str, str, str], list[Row]]:
        """Readings by maker, number and what they count, ascending."""
        found = defaultdict(list)
        with psycopg.connect(self._dsn) as connection:
            for maker, serial, obis, at, value, flags in connection.execute(KEPT):
                a, b, c, d, e, _ = obis
                found[maker, serial, f"{a}-{b}:{c}.{d}.{e}"].append(
                    (at, Decimal(value), Quality(flags))
                )
        return found

    def empty(self) -> None:
        """Points stand in several files, each time with other values."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("TRUNCATE meter, reading CASCADE")


@pytest.fixture
async def stored(plain_migrated: Database) -> Any:  # noqa: ANN401 - a generator's
    async with timescale_stores(plain_migrated.dsn) as stores:
        yield Stored(stores, plain_migrated.dsn)


async def test_every_interval_of_a_market_file_is_kept_as_its_index_has_it(stored: Stored) -> None:
    assert FOLDER is not None
    compared = 0
    for number, (name, said) in enumerate(sorted(index_of("nem12").items())):
        if said["header"]["version"] != "NEM12":
            continue
        path = FOLDER / "nem12" / name
        done = await stored.put(path, f"market-{number}")
        unknown = sum(each["readings"] for each in said["registers"] if not each["uom"])
        assert done.imported.readings == said["reading_count"] - unknown, name
        assert done.left_out["UNKNOWN_UNIT"] == unknown, name
        # A day that stands twice is there once, or as a conflict.
        fates, repeated = done.imported.rows, bool(said.get("repeated_days"))
        assert sum(fates.values()) == done.imported.readings, name
        assert repeated or fates.keys() <= {"stored"}, name
        kept = stored.kept()
        for each in said["registers"]:
            exponent = THOUSANDS.get(each["uom"].upper())
            if exponent is None or repeated:
                continue
            suffix = each["suffix"]
            obis = f"1-{suffix[1]}:{COUNTED[suffix[0]]}.8.0"
            (rows,) = [
                rows for (_, serial, code), rows in kept.items()
                if (serial, code) == (each["nmi"], obis)
            ]  # fmt: skip
            assert len(rows) == each["readings"], (name, suffix)
            assert sum(value for _, value, _ in rows) == Decimal(each["sum"]).scaleb(exponent), name
            estimated = sum(each["quality"].get(method, 0) for method in "EFS")
            assert [q for _, _, q in rows].count(Quality.ESTIMATED) == estimated, (name, suffix)
            compared += 1
        stored.empty()
    assert compared > 60


async def test_both_reads_of_an_accumulating_register_are_kept(stored: Stored) -> None:
    assert FOLDER is not None
    compared = differing = torn = 0
    for number, (name, said) in enumerate(sorted(index_of("nem12").items())):
        if said["header"]["version"] != "NEM13":
            continue
        path = FOLDER / "nem12" / name
        done = await stored.put(path, f"reads-{number}")
        assert done.values == said["reading_count"], name
        shown: dict[tuple[str, str, datetime], list[Decimal]] = defaultdict(list)
        unequal = 0
        for cells in csv.reader(StringIO(path.read_text(encoding="utf-8-sig"))):
            if not cells or cells[0] != "250":
                continue
            before, now = Decimal(cells[8]), Decimal(cells[13])
            if now - before != Decimal(cells[18]):
                unequal += 1
                continue
            obis = f"1-{cells[4][0]}:{ {'E': 1, 'I': 2}[cells[7]] }.8.{cells[4][1]}"
            for read, at in ((before, cells[9]), (now, cells[14])):
                moment = datetime.strptime(f"{at}+1000", "%Y%m%d%H%M%S%z")
                value = read.scaleb(THOUSANDS[cells[19].upper()])
                shown[cells[1], obis, moment].append(value)
        kept = {
            (serial, obis, at): value
            for (_, serial, obis), rows in stored.kept().items()
            for at, value, _ in rows
        }
        # Where the file itself says two reads of one time, the first holds and a clerk decides.
        two = {key for key, values in shown.items() if len(set(values)) > 1}
        assert kept == {key: values[0] for key, values in shown.items()}, name
        assert done.imported.rows["conflict"] == len(two), name
        assert done.left_out["READS_DIFFER"] == unequal, name
        compared, differing, torn = compared + len(kept), differing + unequal, torn + len(two)
        stored.empty()
    assert (differing, torn) == (9, 2)
    assert compared > 80


async def test_every_reading_of_a_green_button_file_is_kept(stored: Stored) -> None:
    assert FOLDER is not None
    for number, (name, said) in enumerate(sorted(index_of("greenbutton").items())):
        done = await stored.put(FOLDER / "greenbutton" / name, f"button-{number}")
        (series,) = said["meter_readings"]
        count = series["interval_readings"]
        assert (done.values, done.imported.rows) == (count, {"stored": count}), name
        assert done.lost["COST"] == series["readings_with_cost"], name
        ((of, rows),) = stored.kept().items()
        assert (of[0], of[2]) == ("ESPI", "1-0:1.8.0")
        exponent = int(series["powerOfTenMultiplier"])
        assert sum(value for _, value, _ in rows) == Decimal(series["sum_value"]).scaleb(exponent)
        assert rows[0][0].timestamp() == series["first_start"], name
        said_estimated = sum(series["quality_flags"].get(code, 0) for code in ("7", "8"))
        assert [q for _, _, q in rows].count(Quality.ESTIMATED) == said_estimated, name
        # And again: nothing is there twice.
        twice = await stored.put(FOLDER / "greenbutton" / name, f"button-{number}")
        assert twice.imported.rows.get("stored", 0) == 0, name
        assert [len(each) for each in stored.kept().values()] == [count], name
        stored.empty()


def test_a_dry_run_lists_every_row_and_stores_nothing(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert FOLDER is not None
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    old = FOLDER / "nem12" / "examples" / "Example_different_intervals.csv"
    path = tmp_path / "different.csv"
    path.write_text(old.read_text(encoding="utf-8").replace("300,2004", "300,2026"))
    words = ["import", "intervals", str(path), "--gateway", "market"]
    dry = CliRunner().invoke(app, [*words, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    head, *lines = dry.stdout.splitlines()
    rows = [dict(zip(head.split(","), line, strict=True)) for line in csv.reader(lines[:240])]
    assert len(rows) == 240
    assert sum(row["left_out"] == "UNKNOWN_UNIT" for row in rows) == 144
    assert "144 values are left out: UNKNOWN_UNIT." in lines[240:]
    too_old = CliRunner().invoke(app, ["import", "intervals", str(old), *words[3:], "--dry-run"])
    assert "96 values are left out: START_OUT_OF_RANGE." in too_old.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--dry-run", "--json"]).stdout)
    assert [row["value"] for row in told["rows"]] == [row["value"] for row in rows]
    CliRunner().invoke(app, ["gateway", "enrol", "market", "--reason", "market data"])
    for stored in (96, 0):
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == 0, done.output
        said = json.loads(done.stdout)
        assert (said["values"], said["rows"].get("stored", 0)) == (240, stored)
        assert said["left_out"] == {"UNKNOWN_UNIT": 144}

"""Real loads in, bills out, through every part there is; each amount against the oracle's.

The first server bills two months of each load. What others add is how they store and add up, for
which the month with the 23-hour day of every third load is enough; METERLINE_REAL_MONTHS=2 bills
both of all on each, as `make soak` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.service.billing.lineage import ExplainBill
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillRecord
from central.service.registry.customer_file import CustomerFile
from central.service.registry.import_customers import import_customers
from central.service.registry.register import Enrol
from central.service.validation.validate import Validate
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import read_load
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter, wall_clock
from tests.acceptance import oracle
from tests.support.actors import person
from tests.support.data import data_root
from tests.support.servers import PostgresKind, postgres_servers
from tests.support.size import sized
from tests.support.utility import GATEWAY, Utility, utility

ZONE = "Europe/Madrid"
MANUFACTURER = "MLN"
LATE = timedelta(hours=12)
MONTHS = sized("METERLINE_REAL_MONTHS", 1, 2)


@dataclass(frozen=True, slots=True)
class Case:
    """A load file in a month."""

    file: Path
    cycle: Cycle
    serial: str

    @property
    def account(self) -> str:
        return f"{self.file.stem}@{self.cycle}"

    def meter(self, latest: Cycle) -> VirtualMeter:
        after = self.cycle.interval(ZONE).end + LATE
        return compose(
            self.serial,
            read_load(self.file),
            script=Script(zone=ZONE, first_year=self.cycle.year),
            clock=wall_clock if self.cycle == latest else ManualClock(after),
        )


def year_loads(folder: Path) -> Iterator[Path]:
    """Every load of one year that only flows in, as the folder's index lists them."""
    for name, facts in json.loads((folder / "index.json").read_text()).items():
        if facts["values"] == 8760 * facts["steps_per_hour"] and Decimal(facts["min_kw"]) >= 0:
            yield folder / name


def cycles() -> tuple[Cycle, Cycle]:
    """Last month, and the latest March: the month with the 23-hour day."""
    today = datetime.now(oracle.ZONE)
    latest = Cycle(today.year, today.month).previous
    march = Cycle(latest.year if latest.month > 3 else latest.year - 1, 3)
    return latest, march


def book(cases: list[Case]) -> CustomerFile:
    return CustomerFile.model_validate(
        {
            "seller": {"name": "Acceptance Power"},
            "service_points": [
                {
                    "name": case.account,
                    "zone": ZONE,
                    "channels": [{"obis": "1-0:1.8.0", "period": "15m", "unit": "Wh"}],
                    "meters": [
                        {
                            "meter": f"{MANUFACTURER}/{case.serial}",
                            "from": case.cycle.first.isoformat(),
                            "gateway": GATEWAY,
                        }
                    ],
                }
                for case in cases
            ],
            "accounts": [
                {
                    "number": case.account,
                    "name": case.file.stem,
                    "agreements": [
                        {
                            "point": case.account,
                            "tariff": "acceptance-tou",
                            "from": case.cycle.first.isoformat(),
                            "to": case.cycle.next.first.isoformat(),
                        }
                    ],
                }
                for case in cases
            ],
        }
    )


def amounts(record: BillRecord) -> dict[str, Decimal]:
    """A bill in the oracle's words."""
    found: dict[str, Decimal] = {}
    for entry in record.bill.lines:
        line = entry.line
        name = f"{line.id}.{line.label}" if line.label else line.id
        found[name] = found.get(name, Decimal(0)) + line.amount
        if line.id == "energy":
            assert line.quantity is not None
            found[f"kwh.{line.label}"] = line.quantity
    assert record.kwh is not None
    return {**found, "kwh": record.kwh, "total": record.bill.amounts.billed}


async def bills_of(running: Utility, cycle: Cycle) -> dict[str, BillRecord]:
    store = TimescaleBillingStore(running.pool)
    summary = await RunBills(store)(cycle, person("acceptance"))
    assert summary.kwh == summary.validated_kwh
    heads = await store.heads(summary.run)
    records = [await store.bill(head.uid) for head in heads]
    return {record.bill.account: record for record in records if record is not None}


@pytest.mark.parametrize("kind", postgres_servers(), ids=str)
async def test_bill_of_a_real_load_equals_an_independent_computation(
    kind: PostgresKind, server_home: Path
) -> None:
    latest, march = cycles()
    files = list(year_loads(data_root("loads")))
    assert files
    whole = MONTHS > 1 or kind == postgres_servers()[0]
    billed = (march, latest) if whole else (march,)
    files = files if whole else files[::3]
    places = [(file, cycle) for cycle in billed for file in files]
    cases = [Case(file, cycle, str(7000 + n)) for n, (file, cycle) in enumerate(places)]
    meters = {unit: case.meter(latest) for unit, case in enumerate(cases, start=1)}
    since = {unit: case.cycle.interval(ZONE).start for unit, case in enumerate(cases, start=1)}
    async with utility(server_home, kind, meters, since) as running:
        registry = TimescaleRegistry(running.pool)
        document = oracle.tariff(latest.year, march.year)
        await import_customers(
            registry, Enrol(registry, person("t")), book(cases), [("tariff.yaml", document)]
        )
        running.start_ingest()
        running.start_edge()
        ends = {case.serial: case.cycle.interval(ZONE).end for case in cases}
        await running.wait_stored(ends, seconds=180)
        await Validate(TimescaleValidationStore(running.pool)).until_idle()
        explain = ExplainBill(TimescaleBillingStore(running.pool))
        for cycle in billed:
            bills = await bills_of(running, cycle)
            assert set(bills) == {case.account for case in cases if case.cycle == cycle}
            for case in cases:
                if case.cycle != cycle:
                    continue
                record = bills[case.account]
                assert record.bill.state is BillState.DRAFT, record.bill.holds
                expected = oracle.month_bill(case.file, cycle.year, cycle.month)
                assert amounts(record) == expected, case
                # Every line re-sums from its intervals; it raises where one does not.
                assert await explain.bill(str(record.uid))

"""Random URDB-shaped records: imported, or refused with a code and a place; never anything else.

Shapes are those of the API's field list, versions 3 to 8: legal ones, and legal ones with one thing
broken. What is imported is priced for a day, so that nothing waits to fail later.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from central.domain.tariff.urdb.importer import Imported, import_urdb, read_records
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from
from tests.support.size import sized

DRAWS = sized("METERLINE_URDB_DRAWS", 240, 20_000)
FEW = 20
CHUNKS = 4
ODD: list[Any] = [
    None,
    "",
    "x",
    "0.1",
    "NaN",
    True,
    0,
    -1,
    0.5,
    1e38,
    10**40,
    1e-30,
    [],
    [[]],
    [None],
    {},
    {"a": [1]},
    "ñ\u2028\U0001f600",
    [[[[[]]]]],
]
# Fields that a refusal may name though the record lacks them.
OWED = {"energyweekdayschedule", "energyweekendschedule", "demandweekdayschedule"}
OWED |= {"demandweekendschedule", "flatdemandmonths", "fixedchargeunits"}
Record = Callable[[str, object], None]


def schedule(draw: random.Random, periods: int) -> list[list[int]]:
    return [[draw.randrange(periods) for _ in range(24)] for _ in range(12)]


def number(draw: random.Random, top: float) -> object:
    value = round(draw.uniform(0, top), draw.choice([0, 2, 6]))
    return draw.choice([value, value, value, str(value), int(value)])


def tiers(draw: random.Random, unit: str | None, size: float, *, sell: bool) -> list[Any]:
    bounds = sorted(draw.sample(range(1, 50), draw.choice([0, 0, 1, 2, 3])))
    found = []
    for bound in [*bounds, None]:
        tier: dict[str, Any] = {"rate": number(draw, 0.5)}
        if bound is not None:
            tier["max"] = bound * size
        elif draw.random() < 0.3:
            tier["max"] = draw.choice([None, 1e38, 9999999])
        if unit is not None and draw.random() < 0.9:
            tier["unit"] = unit
        if draw.random() < 0.3:
            tier["adj"] = number(draw, 0.05)
        if sell:
            tier["sell"] = number(draw, 0.2)
        found.append(tier)
    return found


def draw_record(draw: random.Random) -> dict[str, Any]:
    record: dict[str, Any] = {
        "label": f"{draw.getrandbits(96):024x}",
        "name": "Tarifa ñ \U0001f50c",
    }
    if draw.random() < 0.95:
        energy(draw, record)
    if draw.random() < 0.5:
        demand(draw, record)
    if draw.random() < 0.6:
        record["fixedchargefirstmeter"] = number(draw, 50)
        record["fixedchargeunits"] = draw.choice(["$/day", "$/month", "$/year"])
    if draw.random() < 0.3:
        record["mincharge"] = number(draw, 50)
        record["minchargeunits"] = draw.choice(["$/day", "$/month", "$/year"])
    optional: dict[str, Any] = {
        "dgrules": draw.choice(
            ["Net Metering", "Net Billing Instantaneous", "Net Billing Hourly", "Buy All Sell All"]
        ),
        "startdate": draw.choice([1356998400, "2013-01-01", None]),
        "enddate": draw.choice([1388534400, "", None]),
        "demandwindow": draw.choice([15, 30, 60, "15", 0, 7]),
        "demandratchetpercentage": [draw.choice([0, 0.8])] * 12,
        "demandreactivepowercharge": draw.choice([0, 0.25]),
        "coincidentratestructure": [[{"rate": 3, "unit": "kW"}]],
        "coincidentrateschedule": schedule(draw, 1),
        "coincidentrateunit": "kW",
        "fueladjustmentsmonthly": [number(draw, 0.01) for _ in range(12)],
        "fixedattrs": [{"Meter fee": "$1"}],
        "approved": draw.choice([True, "True"]),
        "usenetmetering": draw.random() < 0.5,
        "lookbackPercent": draw.choice([0, 0.5, 0.85, 1]),
        "lookbackMonths": [draw.choice([0, 1, True, False]) for _ in range(12)],
        "lookbackRange": draw.choice([0, 1, 11, 12]),
        "annualmincharge": number(draw, 100),
        "peakkwcapacitymax": 500,
    }
    record |= {name: value for name, value in optional.items() if draw.random() < 0.12}
    return record


def energy(draw: random.Random, record: dict[str, Any]) -> None:
    unit = draw.choice(["kWh", "kWh", "kWh", "kWh/kW", "kWh daily", "kWh/kW daily", None])
    size = {"kWh": 50, "kWh/kW": 20, "kWh daily": 2, "kWh/kW daily": 1, None: 50}[unit]
    periods = draw.choice([1, 1, 2, 4])
    shape = tiers(draw, unit, size, sell=draw.random() < 0.3)
    structure = [shape]
    structure += [
        [tier | {"rate": number(draw, 0.5)} for tier in shape] for _ in range(periods - 1)
    ]
    record["energyratestructure"] = structure
    for days in ("weekday", "weekend"):
        if periods > 1 or draw.random() < 0.8:
            record[f"energy{days}schedule"] = schedule(draw, periods)


def demand(draw: random.Random, record: dict[str, Any]) -> None:
    unit = draw.choice(["kW", "kW", "kW", "kVA", "hp", "kW daily", None])
    if draw.random() < 0.6:
        periods = draw.choice([1, 2, 3])
        record["demandratestructure"] = [tiers(draw, unit, 2, sell=False) for _ in range(periods)]
        record["demandweekdayschedule"] = schedule(draw, periods)
        record["demandweekendschedule"] = schedule(draw, periods)
        record["demandrateunit"] = draw.choice(["kW", unit])
    if draw.random() < 0.6:
        periods = draw.choice([1, 2, 3])
        record["flatdemandstructure"] = [tiers(draw, unit, 2, sell=False) for _ in range(periods)]
        months: list[Any] = [draw.randrange(periods) for _ in range(12)]
        record["flatdemandmonths"] = draw.choice([months, [str(month) for month in months]])
        record["flatdemandunit"] = draw.choice(["kW", unit])


def break_one(draw: random.Random, record: dict[str, Any]) -> None:
    """Change, drop or wrap one node, however deep it lies."""
    nodes: list[tuple[Any, Any]] = []

    def walk(value: dict[str, Any] | list[Any]) -> None:
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys:
            nodes.append((value, key))
            inner = value[key]
            if isinstance(inner, dict | list):
                walk(inner)

    walk(record)
    holder, key = draw.choice(nodes[:40] if draw.random() < 0.5 else nodes)
    what = draw.randrange(4)
    if what == 0:
        del holder[key]
    elif what == 1:
        holder[key] = [holder[key]]
    else:
        holder[key] = draw.choice(ODD)


def outcome(record: dict[str, Any], *, reference: bool, generation: bool) -> Imported | str:
    try:
        text = json.dumps(record)
        (read,) = read_records(text, "record.json")
        return import_urdb(
            read, file="record.json", zone="UTC", reference=reference, generation=generation
        )
    except TariffRefusedError as refused:
        fields = {name.lower() for name in record} | {"$"} | OWED
        for finding in refused.findings:
            assert finding.code
            assert finding.path.partition(".")[0].partition("[")[0].lower() in fields
            assert finding.file == "record.json"
            assert finding.message.endswith(".")
            assert finding.remedy.endswith(".")
        return str(refused.findings[0].code)


def priced(imported: Imported) -> None:
    """One day of every input; the document is the same when it is written and read again."""
    document = imported.document
    assert load_tariff(to_canonical_text(document)) == document
    days = DayRange(date(2026, 7, 4), date(2026, 7, 5))
    blocks = {
        name: blocks_from(days, "UTC", 900, lambda at: 100 + at.hour, channel_id=channel)
        for channel, name in enumerate(("import", "export", "kvah"), start=1)
    }
    version = TariffVersion.of(document)
    whole = DayRange(days.first - timedelta(days=3), days.end + timedelta(days=27))
    bill = rate(
        blocks,
        AgreementFacts(),
        [version],
        ResolvedCalendar(),
        days,
        period=BillingPeriod.month(whole),
    )
    assert not bill.holds, bill.holds


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_record_is_priced_or_refused_with_code_and_place(
    chunk: int, record_property: Record
) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(chunk * DRAWS // CHUNKS, (chunk + 1) * DRAWS // CHUNKS):
        draw = random.Random(f"urdb{seed}")  # noqa: S311 - not for secrets
        record = draw_record(draw)
        for _ in range(draw.choice([0, 0, 1, 1, 3])):
            break_one(draw, record)
        found = outcome(record, reference=draw.random() < 0.5, generation=draw.random() < 0.5)
        outcomes["imported" if isinstance(found, Imported) else found] += 1
        if isinstance(found, Imported):
            priced(found)
    assert outcomes["imported"] > DRAWS // CHUNKS // 8
    # A handful shows no kinds.
    assert len(outcomes) > 4 or DRAWS // CHUNKS < FEW
    record_property("URDB-shaped records imported", outcomes.pop("imported"))
    record_property("URDB-shaped records refused", outcomes.total())

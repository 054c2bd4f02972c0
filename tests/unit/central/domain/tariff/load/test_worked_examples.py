"""Every tariff under docs/reference/tariffs is priced against a bill computed by hand."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState, Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Event, Events
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.load.json_schema import tariff_schema
from central.domain.tariff.version import TariffVersion
from central.service.rating.resolve_calendar import resolve_calendar
from tests.support.rating import blocks_from

FOLDER = Path(__file__).parents[6] / "docs" / "reference" / "tariffs"
BILLS = sorted(FOLDER.glob("*.bill.yaml"))
# That it is a schema at all is tried beside it, in test_json_schema.
PUBLISHED = jsonschema.Draft202012Validator(tariff_schema())
TARIFFS = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".bill.yaml"))


def minutes(text: str) -> int:
    hours, minute = text.split(":")
    return int(hours) * 60 + int(minute)


def load_at(rules: list[dict[str, str]], step: int, local: datetime) -> int:
    for rule in rules:
        if in_force(rule, local):
            wh = Fraction(rule["kW"]) * 1000 * step / 60
            assert wh.denominator == 1
            return int(wh)
    return 0


def in_force(rule: dict[str, str], local: datetime) -> bool:
    first, last = rule["at"].split("-")
    days = rule.get("days", "").split()
    in_days = not days or local.date().isoformat() in days
    return in_days and minutes(first) <= local.hour * 60 + local.minute < minutes(last)


def prices_of(
    said: dict[str, list[dict[str, str]]], days: DayRange, zone: str, every: int
) -> list[PriceSeries]:
    """Prices or factors by rules of the local clock, in units of 0.000001."""
    span, step = days.interval(zone), timedelta(minutes=every)
    steps = [
        (span.start + number * step).astimezone(ZoneInfo(zone))
        for number in range(span.duration // step)
    ]
    found = []
    for name, rules in said.items():
        values = [next(Decimal(r["price"]) for r in rules if in_force(r, at)) for at in steps]
        mantissas = tuple(int(value.scaleb(6)) for value in values)
        found.append(PriceSeries(name, span.start, every * 60, mantissas, -6))
    return found


def facts_of(said: dict[str, str | list[tuple[str, str]]]) -> AgreementFacts:
    """A value that always held, or values with the dates they hold from."""
    found = []
    for name, given in said.items():
        dated = [(given, "0001-01-01")] if isinstance(given, str) else given
        found += [Fact(name, fact_of(text), date.fromisoformat(since)) for text, since in dated]
    return AgreementFacts(tuple(found))


def fact_of(text: str) -> Decimal | bool | str:
    words = {"true": True, "false": False}
    if text in words:
        return words[text]
    return Decimal(text) if text.lstrip("-")[:1].isdigit() and text.count("-") < 2 else text


def blocks_of(
    said: dict[str, Any], days: DayRange, zone: str, step: int
) -> dict[str, list[DayBlock]]:
    """Blocks by input; an input's rules may be those of several meters, by name."""
    found: dict[str, list[DayBlock]] = {}
    for number, (name, given) in enumerate(said.items()):
        meters = given if isinstance(given, dict) else {"": given}
        for place, rules in enumerate(meters.values()):
            found[name] = found.get(name, []) + blocks_from(
                days,
                zone,
                step * 60,
                lambda local, rules=rules: load_at(rules, step, local),  # type: ignore[misc]
                channel_id=100 * number + place + 1,
            )
    return found


def events_of(said: dict[str, list[tuple[str, str, str, dict[str, str]]]]) -> Events:
    return {
        stream: [
            Event(name, datetime.fromisoformat(at), Decimal(value), tuple(sorted(fields.items())))
            for name, at, value, fields in given
        ]
        for stream, given in said.items()
    }


def period_of(said: dict[str, Any]) -> BillingPeriod:
    """The period of a month's name, or of the first day, the end and the number of months."""
    if "cycle" in said:
        return Cycle.parse(said["cycle"]).period
    first, end, months = said["period"]
    days = DayRange(date.fromisoformat(first), date.fromisoformat(end))
    return BillingPeriod(f"{days.last:%Y-%m}.example", days, int(months), days.end)


def days_of(said: dict[str, Any], period: BillingPeriod) -> DayRange:
    if "days" not in said:
        return period.days
    first, end = said["days"]
    return DayRange(date.fromisoformat(first), date.fromisoformat(end))


def ending_of(said: dict[str, Any]) -> PartEnding:
    after = said.get("successor")
    return PartEnding("final" in said, None if after is None else load_tariff(FOLDER / after))


@pytest.mark.parametrize("path", BILLS, ids=lambda path: path.name)
def test_worked_example_bills_as_computed_by_hand(path: Path) -> None:
    said = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
    names = said["tariff"] if isinstance(said["tariff"], list) else [said["tariff"]]
    documents = [load_tariff(FOLDER / name) for name in names]
    period = period_of(said)
    days, cycle = days_of(said, period), period.days
    step = int(said.get("step_minutes", "15"))
    blocks = blocks_of(said.get("load", {}), cycle, documents[0].zone, step)
    events = events_of(said.get("events", {}))
    opening = CarriedState.from_json(
        {"peaks": [], "credits": [], "sums": []} | said.get("opening", {})
    )
    rated = rate(
        blocks,
        facts_of(said.get("facts", {})),
        [TariffVersion.of(document) for document in documents],
        resolve_calendar(documents, 2025, 2027),
        days,
        period=period,
        ending=ending_of(said),
        opening=opening,
        prices=prices_of(
            said.get("prices", {}),
            cycle,
            documents[0].zone,
            int(said.get("price_minutes", "60")),
        ),
        grants=[
            Grant(bank, date.fromisoformat(day), Decimal(amount))
            for bank, day, amount in said.get("grants", ())
        ],
        events=events,
    )
    assert not rated.holds
    found = {line.key: line for line in rated.lines}
    assert list(found) == [line["key"] for line in said["lines"]]
    for line in said["lines"]:
        assert found[line["key"]].amount == Decimal(line["amount"]), line["key"]
        if "quantity" in line:
            assert found[line["key"]].quantity == Decimal(line["quantity"]), line["key"]
        if "price" in line:
            assert found[line["key"]].price == Decimal(line["price"]), line["key"]
        assert RatedLine.from_json(found[line["key"]].to_json()) == found[line["key"]]
        for proof in explain(found[line["key"]], blocks, events):
            assert proof.sum == proof.determinant.exact
    assert rated.total == Decimal(said["total"])
    if "closing" in said:
        assert rated.closing == CarriedState.from_json(said["closing"])
    assert CarriedState.from_json(rated.closing.to_json()) == rated.closing


def test_every_tariff_has_a_worked_bill() -> None:
    used = set()
    for path in BILLS:
        said = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
        used |= set(said["tariff"] if isinstance(said["tariff"], list) else [said["tariff"]])
    assert used == {path.name for path in TARIFFS}


def test_every_worked_bill_stands_in_the_list() -> None:
    rows = [line for line in (FOLDER / "README.md").read_text().splitlines() if line[:1] == "|"]
    listed = set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows)))
    bills = {path.name.removesuffix(".bill.yaml") for path in BILLS}
    assert bills - listed == set(), "bills that README.md does not name"
    assert listed - bills == set(), "names in README.md without a bill"


@pytest.mark.parametrize("path", TARIFFS, ids=lambda path: path.name)
def test_published_schema_accepts_every_tariff(path: Path) -> None:
    value = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
    PUBLISHED.validate(_with_nulls(value))


@pytest.mark.parametrize("path", TARIFFS, ids=lambda path: path.name)
def test_document_exported_and_loaded_again_is_the_same(path: Path) -> None:
    document = load_tariff(path)
    assert load_tariff(to_canonical_text(document)) == document


def _with_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_nulls(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_nulls(child) for child in value]
    return None if value == "null" else value

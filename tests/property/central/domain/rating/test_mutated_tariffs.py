"""Every worked example, changed at every node: it loads, or is refused with code, place and remedy.

What loads is written and read again, and priced for a day: a bill, or a bill that is held.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from
from tests.support.size import sized

FOLDER = Path(__file__).parents[5] / "docs" / "reference" / "tariffs"
TARIFFS = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".bill.yaml"))
PER_NODE = sized("METERLINE_MUTATIONS", 1, 30)
DAY = DayRange(date(2026, 6, 17), date(2026, 6, 18))
Record = Callable[[str, object], None]
Path_ = tuple[str | int, ...]
ODD: list[Any] = [
    None,
    "",
    "x",
    " ",
    "a.b",
    "all",
    "none",
    "rest",
    "0",
    "-1",
    "0.5",
    "1e3",
    "NaN",
    "9" * 400,
    "0." + "0" * 30 + "1",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "00:00-24:00",
    "max(" * 30,
    "kwh / 0",
    "prior(kwh)",
    "\u202eñ\U0001f600",
    "a" * 5000,
    0,
    -1,
    1.5,
    1e300,
    True,
    [],
    [[]],
    [None],
    ["x", "x"],
    {},
    {"x": "1"},
    {"": ""},
    {"sum": "import"},
    [{"to": None, "price": "1"}],
]


def nodes_of(value: Any, place: Path_ = ()) -> Iterator[Path_]:  # noqa: ANN401 - a parsed document
    yield place
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in entries if isinstance(value, dict | list) else ():
        yield from nodes_of(child, (*place, key))


def mutated(document: dict[str, Any], place: Path_, draw: random.Random) -> object:
    """The document with one node changed."""
    root: dict[str, Any] = {"root": copy.deepcopy(document)}
    holder: Any = root
    key: Any = "root"
    for step in place:
        holder, key = holder[key], step
    what = draw.randrange(8)
    if what == 0 and place:
        del holder[key]
    elif what == 1:
        holder[key] = [holder[key]]
    elif what == 2:
        holder[key] = {"x": holder[key]}
    elif what == 3 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif what == 4 and isinstance(holder, dict) and place:
        holder[draw.choice(["x", "", "unit", "of", "by", "per", str(key) * 2])] = holder.pop(key)
    else:
        holder[key] = draw.choice(ODD)
    return root.get("root")


def check(text: str) -> str:
    try:
        document = load_tariff(text, file="mutant.json")
    except TariffRefusedError as error:
        refused = error
    else:
        assert load_tariff(to_canonical_text(document)) == document
        return "held" if priced_holds(document) else "priced"
    assert refused.findings
    for finding in refused.findings:
        assert isinstance(finding.code, Code)
        assert finding.file == "mutant.json"
        assert 1 <= finding.line <= text.count("\n") + 1
        assert finding.path
        assert finding.message.endswith(".")
        assert finding.remedy.endswith(".")
        json.dumps(finding.to_json())
    return "refused"


def priced_holds(document: TariffDocument) -> bool:
    names = ["import", "export", "kvarh", "kvah", "m3", *dict(document.inputs)]
    blocks = {
        name: blocks_from(DAY, document.zone, 3600, lambda at: at.hour * 100, channel_id=number)
        for number, name in enumerate(names, start=1)
    }
    bill = rate(blocks, AgreementFacts(), [TariffVersion.of(document)], ResolvedCalendar(), DAY)
    for hold in bill.holds:
        assert hold.code
        assert hold.message.endswith(".")
    return bool(bill.holds)


@pytest.mark.parametrize("path", TARIFFS, ids=lambda path: path.stem)
def test_a_changed_tariff_loads_or_is_refused(path: Path, record_property: Record) -> None:
    document = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
    draw = random.Random(path.stem)  # noqa: S311 - not for secrets
    counts = {"refused": 0, "held": 0, "priced": 0}
    for place in nodes_of(document):
        for _ in range(PER_NODE):
            text = json.dumps(mutated(document, place, draw), ensure_ascii=draw.random() < 0.5)
            try:
                counts[check(text)] += 1
            except Exception as error:
                error.add_note(f"{path.name} changed at {place}: {text}")
                raise
    assert counts["refused"] > counts["priced"]
    record_property("changed tariffs refused", counts["refused"])
    record_property("changed tariffs priced or held", counts["priced"] + counts["held"])


@pytest.mark.parametrize("path", TARIFFS[:: max(1, len(TARIFFS) // 12)], ids=lambda path: path.stem)
def test_a_torn_text_loads_or_is_refused(path: Path) -> None:
    text = path.read_text()
    draw = random.Random(f"torn {path.stem}")  # noqa: S311 - not for secrets
    for _ in range(12 * PER_NODE):
        at, end = sorted(draw.sample(range(len(text)), 2))
        torn = draw.choice(
            [
                text[:at],
                text[:at] + text[min(end, at + 9) :],
                text[:at] + draw.choice("{}[]:,\"'&*!%@`\t\x00\u2028-?|>") + text[at:],
                text[:at] + text[at:end] * 2 + text[end:],
            ]
        )
        try:
            check(torn)
        except Exception as error:
            error.add_note(f"{path.name}: {torn}")
            raise

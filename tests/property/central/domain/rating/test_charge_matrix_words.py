"""Every word of the language is in a row of the matrix of charges, or it says where else it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from central.domain.tariff.load.json_schema import tariff_schema
from tests.property.central.domain.rating import (
    test_charge_matrix,
    test_charge_matrix_drawn,
    test_charge_matrix_levels,
    test_charge_matrix_peaks,
    test_charge_matrix_states,
    test_charge_matrix_steps,
    test_charge_matrix_terms,
)
from tests.support.charge_matrix import CUTS, drawn, texts

SCHEMA = tariff_schema()
ROWS = [
    row
    for rows in (
        test_charge_matrix.CHARGES,
        test_charge_matrix_drawn.ROWS,
        test_charge_matrix_levels.ROWS,
        test_charge_matrix_peaks.ROWS,
        test_charge_matrix_states.ROWS,
        test_charge_matrix_steps.ROWS,
        test_charge_matrix_terms.ROWS,
    )
    for row in rows.values()
]
ELSEWHERE = {
    r"\.(title|sources\b.*|illustrative|currency\b.*)|.*\.(name|category)": "it is printed",
    r".*=(false|true)": "a flag is in a row or is not",
    r"\.(calendar|clock)\b.*": "periods by test_against_brute_force and test_days_of_any_length",
    r"\.day_start": "test_day_start and the worked example of gas",
    r"\.series\.(unit|step|missing)": "it bounds what is given",
    r"\.parameters\.(choices|max|min)": "it bounds what is entered",
    r"\.tables\.table": "kept outside: the worked examples kept-tables",
    r".*\.owner|\.takes_over|\.banks\.at_end\.apply": "beyond the bill: test_state_ends",
    r".*=(account|occupancy)": "beyond the bill: test_state_ends",
    r"\.banks\.basis|\.banks\.basis=.*": "a year of bills: test_against_pysam",
    r"\.banks\.tiers.*": "the pricer of a charge's steps, in the rows of those",
    r"\.banks\.(by|order|unit)\b.*": "it repeats what the determinant or the kind of bank says",
    r"\.banks\.expires=(never|true_up)": "as without it",
    r"\.cycle\.daily.*": "test_daily_channels",
    r"\.settlement=.*": "written as a mapping, or the place of a line",
    r"determinant\.baseline\.(adjust\b.*|like=day_type)": "test_measures_against_brute_force",
    r"determinant\.each\b.*": "the older word for a netting of intervals",
    r".*=(lapse|period|this_bill|segment|segment_peak_days_share)": "the default",
    r".*=(days_share|cycle|hold|bill|days)": "the default",
    r".*=(before_credits|charge|both|block|calendar|month|prorata)": "the default",
    r"\.on_change\.energy|determinant\.average": "it has one word",
}


def words() -> set[str]:
    """What a document can say: keys under what has them, and words of those that are chosen of."""
    seen: set[str] = set()
    every: set[str] = set()

    def walk(node: dict[str, Any], path: str) -> None:
        name = node.get("$ref", "").rpartition("/")[2]
        if name == "number" or name in seen:
            return
        if name:
            seen.add(name)
            walk(SCHEMA["$defs"][name], name)
        every.update(f"{path}={word}".lower() for word in node.get("enum", ()))
        for key, inside in node.get("properties", {}).items():
            every.add(f"{path}.{key}")
            walk(inside, f"{path}.{key}")
        for inside in inner(node):
            walk(inside, path)

    walk(SCHEMA, "")
    return every


def inner(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from node.get("anyOf", ())
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield node[key]


def said_by(document: object) -> set[str]:
    """The same of what a document says."""
    every: set[str] = set()

    def walk(node: dict[str, Any], path: str, value: object) -> None:
        name = node.get("$ref", "").rpartition("/")[2]
        if name:
            walk(SCHEMA["$defs"][name], name, value)
            return
        for one in node.get("anyOf", ()):
            walk(one, path, value)
        if isinstance(value, str) and value in map(str, node.get("enum", ())):
            every.add(f"{path}={value}".lower())
        if isinstance(value, list) and "items" in node:
            for item in value:
                walk(node["items"], path, item)
        for key, inside in value.items() if isinstance(value, dict) else ():
            if key in node.get("properties", {}):
                every.add(f"{path}.{key}")
                walk(node["properties"][key], f"{path}.{key}", inside)
            elif isinstance(node.get("additionalProperties"), dict):
                walk(node["additionalProperties"], path, inside)

    walk(SCHEMA, "", document)
    return every


def test_every_word_of_the_language_is_in_the_matrix() -> None:
    cut, (bill, _) = CUTS["one segment"], drawn("one segment", 0)
    said = {
        word
        for row in ROWS
        for text in texts(cut, row, bill)
        for word in said_by(yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506 - strings only
    }
    every = words()
    missing = every - said
    assert len(every) > 400
    unexplained = {word for word in missing if not any(re.fullmatch(p, word) for p in ELSEWHERE)}
    assert not unexplained, "say in a row of the matrix what they come to, or here where that is"
    unused = {p for p in ELSEWHERE if not any(re.fullmatch(p, word) for word in missing)}
    assert not unused, "these words are in the matrix by now"

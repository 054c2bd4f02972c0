"""A table of rows reads, writes and describes; what is refused is refused once, and all of it."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from central.domain.tariff.grammar import (
    banks,
    calendar,
    charges,
    commitments,
    determinants,
    document,
    events,
    formula,
    prices,
    schedule,
    series,
)
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import NAME, NUMBER, TEXT, one_of, whole, words
from central.domain.tariff.grammar.record import Record, Row, list_of
from central.domain.tariff.grammar.report import Report
from central.domain.tariff.grammar.scope import Scope
from central.domain.tariff.load.yaml_source import parse
from central.domain.tariff.refusal import Code

MODULES = (
    banks,
    calendar,
    charges,
    commitments,
    determinants,
    document,
    events,
    formula,
    prices,
    schedule,
    series,
)
RECORDS = {
    f"{module.__name__.rpartition('.')[2]} {name}": record
    for module in MODULES
    for name, record in vars(module).items()
    if isinstance(record, Record)
}


@dataclass(frozen=True)
class Lamp:
    kind: str
    watts: int = 60
    is_dimmed: bool = False
    note: str | None = None


def not_too_bright(lamp: Cursor) -> None:
    if lamp.values["watts"] > 100:
        lamp.refuse(Code.OUT_OF_RANGE, "The lamp is too bright.", "Write 100 or less.")


LAMP = Record(
    Lamp,
    (
        Row("type", one_of("led", "sodium"), required=True, attribute="kind"),
        Row("watts", whole(1, 1000), default=60),
        Row("dimmed", words({"yes": True, "no": False}), default=False, attribute="is_dimmed"),
        Row("note", TEXT, when=lambda lamp: lamp.values["type"] == "sodium"),
        Row("colour", one_of("white"), in_model=False),
    ),
    checks=(not_too_bright,),
)


def default_of(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def cursor_of(text: str) -> Cursor:
    return Cursor(parse(text, "lamp.yaml"), Report("lamp.yaml"), Scope())


def read(text: str) -> object:
    cursor = cursor_of(text)
    with cursor.report.item():
        return LAMP.read(cursor)
    pytest.fail(str(cursor.report.findings))


def refused(text: str, record: Any = LAMP) -> list[tuple[Code, int, str]]:  # noqa: ANN401 - a kind
    cursor = cursor_of(text)
    with cursor.report.item():
        record.read(cursor)
    return [(found.code, found.line, found.path) for found in cursor.report.findings]


def test_what_is_said_and_what_holds_otherwise_make_the_model() -> None:
    assert read("{type: led, dimmed: yes, colour: white}") == Lamp("led", is_dimmed=True)


def test_what_is_not_said_is_not_written() -> None:
    assert LAMP.write(Lamp("led")) == {"type": "led"}
    assert LAMP.write(Lamp("sodium", 80, is_dimmed=True, note="x")) == {
        "type": "sodium",
        "watts": "80",
        "dimmed": "yes",
        "note": "x",
    }


def test_the_schema_takes_what_the_table_says() -> None:
    validator = Draft202012Validator(LAMP.shape)
    assert validator.is_valid({"type": "led", "watts": 80, "dimmed": "yes"})
    assert not validator.is_valid({"watts": 80})
    assert not validator.is_valid({"type": "led", "watt": 80})
    assert not validator.is_valid({"type": "gas"})


def test_every_fault_is_named_at_once() -> None:
    assert sorted(refused("type: gas\nwatts: 0\ndimmed: maybe\nwatt: 1\n")) == [
        (Code.NOT_A_CHOICE, 1, "type"),
        (Code.NOT_A_CHOICE, 3, "dimmed"),
        (Code.OUT_OF_RANGE, 2, "watts"),
        (Code.UNKNOWN_KEY, 4, "watt"),
    ]


def test_a_missing_key_and_its_misspelling_are_named_together() -> None:
    assert refused("typ: led\n") == [
        (Code.UNKNOWN_KEY, 1, "typ"),
        (Code.MISSING_KEY, 1, "$"),
    ]


def test_a_check_does_not_judge_what_was_refused() -> None:
    assert refused("{type: led, watts: 500}") == [(Code.OUT_OF_RANGE, 1, "$")]
    assert refused("{type: led, watts: bright}") == [(Code.NOT_A_NUMBER, 1, "watts")]


def test_a_key_without_meaning_beside_the_others_is_unknown() -> None:
    assert read("{type: sodium, note: old}") == Lamp("sodium", note="old")
    assert refused("{type: led, note: old}") == [(Code.UNKNOWN_KEY, 1, "note")]


def test_a_list_names_the_faults_of_all_its_entries() -> None:
    assert refused("- x\n- 1\n- y\n", list_of(NUMBER)) == [
        (Code.NOT_A_NUMBER, 1, "[0]"),
        (Code.NOT_A_NUMBER, 3, "[2]"),
    ]


def test_asking_for_a_value_that_no_row_reads_is_an_error() -> None:
    with pytest.raises(KeyError):
        cursor_of("{}").values["nothing"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_default_is_that_of_the_model(name: str) -> None:
    record = RECORDS[name]
    assert is_dataclass(record.model)
    models = {field.name: field for field in fields(record.model)}
    for row in record.rows:
        field = models.get(row.attribute or row.key)
        if field is None or row.required or row.get is not None:
            continue
        default = default_of(field)
        if default is not MISSING and row.then is None:
            assert row.default == default, row.key


@pytest.mark.parametrize("name", RECORDS)
def test_a_table_names_each_key_once_and_only_attributes_of_the_model(name: str) -> None:
    record = RECORDS[name]
    keys = [row.key for row in record.rows]
    assert len(keys) == len(set(keys))
    models = {field.name for field in fields(record.model)}
    for row in record.rows:
        if row.in_model and row.get is None:
            assert (row.attribute or row.key) in models, row.key
    assert not record.named or "name" in models


def test_a_name_is_a_word_of_letters_digits_and_underscores() -> None:
    assert refused("a.b", NAME) == [(Code.BAD_NAME, 1, "$")]

"""Parameters: values with dates that make variants of one text."""

from __future__ import annotations

from itertools import pairwise

from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    DATE,
    FLAG,
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    read_number,
    read_text,
)
from central.domain.tariff.grammar.record import Record, Row, list_of, named
from central.domain.tariff.parameters import DatedValue, Parameter, ParameterValue
from central.domain.tariff.refusal import Code

_TRUTHS = {"true": True, "false": False}


def _read_value(cursor: Cursor) -> ParameterValue:
    parameter = cursor.record
    while "kind" not in parameter.values:
        parameter = parameter.record
    kind = parameter.values["kind"]
    if kind == "bool":
        return bool(FLAG.read(cursor))
    return read_text(cursor) if kind == "text" else read_number(cursor)


def _write_value(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(NUMBER.write(value))


_DATED = Record(
    DatedValue,
    (
        Row("from", DATE, required=True, attribute="since"),
        Row("value", Kind(_read_value, _write_value, {}), required=True),
    ),
)


def _check_values(parameter: Cursor) -> None:
    values, agreed = parameter.values["values"], parameter.values["agreed"]
    if not values and not agreed:
        message = f"The parameter {parameter.key!r} has no value."
        remedy = "`tariff new --set NAME=VALUE` gives one; with `agreed: true` agreements do."
        parameter.refuse(Code.PARAMETER_NOT_SET, message, remedy)
    if any(later.since <= earlier.since for earlier, later in pairwise(values)):
        message = "The dates of a parameter ascend."
        parameter.field("values").refuse(Code.CONFLICT, message, "Order the values by `from`.")


def _check_bounds(parameter: Cursor) -> None:
    values = parameter.values
    is_number = values["kind"] not in {"bool", "text"}
    for key in ("min", "max") if not is_number else ("choices",):
        if parameter.has(key):
            message = f"{key!r} has no meaning for a parameter of the kind {values['kind']}."
            parameter.field(key).refuse(Code.CONFLICT, message, "Leave it out.")
    bounds = Parameter(
        parameter.key, values["kind"], (), values["min"], values["max"], values["choices"]
    )
    for dated in values["values"]:
        fault = bounds.fault_of(dated.value)
        if fault is not None:
            message = f"The value {_write_value(dated.value)} of {parameter.key!r} {fault}."
            parameter.field("values").refuse(Code.OUT_OF_RANGE, message, "Give another value.")


def _name_it(parameter: Cursor) -> None:
    scope = parameter.scope
    if parameter.key in scope.needs or parameter.key in scope.series:
        message = f"{parameter.key!r} is already a fact or an input."
        parameter.refuse(Code.DUPLICATE_NAME, message, "Rename it.")
    scope.needs[parameter.key] = parameter.values["kind"]


PARAMETER = Record(
    Parameter,
    (
        Row("kind", TEXT, required=True, ends=True),
        Row("min", NUMBER, attribute="low"),
        Row("max", NUMBER, attribute="high"),
        Row("choices", TEXTS, default=()),
        Row("agreed", FLAG, default=False),
        Row("values", list_of(_DATED), default=()),
    ),
    checks=(_check_values, _check_bounds, _name_it),
    named=True,
)
PARAMETERS = named(PARAMETER, alone=True)

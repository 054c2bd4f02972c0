"""Give the parameters of a tariff's text their values; all else of the text stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from operator import itemgetter

import yaml
from yaml.nodes import MappingNode, Node

from firmware_bridge.contract.errors import InvalidValueError

_PARAMETERS, _VALUES = "parameters", "values"


class UnknownParameterError(InvalidValueError):
    """A tariff has no such parameter."""

    code = "UNKNOWN_PARAMETER"
    default_remedy = "Name one of its `parameters`."


def with_values(text: str, settings: Iterable[tuple[str, str]], first: date) -> str:
    """A tariff's text with other values of parameters, in place of those that it has.

    Args:
        text: Of the tariff, which can be loaded but for parameters without a value.
        settings: Names to VALUE, or to VALUE@DAY from a day on; a name may come several times.
        first: Day from which a value holds that says none.

    Raises:
        UnknownParameterError: It has no such parameter.
        InvalidValueError: A day is none.
    """
    for name, pairs in groupby(sorted(settings, key=itemgetter(0)), key=itemgetter(0)):
        dated = sorted(_dated(value, first) for _, value in pairs)
        text = _with(text, name, dated)
    return text


def _dated(value: str, first: date) -> tuple[date, str]:
    before, at, day = value.rpartition("@")
    if not at:
        return first, value
    try:
        return date.fromisoformat(day), before
    except ValueError:
        message = f"{day!r} of --set is not a day such as 2026-10-01."
        raise InvalidValueError(message, value=day) from None


def _with(text: str, name: str, dated: list[tuple[date, str]]) -> str:
    parameters = _child(yaml.compose(text), _PARAMETERS)
    parameter = _child(parameters, name)
    if not isinstance(parameter, MappingNode):
        names = [key.value for key, _ in parameters.value] if parameters is not None else []
        message = f"The tariff has no parameter {name!r}."
        remedy = f"Name one of {', '.join(names)}." if names else "It has none at all."
        raise UnknownParameterError(message, value=name, remedy=remedy)
    rows = ", ".join(f"{{from: {day}, value: {_quoted(value)}}}" for day, value in dated)
    fields = [
        f"{key.value}: {text[node.start_mark.index : node.end_mark.index].strip()}"
        for key, node in parameter.value
        if key.value != _VALUES
    ]
    written = f"{{{', '.join([*fields, f'{_VALUES}: [{rows}]'])}}}"
    begin, end = parameter.start_mark.index, parameter.end_mark.index
    if not parameter.flow_style:
        # A mapping of lines ends where the next key begins.
        written += "\n" + " " * (parameters.start_mark.column if parameters is not None else 0)
        written = written.rstrip(" ") if text[end:].lstrip().startswith("#") else written
    return text[:begin] + written + text[end:]


def _child(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

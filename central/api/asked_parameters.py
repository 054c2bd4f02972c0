"""Refuse query parameters that a path does not have: a misspelt one would select nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from central.api.contract import operations
from firmware_bridge.contract.errors import InvalidValueError


class ParameterRefusedError(InvalidValueError):
    """A query parameter is not one of the path, or is given twice."""

    code = "UNKNOWN_PARAMETER"
    default_remedy = "See the parameters of the path in /api/v1/openapi.json."


Lists = Mapping[str, bool]
"""The query parameters of a route, each with whether it is a list."""


async def check_parameters(request: Request) -> None:
    """Refuse what the route of a request does not ask for.

    Raises:
        ParameterRefusedError: A parameter has another name, or stands twice and is no list.
    """
    query = request.scope["query_string"]
    if not query:
        return
    given = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    lists = _parameters_of(request)
    unknown = sorted(given.keys() - lists.keys())
    if unknown:
        message = f"{request.url.path} has no query parameter {unknown[0]!r}."
        remedy = f"It has {', '.join(sorted(lists))}." if lists else "It has none: leave it out."
        raise ParameterRefusedError(message, value=unknown[0], remedy=remedy)
    for name, times in given.items():
        if times > 1 and not lists[name]:
            message = f"The query parameter {name!r} is given {times} times."
            raise ParameterRefusedError(message, value=name, remedy="Give it once.")


def _parameters_of(request: Request) -> Lists:
    declared: dict[str, Lists] | None = getattr(request.app.state, "parameters", None)
    if declared is None:
        declared = _read(request.app.openapi())
        request.app.state.parameters = declared
    return declared.get(request.scope["route"].name, {})


def _read(document: dict[str, Any]) -> dict[str, Lists]:
    return {
        operation["operationId"]: {
            asked["name"]: _is_list(asked["schema"])
            for asked in operation.get("parameters", ())
            if asked["in"] == "query"
        }
        for _, _, operation in operations(document)
    }


def _is_list(schema: dict[str, Any]) -> bool:
    kinds = [schema, *schema.get("anyOf", ())]
    return any(kind.get("type") == "array" for kind in kinds)

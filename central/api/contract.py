"""The description of the API: what its routes say, and what every request may meet besides.

Routes declare what they answer when all is well. How one may be refused is the same for all of
them, so it is added here: who may ask, and the problem document of every refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from central.api.problems import MEDIA_TYPE
from central.service.billing.release import this_release

_OPEN_TO_ALL: Final = "/health/"
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})

_ALWAYS: Final = {
    HTTPStatus.BAD_REQUEST: "The cursor belongs to another list, or the request cannot be read.",
    HTTPStatus.FORBIDDEN: "It may be another site's write, or came by plain HTTP.",
    HTTPStatus.MISDIRECTED_REQUEST: "The host name is not served.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter or field is missing, unknown or impossible.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests, or wrong tokens: come after `Retry-After`.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault in Meterline; nothing was changed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer: come after `Retry-After`.",
}
_SIGNED_IN: Final = {HTTPStatus.UNAUTHORIZED: "No token or session, or a wrong one."}
_OF_WRITES: Final = {
    HTTPStatus.NOT_FOUND: "What it names is not there.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time.",
    HTTPStatus.CONFLICT: "The data or the rules do not allow it.",
    HTTPStatus.PRECONDITION_FAILED: "It is another than the one that `If-Match` names.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body exceeds the limit of its path.",
}
_WITH_RETRY_AFTER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "For programs."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "meterline_session",
        "description": "Of a browser that is signed in; over TLS its name begins with `__Host-`.",
    },
}


_TAGS: Final = {"type": "string", "maxLength": 1_000}
_ETAG: Final = {"description": "Of just this answer.", "schema": _TAGS}
_LOCATION: Final = {
    "description": "Where what was created is found: its path, or that of the list it stands in.",
    "required": True,
    "schema": {"type": "string", "format": "uri-reference"},
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of what is changed, as a GET of it answered; else nothing is done.",
    "schema": _TAGS,
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of an answer that one has; where it is the same, it is not sent again.",
    "schema": _TAGS,
}


class FaultOut(BaseModel):
    """What is wrong at one place of a request."""

    at: str
    problem: str


class ProblemOut(BaseModel):
    """Why a request is refused (RFC 9457)."""

    type: str = Field(json_schema_extra={"format": "uri"})
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="A sentence about this case.")
    code: str = Field(description="Never renamed.")
    retryable: bool = Field(description="Whether the same request may go through later.")
    remedy: str | None = Field(None, description="What to do about it.")
    errors: list[FaultOut] | None = Field(None, description="Every fault of an invalid request.")


def describe(app: FastAPI, prefix: str) -> Callable[[], dict[str, Any]]:
    """What makes the description of an application's API, once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            _complete(document, prefix)
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method in lower case and description of everything that can be asked."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(document: dict[str, Any], prefix: str) -> None:
    document["info"]["x-release"] = this_release()
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemOut"] = problem
    parts["securitySchemes"] = dict(_SECURITY_SCHEMES)
    parts["responses"] = {
        _name_of(status): _refusal(status, text)
        for status, text in (_ALWAYS | _SIGNED_IN | _OF_WRITES).items()
    }
    document["security"] = [{scheme: []} for scheme in _SECURITY_SCHEMES]
    for path, method, operation in operations(document):
        is_open = path.startswith(prefix + _OPEN_TO_ALL)
        if is_open:
            operation["security"] = []
        answers = operation["responses"]
        answers.pop("422", None)
        if len(answers) > 1 and not _says_what_it_is(answers.get("200", {})):
            answers.pop("200", None)  # the framework's, of a route that names its own
        has_parameters = bool(operation.get("parameters"))
        _tell_apart(method, operation)
        if "201" in answers:
            answers["201"]["headers"] = {"Location": _LOCATION}
        for status in _refusals_of(method, is_open=is_open, has_parameters=has_parameters):
            answers[str(status.value)] = {"$ref": f"#/components/responses/{_name_of(status)}"}


def _tell_apart(method: str, operation: dict[str, Any]) -> None:
    """Say how an answer is known again, and how only that is changed which one has seen."""
    good = operation["responses"].get("200", {})
    if method in _WRITES:
        operation.setdefault("parameters", []).append(_IF_MATCH)
    elif "application/json" in good.get("content", {}):
        good["headers"] = {"ETag": _ETAG}
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        operation["responses"]["304"] = {"description": "It is still the same."}


def _says_what_it_is(answer: dict[str, Any]) -> bool:
    return any(content.get("schema") for content in answer.get("content", {}).values())


def _refusals_of(method: str, *, is_open: bool, has_parameters: bool) -> Iterator[HTTPStatus]:
    yield from _ALWAYS
    if not is_open:
        yield from _SIGNED_IN
    if method in _WRITES:
        yield from _OF_WRITES
    else:
        yield HTTPStatus.NOT_FOUND
        if has_parameters:
            yield HTTPStatus.CONFLICT


def _name_of(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.name.split("_"))


def _refusal(status: HTTPStatus, text: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
    }
    if status in _WITH_RETRY_AFTER:
        schema = {"type": "integer", "minimum": 0}
        answer["headers"] = {"Retry-After": {"description": "In seconds.", "schema": schema}}
    return answer

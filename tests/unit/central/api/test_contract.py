"""What the description of the API says of every operation."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from central.api.asked_parameters import check_parameters
from central.api.contract import describe, operations
from central.api.idempotency import response_of, shown_at
from central.api.routers import all_routers
from central.service.ports.idempotency import StoredAnswer

PREFIX = "/api/v1"
# What clients were made from. An identifier never goes; new ones are added as they come.
NAMED = Path(__file__).parent / "operation_ids.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = FastAPI(generate_unique_id_function=lambda route: route.name)
    for router in all_routers():
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(check_parameters)])
    return describe(app, PREFIX)()


def test_operations_are_named_once_and_for_ever(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    promised = json.loads(NAMED.read_text(encoding="utf-8"))
    assert {name: (path, method) for path, method, name in promised}.items() <= {
        operation["operationId"]: (path, method) for path, method, operation in operations(document)
    }.items()


def test_every_refusal_is_a_problem_document(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for path, method, operation in operations(document):
        refused = {code: said for code, said in operation["responses"].items() if code >= "400"}
        assert {"400", "403", "421", "422", "429", "500", "503"} <= refused.keys(), (path, method)
        assert method == "get" or {"404", "409", "413"} <= refused.keys(), (path, method)
        for said in refused.values():
            content = shared[said["$ref"].rpartition("/")[2]]["content"]
            assert content.keys() == {"application/problem+json"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "Retry-After" in shared["TooManyRequests"]["headers"]


def test_who_may_ask_is_said(document: dict[str, Any]) -> None:
    assert document["security"] == [{"bearer": []}, {"session": []}]
    assert document["components"]["securitySchemes"].keys() == {"bearer", "session"}
    unguarded = {p for p, _, operation in operations(document) if operation.get("security") == []}
    assert unguarded == {f"{PREFIX}/health/live", f"{PREFIX}/health/ready"}
    assert "tzdata" in document["info"]["x-release"]


def test_every_answer_says_what_it_is(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        good = {code: said for code, said in operation["responses"].items() if code < "400"}
        assert good, (path, method)
        for code, said in good.items():
            for kind, content in said.get("content", {}).items():
                assert content.get("schema"), (path, method, code, kind)


def test_what_is_created_says_where_it_is_found(document: dict[str, Any]) -> None:
    created = [
        operation["responses"]["201"]
        for _, _, operation in operations(document)
        if "201" in operation["responses"]
    ]
    assert len(created) > 20
    for answer in created:
        assert answer["headers"]["Location"]["required"]
        assert answer["content"]["application/json"]["schema"]


def test_answers_are_told_apart_and_writes_may_name_what_they_change(
    document: dict[str, Any],
) -> None:
    for path, method, operation in operations(document):
        headers = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
        if method != "get":
            assert "If-Match" in headers, path
            assert "412" in operation["responses"], path
        elif "application/json" in operation["responses"]["200"].get("content", {}):
            assert "If-None-Match" in headers, path
            assert "ETag" in operation["responses"]["200"]["headers"], path


def test_a_route_that_creates_without_saying_where_is_a_fault() -> None:
    answer = StoredAnswer(b"", HTTPStatus.CREATED.value, b"{}")
    with pytest.raises(TypeError, match="a place where it is found"):
        response_of(answer, None)
    response = response_of(answer, shown_at("groups", "north/east", "members"))
    assert response.headers["location"] == "/api/v1/groups/north%2Feast/members"


def test_every_list_is_a_page(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    pages = 0
    for path, method, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        assert schema.get("type") != "array", (path, method)
        said = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
        if method == "get" and "items" in said.get("properties", {}):
            pages += 1
            names = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
            assert {"after", "limit"} <= names, (path, method)
            assert {"items", "after"} <= set(said["required"]), (path, method)
    assert pages > 60

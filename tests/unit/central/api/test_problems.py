from __future__ import annotations

from http import HTTPStatus

import pytest

from central.api.problems import AccessError, problem_of, status_of
from central.service.ports.ingest import StoreUnavailableError
from central.service.views.lookup import NotFoundError, require
from central.service.views.paging import CursorError
from firmware_bridge.contract.errors import (
    ConfigurationError,
    InvalidValueError,
    MeterlineError,
    OperatorError,
    OversizeError,
)


class ShutError(OperatorError):
    code = "SHUT"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("x"), HTTPStatus.NOT_FOUND),
        (CursorError("x"), HTTPStatus.BAD_REQUEST),
        (AccessError("x"), HTTPStatus.UNAUTHORIZED),
        (ShutError("x"), HTTPStatus.CONFLICT),
        (InvalidValueError("x"), HTTPStatus.UNPROCESSABLE_ENTITY),
        (OversizeError("x"), HTTPStatus.BAD_REQUEST),
        (StoreUnavailableError("x"), HTTPStatus.SERVICE_UNAVAILABLE),
        (ConfigurationError("x"), HTTPStatus.INTERNAL_SERVER_ERROR),
        (MeterlineError("x"), HTTPStatus.INTERNAL_SERVER_ERROR),
    ],
)
def test_the_nearest_class_decides_the_status(error: MeterlineError, status: HTTPStatus) -> None:
    assert status_of(error) is status


def test_a_problem_says_what_happened_and_what_to_do() -> None:
    document = problem_of(ShutError("The run is shut.", remedy="Open another.")).document()
    assert document == {
        "type": "urn:meterline:problem:shut",
        "title": "Conflict",
        "status": 409,
        "detail": "The run is shut.",
        "code": "SHUT",
        "retryable": False,
        "remedy": "Open another.",
    }


def test_headers_say_how_to_come_in_and_when_to_come_back() -> None:
    assert "Bearer" in problem_of(AccessError("x")).headers()["WWW-Authenticate"]
    assert problem_of(StoreUnavailableError("x")).headers() == {"Retry-After": "5"}


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(NotFoundError, match="There is no meter 7"):
        require(None, "meter", 7)

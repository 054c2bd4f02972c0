"""The one map from errors to HTTP, and the problem document that callers get.

Source: RFC 9457.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from central.domain.access.policy import NotPermittedError
from central.domain.metering.errors import InstallationError, MultiplierError
from central.domain.tariff.refusal import TariffRefusedError
from central.service.billing.invoice_document import UnprintableTextError
from central.service.billing.shadow_file import ShadowFileError
from central.service.gateways.claims import (
    CertificateRefusedError,
    CertificateRequestError,
    ClaimRefusedError,
    NoAuthorityError,
)
from central.service.moves.errors import NoSuchMoveError
from central.service.ports.billing_errors import UnknownBillError, UnknownRunError
from central.service.ports.exceptions import NoSuchExceptionError
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import PoisonError
from central.service.ports.notices import NoSuchDeliveryError, NoSuchEndpointError
from central.service.ports.pilots import NoSuchPilotError
from central.service.ports.registry import NotRegisteredError
from central.service.registry.cycle_file import CycleFileError
from central.service.views.lookup import NotFoundError
from central.service.views.paging import CursorError
from firmware_bridge.contract.errors import (
    ConfigurationError,
    DeviceError,
    EnvironmentFaultError,
    InvalidValueError,
    MessageError,
    MeterlineError,
    OperatorError,
)
from firmware_bridge.contract.plain_text import plain

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
_DETAIL_MAX = 2_000


class AccessError(OperatorError):
    """A request has no credentials, or wrong ones."""

    code = "ACCESS"
    default_remedy = "Send `Authorization: Bearer <key>`, or sign in."


class ChangedMeanwhileError(OperatorError):
    """What a write names is not what its sender has seen."""

    code = "CHANGED_MEANWHILE"
    default_remedy = "Get it again, look at it, and send its new `ETag` as `If-Match`."


class ForbiddenError(OperatorError):
    """A request cannot be shown to come from the operator's own pages."""

    code = "FORBIDDEN"
    default_remedy = "Send it from the pages of this service, or with the operator token."


class MisdirectedError(OperatorError):
    """A request names a host that is not served."""

    code = "MISDIRECTED"
    default_remedy = "Add the name to METERLINE_WEB_HOSTS, or use one that is served."


class BodyTooLargeError(OperatorError):
    """The body of a request is larger than its path takes."""

    code = "BODY_TOO_LARGE"
    default_remedy = "Send less in one request."


class TooManyTriesError(OperatorError):
    """Too many wrong tokens came of late.

    Args:
        message: One sentence.
        retry_after_s: When one is looked at again. [s]
    """

    code = "TOO_MANY_TRIES"
    default_remedy = "Wait, then send the right token."
    retryable = True

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyRequestsError(TooManyTriesError):
    """An actor makes more requests than one may."""

    code = "TOO_MANY_REQUESTS"
    default_remedy = "Wait as long as Retry-After says, and send several things in one request."


class PlainHttpError(OperatorError):
    """A request came by plain HTTP from another machine."""

    code = "PLAIN_HTTP"
    default_remedy = (
        "Use https://. A proxy that ends TLS is named in METERLINE_WEB_TRUSTED_PROXIES."
    )


class KeyReusedError(OperatorError):
    """An idempotency key came with another request than its first."""

    code = "IDEMPOTENCY_KEY_REUSED"
    default_remedy = "Use a new key for a new request."


class KeyBusyError(OperatorError):
    """A request with the same idempotency key is still in progress."""

    code = "IDEMPOTENCY_KEY_BUSY"
    default_remedy = "Send it again in a few seconds."
    retryable = True


class ChangingNowError(OperatorError):
    """Somebody who saw the same is at work on what a write names, for longer than it waits."""

    code = "CHANGING_NOW"
    default_remedy = "Get it again in a few seconds, and look at it."
    retryable = True


# The nearest class in an error's ancestry decides. What is nobody's fault outside is ours: 500.
STATUS: dict[type[MeterlineError], HTTPStatus] = {
    MeterlineError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    DeviceError: HTTPStatus.BAD_GATEWAY,
    EnvironmentFaultError: HTTPStatus.SERVICE_UNAVAILABLE,
    InvalidValueError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MessageError: HTTPStatus.BAD_REQUEST,
    OperatorError: HTTPStatus.CONFLICT,
    NotFoundError: HTTPStatus.NOT_FOUND,
    CursorError: HTTPStatus.BAD_REQUEST,
    AccessError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotPermittedError: HTTPStatus.FORBIDDEN,
    MisdirectedError: HTTPStatus.MISDIRECTED_REQUEST,
    UnknownBillError: HTTPStatus.NOT_FOUND,
    UnknownRunError: HTTPStatus.NOT_FOUND,
    NoSuchExceptionError: HTTPStatus.NOT_FOUND,
    NoSuchMoveError: HTTPStatus.NOT_FOUND,
    NoSuchPilotError: HTTPStatus.NOT_FOUND,
    NoSuchEndpointError: HTTPStatus.NOT_FOUND,
    NoSuchDeliveryError: HTTPStatus.NOT_FOUND,
    MultiplierError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InstallationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnprintableTextError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotRegisteredError: HTTPStatus.UNPROCESSABLE_ENTITY,
    CycleFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ShadowFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TariffRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PoisonError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StoreUnfitError: HTTPStatus.SERVICE_UNAVAILABLE,
    TooManyTriesError: HTTPStatus.TOO_MANY_REQUESTS,
    PlainHttpError: HTTPStatus.FORBIDDEN,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyBusyError: HTTPStatus.CONFLICT,
    ChangingNowError: HTTPStatus.CONFLICT,
    ChangedMeanwhileError: HTTPStatus.PRECONDITION_FAILED,
    NoAuthorityError: HTTPStatus.CONFLICT,
    ClaimRefusedError: HTTPStatus.FORBIDDEN,
    CertificateRefusedError: HTTPStatus.FORBIDDEN,
    CertificateRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
}


# What a page says above the sentence; programs get the phrase of HTTP.
TITLES: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "Not understood",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not found",
    HTTPStatus.CONFLICT: "Not done",
    HTTPStatus.PRECONDITION_FAILED: "Changed meanwhile",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too much at once",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Not accepted",
    HTTPStatus.TOO_MANY_REQUESTS: "Not yet",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault in Meterline",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available now",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as a caller sees it.

    Args:
        status: The HTTP status.
        code: Stable code of the error.
        title: What kind of thing happened.
        detail: One sentence about this case.
        remedy: What to do about it.
        retryable: Whether the same request may go through later.
        errors: For an invalid request, each place and what is wrong there.
        retry_after_s: When to send it again, where that is known. [s]
    """

    status: HTTPStatus
    code: str
    title: str
    detail: str
    remedy: str | None = None
    retryable: bool = False
    errors: tuple[dict[str, str], ...] = field(default=())
    retry_after_s: int | None = None

    def document(self) -> dict[str, Any]:
        """The body of an `application/problem+json` answer."""
        body: dict[str, Any] = {
            "type": f"urn:meterline:problem:{self.code.lower()}",
            "title": self.title,
            "status": self.status.value,
            "detail": plain(self.detail, _DETAIL_MAX),
            "code": self.code,
            "retryable": self.retryable,
        }
        if self.remedy is not None:
            body["remedy"] = self.remedy
        if self.errors:
            body["errors"] = list(self.errors)
        return body

    def headers(self) -> dict[str, str]:
        """The headers that go with the status."""
        if self.status is HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": 'Bearer realm="meterline"'}
        if self.retry_after_s is not None:
            return {"Retry-After": str(self.retry_after_s)}
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE and self.retryable:
            return {"Retry-After": str(RETRY_AFTER_S)}
        return {}


def status_of(error: MeterlineError) -> HTTPStatus:
    """The status of the nearest class in an error's ancestry."""
    ranked = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(ranked, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: MeterlineError) -> Problem:
    """The problem document of an error."""
    status = status_of(error)
    if isinstance(error, TariffRefusedError):
        places = tuple(
            {"at": f"line {one.line}, {one.path}", "problem": f"{one.message} {one.remedy}"}
            for one in error.findings
        )
        detail = f"The tariff has {len(places)} fault{'s' * (len(places) > 1)}."
        return Problem(status, error.code, status.phrase, detail, errors=places)
    return Problem(
        status=status,
        code=error.code,
        title=status.phrase,
        detail=error.message,
        remedy=error.remedy,
        retry_after_s=error.retry_after_s if isinstance(error, TooManyTriesError) else None,
        retryable=error.retryable,
    )

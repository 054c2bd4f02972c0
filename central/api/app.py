"""The web application: API and pages behind one access check."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

import structlog
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from central.api.access_middleware import API, AccessMiddleware
from central.api.asked_parameters import check_parameters
from central.api.authentication import Authenticator
from central.api.authorization import authorize
from central.api.choose_language import router as choose_language
from central.api.contract import describe
from central.api.entity_tags import EntityTagMiddleware
from central.api.failed_tokens import FailedTokens
from central.api.head import HeadMiddleware
from central.api.identities import Identities
from central.api.problems import MEDIA_TYPE, TITLES, Problem, problem_of
from central.api.provider_sign_in import router as provider_sign_in
from central.api.request_times import HEADER, RequestIdMiddleware, RequestTimes
from central.api.routers import all_routers
from central.api.routers.api_reference import router as api_reference
from central.api.sealed_box import AesSealedBox
from central.api.sessions import Sessions
from central.api.settings import WebSettings
from central.api.sign_in import router as sign_in
from central.dashboard.mount import mount_pages
from central.dashboard.page import pages_of
from central.dashboard.table_csv import TableCsvMiddleware
from central.service.background import Background
from central.service.operator.services import OperatorServices
from central.service.people.second_factor import SecondFactors
from central.service.usage.gather_events import GatherEvents
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.plain_text import plain

PREFIX = "/api/v1"
_log = structlog.get_logger(__name__)
_SHOWN_MAX = 200
_ZIP_FROM_BYTES = 1024
_ZIP_LEVEL = 4
_DESCRIPTION = """\
What people see and do, for programs that have a key of theirs. Amounts and quantities are
strings, exact to the last digit; times are RFC 3339 in UTC; lists come in pages joined by the
opaque cursor `after`; every refusal is a problem document (RFC 9457) with a stable `code`. A POST
may carry an `Idempotency-Key`: sent again with the same body it is answered the same and done once.
"""


def create_app(services: OperatorServices, settings: WebSettings) -> FastAPI:
    """The web application.

    Args:
        services: Ports and use-cases; the caller opens and closes what they use.
        settings: How it is reached and who may use it.

    Raises:
        AssetsMissingError: The pages' scripts have not been fetched.
    """
    app = FastAPI(
        dependencies=[Depends(authorize)],
        title="Meterline",
        version="1",
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the bundled viewer loads scripts from another host
        redoc_url=None,
        generate_unique_id_function=_name_of,
    )
    # As FastAPI says to extend it.
    app.openapi = describe(app, PREFIX)  # type: ignore[method-assign]
    authenticator = Authenticator(settings)
    sessions = Sessions(services.sessions, timedelta(seconds=settings.session_s))
    failed_tokens = FailedTokens()
    app.state.services = services
    app.state.settings = settings
    app.state.authenticator = authenticator
    app.state.sessions = sessions
    app.state.failed_tokens = failed_tokens
    app.state.failed_claims = FailedTokens("claim")
    app.state.background = Background()
    app.state.gathered_events = GatherEvents(services.usage)
    times = app.state.request_times = RequestTimes()
    people, keys = services.people, services.keys
    identities = Identities(settings, authenticator, sessions, failed_tokens, people, keys)
    app.state.identities = identities
    box = AesSealedBox(settings.secret)
    app.state.sealed_box = box
    app.state.second_factors = SecondFactors(services.second_factor_store, box, services.clock)
    for router in all_routers():
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(check_parameters)])
    app.include_router(api_reference, prefix=PREFIX)
    app.include_router(sign_in)
    app.include_router(provider_sign_in)
    app.include_router(choose_language)
    mount_pages(app, services, app.state.background)
    _answer_errors(app)
    app.add_middleware(
        EntityTagMiddleware,
        prefix=f"{PREFIX}/",
        refuse=answer,
        claims=services.answers,
        clock=services.clock,
    )
    app.add_middleware(HeadMiddleware)
    app.add_middleware(GZipMiddleware, minimum_size=_ZIP_FROM_BYTES, compresslevel=_ZIP_LEVEL)
    app.add_middleware(
        AccessMiddleware,
        settings=settings,
        authenticator=authenticator,
        clock=services.clock,
        refuse=answer,
        identities=identities,
    )
    app.add_middleware(TableCsvMiddleware, apart=(f"{PREFIX}/", "/static/"))
    app.add_middleware(RequestIdMiddleware, times=times)
    return app


def _name_of(route: APIRoute) -> str:
    """The identifier of an operation, from which clients name their functions."""
    return route.name


def answer(request: Request, problem: Problem) -> Response:
    """A problem as the one who asked can read it: a document, or a page."""
    if request.url.path.startswith(API):
        return JSONResponse(
            problem.document(), problem.status, problem.headers(), media_type=MEDIA_TYPE
        )
    page = pages_of(request).render(
        request,
        "problem.html",
        status=problem.status,
        title=TITLES.get(problem.status, problem.title),
        detail=problem.detail,
        remedy=problem.remedy,
    )
    page.headers.update(problem.headers())
    return page


def _report_failure(request: Request, error: Exception) -> None:
    _log.error(
        "request_failed",
        method=request.method,
        path=request.url.path,
        request_id=request.state.request_id,  # out here the context has it no longer
        exc_info=error,
    )


def _answer_errors(app: FastAPI) -> None:
    """Register the handlers that turn each kind of error into its problem document or page."""

    @app.exception_handler(MeterlineError)
    async def ours(request: Request, error: MeterlineError) -> Response:
        problem = problem_of(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _report_failure(request, error)
        return answer(request, problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        places = tuple(
            {
                "at": plain(".".join(map(str, item["loc"])), _SHOWN_MAX),
                "problem": plain(str(item["msg"]), _SHOWN_MAX),
            }
            for item in error.errors()
        )
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        detail = (
            f"{places[0]['at']}: {places[0]['problem']}." if places else "The request is not valid."
        )
        problem = Problem(status, "INVALID_REQUEST", status.phrase, detail, errors=places)
        return answer(request, problem)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, MeterlineError):
            # The framework takes whatever ends the reading of a body for a body in error.
            return await ours(request, error.__cause__)
        status = HTTPStatus(error.status_code)
        code = "NOT_FOUND" if status is HTTPStatus.NOT_FOUND else status.name
        detail = f"{request.method} {request.url.path}: {status.phrase.lower()}."
        response = answer(request, Problem(status, code, status.phrase, detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        _report_failure(request, error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        detail = "This is a fault in Meterline. The log has the details."
        response = answer(request, Problem(status, "INTERNAL", status.phrase, detail))
        response.headers[HEADER] = request.state.request_id
        return response

"""Rendering: one template environment, and what every page knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from central.dashboard import present
from central.dashboard.assets import Assets
from central.dashboard.language import LANGUAGES, chosen_language, language_of
from central.dashboard.present import FILTERS, PlainPresenter, Presenter
from central.dashboard.table_csv import PLAIN
from central.domain.access.policy import Permission, Principal
from central.domain.actor import Actor, ActorKind, printed_name
from central.service.background import Background
from central.service.knowledge_time import KnowledgeTime
from central.service.operator.services import OperatorServices
from central.service.views.billing import spell_fraction
from central.service.views.field import Presence, presence

TEMPLATES = Path(__file__).parent / "templates"
ROWS = 50
_VARY = "HX-Request, Cookie, Accept-Language"


class Pages:
    """Turns templates and values into answers.

    Args:
        services: What the pages show.
        assets: Scripts and styles.
        background: What pages begin and that goes on after their answer.
    """

    def __init__(self, services: OperatorServices, assets: Assets, background: Background) -> None:
        self.services = services
        self.background = background
        self.assets = assets
        presenters = [
            make(language_of(c)) for c in LANGUAGES for make in (Presenter, PlainPresenter)
        ]
        self._templates = {p.language: _environment(p, assets) for p in presenters}

    def now(self) -> datetime:
        """The present."""
        return self.services.clock()

    def render(
        self, request: Request, template: str, /, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A page, or a part of one.

        Args:
            request: Whom it is for.
            template: File name under templates/.
            status: HTTP status.
            values: What the template shows.
        """
        now = self.now()
        session = getattr(request.state, "browser_session", None)
        presenter = presenter_of(request)
        language = presenter.language
        html = (
            self._templates[language]
            .get_template(template)
            .render(
                path=request.url.path,
                return_to=_address(request),
                language=language,
                as_of=asked(request, "as_of"),
                csrf_token=getattr(session, "csrf_token", ""),
                signed_in=getattr(session, "operator", None) is not None,
                may_sign_out=_is_person(request) or not request.app.state.settings.open,
                may=getattr(request.state, "may", lambda _: True),
                customers=is_customer(request),
                now=now,
                ago=lambda instant: presenter.ago(instant, now),
                presence=lambda seen: presence(seen, now),
                presence_of=lambda gateway: presence(
                    gateway.last_seen, now, revoked=gateway.revoked
                ),
                Presence=Presence,
                link=lambda **changes: _link(request, changes),
                **values,
            )
        )
        headers = {"Vary": _VARY, "Content-Language": language.code}
        return HTMLResponse(html, status_code=status, headers=headers)


def presenter_of(request: Request) -> Presenter:
    """What writes numbers and days in the language that somebody reads."""
    language = chosen_language(request)
    return PlainPresenter(language) if request.scope.get(PLAIN) else Presenter(language)


def _environment(presenter: Presenter, assets: Assets) -> Environment:
    """Templates in a language; texts are format strings, and their values are escaped."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    language = presenter.language
    templates.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext, language.ngettext, newstyle=True
    )
    for name in ("utc", "local", "iso", "words", "sentence"):
        templates.filters[name] = getattr(present, name)
    for name in FILTERS:
        templates.filters[name] = getattr(presenter, name)
    templates.filters["actor"] = printed_name
    templates.filters["plain_fraction"] = spell_fraction
    templates.globals["asset"] = assets.url
    templates.globals["languages"] = LANGUAGES
    return templates


def _address(request: Request) -> str:
    """Where a page is read again; forms are not sent twice."""
    if request.method != "GET":
        return "/"
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def is_customer(request: Request) -> bool:
    """Whether somebody sees what customers see: of accounts and bills their own alone."""
    principal = getattr(request.state, "principal", None)
    return (
        isinstance(principal, Principal) and Permission.READ_CUSTOMERS not in principal.permissions
    )


def _is_person(request: Request) -> bool:
    actor = getattr(request.state, "actor", None)
    return isinstance(actor, Actor) and actor.kind is ActorKind.PERSON


def _link(request: Request, changes: Mapping[str, object]) -> str:
    """The present address with some query parameters changed; None takes one away."""
    query = {**request.query_params, **changes}
    kept = {name: value for name, value in query.items() if value not in (None, "", False)}
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path


def pages_of(request: Request) -> Pages:
    """The pages of the application that serves a request."""
    pages = request.app.state.pages
    if not isinstance(pages, Pages):
        message = "The pages are not mounted."
        raise TypeError(message)
    return pages


def services_as_of(request: Request) -> OperatorServices:
    """What a page shows; as of the time that its address names, if it names one.

    Raises:
        InvalidValueError: It is no time, or what was known then may still change.
    """
    services = pages_of(request).services
    text = asked(request, "as_of")
    return services.as_of(KnowledgeTime.parse(text, services.clock()) if text else None)


def is_part(request: Request) -> bool:
    """Whether htmx asks for a piece to put into the page it has."""
    return request.headers.get("hx-request") == "true"


def asked(request: Request, name: str, longest: int = 64) -> str:
    """A query parameter's text, trimmed and bounded; empty where it is not given."""
    return request.query_params.get(name, "").strip()[:longest]


def back_to(address: str) -> Response:
    """Where the browser goes after a form was taken."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def cursor(request: Request) -> str | None:
    """The cursor of the page asked for; None is the first."""
    return request.query_params.get("after") or None


def last_of(request: Request) -> str:
    """What the address ends with: what is to be done."""
    return request.url.path.rpartition("/")[2]

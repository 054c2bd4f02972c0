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
from central.domain.actor import printed_name
from central.service.knowledge_time import KnowledgeTime
from central.service.operator.services import OperatorServices
from central.service.views.billing import spell_fraction
from central.service.views.field import Presence, presence

TEMPLATES = Path(__file__).parent / "templates"
ROWS = 50


class Pages:
    """Turns templates and values into answers.

    Args:
        services: What the pages show.
        assets: Scripts and styles.
    """

    def __init__(self, services: OperatorServices, assets: Assets) -> None:
        self.services = services
        self.assets = assets
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for name in (
            "number", "money", "energy", "quantity", "utc", "local", "iso", "day",
            "month_name", "period", "hours", "local_stamp", "price", "words", "last_day",
        ):  # fmt: skip
            self._templates.filters[name] = getattr(present, name)
        self._templates.filters["actor"] = printed_name
        self._templates.filters["fraction"] = spell_fraction
        self._templates.globals["asset"] = assets.url

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
        html = self._templates.get_template(template).render(
            path=request.url.path,
            as_of=asked(request, "as_of"),
            csrf_token=getattr(session, "csrf_token", ""),
            signed_in=getattr(session, "operator", None) is not None,
            may_sign_out=not request.app.state.settings.open,
            now=now,
            ago=lambda instant: present.ago(instant, now),
            presence=lambda seen: presence(seen, now),
            presence_of=lambda gateway: presence(gateway.last_seen, now, revoked=gateway.revoked),
            Presence=Presence,
            link=lambda **changes: _link(request, changes),
            **values,
        )
        return HTMLResponse(html, status_code=status, headers={"Vary": "HX-Request"})


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

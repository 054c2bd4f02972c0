"""Choosing the language of the pages, signed in or not."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from central.api.access_middleware import LANGUAGE, is_secure
from central.api.sign_in import within
from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.language import COOKIE, COOKIE_AGE_S, LANGUAGES

router = APIRouter(include_in_schema=False)


@router.post(LANGUAGE)
async def choose(request: Request) -> Response:
    """Keep the choice in this browser, and show the page again.

    Raises:
        FieldRefusedError: Pages are not shown in that language.
    """
    form = await SentForm.of(request)
    code = form.text("language", "Language")
    if code not in LANGUAGES:
        message = f"Language: {code!r} is not {' or '.join(LANGUAGES)}."
        raise FieldRefusedError(message, value=code)
    target = within(form.optional("next", "Page", 2000) or "/")
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        code,
        COOKIE_AGE_S,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response

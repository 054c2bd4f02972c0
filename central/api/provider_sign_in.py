"""Signing in by an identity provider: sent there, and come back with a code.

What belongs to one sign-in travels with it, sealed for the browser that began it: nothing is kept
here, another browser cannot end it, and it ends by itself after some minutes.
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import datetime, timedelta
from typing import Final

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from central.api.access_middleware import FROM_PROVIDER, PROVIDER, SIGN_IN
from central.api.failed_tokens import FailedTokens, network_of
from central.api.identities import Identities
from central.api.parameters import services_of
from central.api.sealed_box import AesSealedBox
from central.api.sign_in import begin_session, form, within
from central.dashboard.page import pages_of
from central.service.people.people import PersonRefusedError
from central.service.people.provider import (
    Asking,
    ProviderRefusedError,
    ProviderSignIns,
    ProviderUnavailableError,
)
from firmware_bridge.contract.errors import MeterlineError

_SEE_OTHER = 303
_SECRET_BYTES = 32
_CODE_MAX = 2_048
_AGE: Final = timedelta(minutes=10)
_log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)


@router.get(PROVIDER)
async def send_there(request: Request) -> Response:
    """On to the provider."""
    sign_ins = await _offered(request)
    if sign_ins is None:
        return RedirectResponse(SIGN_IN, _SEE_OTHER)
    target = within(request.query_params.get("next", "/"))
    nonce, verifier = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    now = pages_of(request).now()
    state = _sealed(request, [nonce, verifier, target, (now + _AGE).isoformat()])
    try:
        address = await sign_ins.provider.address(Asking(_back(request), state, nonce, verifier))
    except (ProviderRefusedError, ProviderUnavailableError) as error:
        return await _refused(request, target, error)
    return RedirectResponse(address, _SEE_OTHER)


@router.get(FROM_PROVIDER)
async def come_back(request: Request) -> Response:
    """A session for whoever the provider vouches for.

    Raises:
        TooManyTriesError: Too many that were not right came from there.
    """
    sign_ins = await _offered(request)
    asked = request.query_params
    now = pages_of(request).now()
    begun = _opened(request, asked.get("state", ""), now)
    if sign_ins is None or begun is None:
        refusal = ProviderRefusedError("The sign-in was begun elsewhere, or too long ago.")
        return await _refused(request, "/", refusal)
    nonce, verifier, target = begun
    address = None if request.client is None else request.client.host
    # A code is worth something to this browser alone, so only its own network waits for wrong ones.
    account = f"@{network_of(address)}"
    failed: FailedTokens = request.app.state.failed_tokens
    failed.admit(address, account, now)
    try:
        if asked.get("error") or not 0 < len(asked.get("code", "")) <= _CODE_MAX:
            message = "The identity provider did not let you in."
            raise ProviderRefusedError(message)  # noqa: TRY301 - told as the others are
        asking = Asking(_back(request), asked["state"], nonce, verifier)
        name = await sign_ins.let_in(await sign_ins.provider.vouched(asking, asked["code"]))
    except (ProviderRefusedError, ProviderUnavailableError, PersonRefusedError) as error:
        failed.note(address, account, now, is_right=False)
        return await _refused(request, target, error)
    failed.note(address, account, now, is_right=True)
    return await begin_session(request, name, target, now)


async def _offered(request: Request) -> ProviderSignIns | None:
    """How to sign in there; not before the first administrator is here."""
    identities: Identities = request.app.state.identities
    return None if await identities.is_before_people() else services_of(request).provider_sign_ins


async def _refused(request: Request, target: str, error: MeterlineError) -> Response:
    _log.warning("provider_sign_in_refused", code=error.code, reason=error.message)
    return await form(request, target, refusal=f"{error.message} {error.remedy}")


def _back(request: Request) -> str:
    return str(request.url.replace(path=FROM_PROVIDER, query="", fragment=""))


def _about(request: Request) -> str:
    return f"sign-in by a provider in {request.state.browser_session.name}"


def _sealed(request: Request, begun: list[str]) -> str:
    box: AesSealedBox = request.app.state.sealed_box
    sealed = box.seal(json.dumps(begun).encode(), _about(request))
    return base64.urlsafe_b64encode(sealed).decode()


def _opened(request: Request, state: str, now: datetime) -> tuple[str, str, str] | None:
    box: AesSealedBox = request.app.state.sealed_box
    try:
        sealed = base64.b64decode(state, altchars="-_", validate=True)
        opened = box.open(sealed, _about(request))
    except ValueError:
        return None
    if opened is None:
        return None
    nonce, verifier, target, until = json.loads(opened)
    return (nonce, verifier, target) if now < datetime.fromisoformat(until) else None

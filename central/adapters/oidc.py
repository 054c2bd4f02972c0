"""An identity provider of OpenID Connect, by code and PKCE.

Documentation and keys of the provider are fetched when they are first needed, and again after an
hour, or when it signs with a key that is not among them.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from central.service.people.provider import (
    Asking,
    ProviderRefusedError,
    ProviderUnavailableError,
    Vouched,
)
from central.service.ports.people import ProvidedIdentity
from firmware_bridge.contract.plain_text import plain

# Signatures alone that somebody else than us can make: none with a shared secret, and not "none".
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
)
_FRESH_S = 3600.0
_TIMEOUT_S = 10.0
_LEEWAY_S = 60
_SHOWN_MAX = 200
_DISCOVERY = "/.well-known/openid-configuration"
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class OidcClient:
    """How this centre is registered at a provider.

    Args:
        issuer: Address of the provider, as its documents say it.
        client: This centre's identifier there.
        secret: Its secret there.
        label: What people call the provider.
        name_claim: What says how somebody is called here.
        groups_claim: What says which groups they are in.
        scopes: What is asked for.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    label: str
    name_claim: str
    groups_claim: str
    scopes: str


class OidcProvider:
    """`IdentityProvider` of OpenID Connect.

    Args:
        registered: How this centre is known there.
        transport: Carries requests; the network by default.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        registered: OidcClient,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registered = registered
        self._transport = transport
        self._clock = clock
        self._documented: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._fetched_s = float("-inf")
        self.failures = 0

    @property
    def label(self) -> str:
        """See `IdentityProvider`."""
        return self._registered.label

    async def check(self) -> None:
        """Fetch its documents and keys anew.

        Raises:
            ProviderUnavailableError: It does not answer, or not as one does.
        """
        async with self._talking(Asking("", "", "", "")) as client:
            await self._fetch(client, anew=True)

    async def address(self, asking: Asking) -> str:
        """See `IdentityProvider`."""
        async with self._talking(asking) as client:
            await self._fetch(client)
            address, _ = client.create_authorization_url(
                self._documented["authorization_endpoint"],
                state=asking.state,
                code_verifier=asking.verifier,
                nonce=asking.nonce,
            )
            return str(address)

    async def vouched(self, asking: Asking, code: str) -> Vouched:
        """See `IdentityProvider`."""
        async with self._talking(asking) as client:
            await self._fetch(client)
            answer = await client.fetch_token(
                self._documented["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=asking.verifier,
            )
            if not isinstance(answer.get("id_token"), str):
                message = "The identity provider vouches for nobody."
                raise ProviderRefusedError(message)
            return await self._read(client, answer["id_token"], asking)

    @asynccontextmanager
    async def _talking(self, asking: Asking) -> AsyncIterator[AsyncOAuth2Client]:
        registered = self._registered
        client = AsyncOAuth2Client(
            registered.client,
            registered.secret,
            scope=registered.scopes,
            redirect_uri=asking.back,
            code_challenge_method="S256",
            transport=self._transport,
            timeout=_TIMEOUT_S,
        )
        try:
            async with client:
                yield client
        except OAuthError as error:
            message = f"The identity provider refuses: {plain(str(error.error), _SHOWN_MAX)}."
            raise ProviderRefusedError(message) from error
        except (JoseError, KeyError) as error:
            message = f"What the identity provider signed is not right: {type(error).__name__}."
            raise ProviderRefusedError(message) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            message = f"The identity provider does not answer as one does: {type(error).__name__}."
            self.failures += 1
            raise ProviderUnavailableError(message, value=registered.issuer) from error
        except ProviderUnavailableError:
            self.failures += 1
            raise

    async def _fetch(self, client: AsyncOAuth2Client, *, anew: bool = False) -> None:
        if not anew and self._clock() - self._fetched_s < _FRESH_S:
            return
        issuer = self._registered.issuer
        documented = await _json(client, issuer.rstrip("/") + _DISCOVERY)
        if documented.get("issuer") != issuer or any(each not in documented for each in _NEEDED):
            message = "The identity provider's document is not that of METERLINE_OIDC_ISSUER."
            raise ProviderUnavailableError(message, value=issuer)
        keys = await _json(client, documented["jwks_uri"])
        self._keys = KeySet.import_key_set({"keys": list(keys["keys"])})
        self._documented = documented
        self._fetched_s = self._clock()

    async def _read(self, client: AsyncOAuth2Client, token: str, asking: Asking) -> Vouched:
        registered = self._registered
        signed = await self._decoded(client, token)
        options = {
            "iss": {"essential": True, "value": registered.issuer},
            "aud": {"essential": True, "value": registered.client},
            "nonce": {"essential": True},
        }
        params = {"client_id": registered.client, "nonce": asking.nonce}
        claims = CodeIDToken(signed.claims, signed.header, options, params)
        claims.validate(leeway=_LEEWAY_S)
        subject, name = claims["sub"], claims.get(registered.name_claim)
        groups = claims.get(registered.groups_claim, [])
        if not isinstance(subject, str) or not subject or not isinstance(name, str):
            message = f"The identity provider does not say {registered.name_claim} of somebody."
            remedy = "Name another claim in METERLINE_OIDC_NAME_CLAIM, or have it sent."
            raise ProviderRefusedError(message, value=registered.name_claim, remedy=remedy)
        names = groups if isinstance(groups, list) else [groups]
        return Vouched(
            ProvidedIdentity(registered.issuer, subject),
            name,
            frozenset(each for each in names if isinstance(each, str)),
        )

    async def _decoded(self, client: AsyncOAuth2Client, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._keys, algorithms=list(_ALGORITHMS))
        except (JoseError, ValueError):
            await self._fetch(client, anew=True)  # it may sign with another key by now
            return jwt.decode(token, self._keys, algorithms=list(_ALGORITHMS))


async def _json(client: AsyncOAuth2Client, address: str) -> dict[str, Any]:
    answer = await client.request("GET", address, withhold_token=True)
    answer.raise_for_status()
    found = json.loads(answer.content)
    if not isinstance(found, dict):
        message = "no object"
        raise ValueError(message)  # noqa: TRY004 - of what was sent, as bad JSON is
    return found

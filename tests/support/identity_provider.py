"""A provider of OpenID Connect on this machine, whose people and faults a test chooses."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.servers import free_port

CLIENT, SECRET = "meterline", "a secret between the two"
Claims = dict[str, Any]


@dataclass
class Provider:
    """One that runs.

    Args:
        issuer: Its address.
        person: Claims of whoever signs in there now; None lets nobody in.
        altered: Changes the claims of a token before it is signed.
        algorithm: Signs tokens.
    """

    issuer: str
    person: Claims | None = None
    altered: Callable[[Claims], Claims] = field(default=lambda claims: claims)
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    trades: int = 0

    def turn_key(self) -> None:
        """Sign with another key from now on."""
        self.key = RSAKey.generate_key(2048, auto_kid=True)

    async def document(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        if self.person is None:
            answer = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def token(self, request: Request) -> Response:
        self.trades += 1
        given = {key: each[0] for key, each in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(given["code"], None)  # a code is good once
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_client = request.headers.get("authorization") == f"Basic {basic}"
        if asked is None or challenge != asked["code_challenge"] or not is_client:
            return JSONResponse({"error": "invalid_grant"}, 400)
        assert given["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        claims = self.altered(
            {
                "iss": self.issuer,
                "aud": CLIENT,
                "iat": now,
                "exp": now + 60,
                "nonce": asked["nonce"],
                **(self.person or {}),
            }
        )
        key = OctKey.import_key(SECRET) if self.algorithm.startswith("HS") else self.key
        header = {"alg": self.algorithm, "kid": self.key.kid}
        signed = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": signed})


@asynccontextmanager
async def running_provider() -> AsyncIterator[Provider]:
    """Run one on a free port of the loopback interface."""
    port = free_port()
    provider = Provider(f"http://127.0.0.1:{port}")
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.document),
            Route("/keys", provider.keys),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
        ]
    )
    config = uvicorn.Config(app, port=port, log_level="critical", lifespan="off")
    async with _served(_Server(config)):
        yield provider


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()


@asynccontextmanager
async def _served(server: _Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve())
    try:
        await server.answers.wait()
        yield
    finally:
        server.should_exit = True
        await task

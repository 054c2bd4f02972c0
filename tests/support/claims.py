"""Claims of gateways on a real database, with an authority of the test's own and a turned clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from central.adapters.authority import FileAuthority, X509Reader, certificates_in
from central.adapters.timescale.registry.certificates import TimescaleClaimStore
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.domain.actor import Actor, Via
from central.service.gateways.claims import ClaimTerms, GatewayClaims, SigningProof, invite_gateway
from central.service.ports.certificates import GatewayCertificate
from edge_agent.config.identity import IdentitySettings
from edge_agent.enrolment.centre import Centre, GivenCertificate
from edge_agent.enrolment.identity import Identity
from tests.support.actors import CLERK

if TYPE_CHECKING:
    from central.adapters.timescale.pool import Pool

START = datetime(2026, 3, 1, tzinfo=UTC)
ACTOR = Actor.job("claims", Via.API)
BROKER = "mqtts://127.0.0.1:8883"
Value = TypeVar("Value")


def authority(folder: Path, name: str, days: int, now: datetime = START) -> FileAuthority:
    """An authority whose files lie in a folder of its name."""
    home = folder / name
    home.mkdir()
    return FileAuthority.make(home, name, timedelta(days=days), now)


def certificate_of(folder: Path, name: str) -> Path:
    """Where the certificate of an authority lies."""
    return folder / name / "authority.crt"


@dataclass
class Claims:
    """The use-cases, whose clock, authority and trust a test changes."""

    pool: Pool
    folder: Path
    now: datetime = START
    lifetime: timedelta = timedelta(days=90)
    issuer: str = "first"
    trusted: tuple[str, ...] = ("first",)
    store: TimescaleClaimStore = field(init=False)
    gateways: TimescaleGatewayStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = TimescaleClaimStore(self.pool)
        self.gateways = TimescaleGatewayStore(self.pool)

    @property
    def use_cases(self) -> GatewayClaims:
        trusting = [certificates_in(certificate_of(self.folder, name))[0] for name in self.trusted]
        key = self.folder / self.issuer / "authority.key"
        ca = certificate_of(self.folder, self.issuer)
        return GatewayClaims(
            self.store,
            self.gateways,
            authority=FileAuthority.load(key, ca),
            reader=X509Reader(trusting),
            terms=ClaimTerms(self.lifetime, timedelta(days=30), (BROKER,), ca.read_text()),
            clock=lambda: self.now,
        )

    async def invite(self, name: str, hours: float = 48.0) -> str:
        given = await invite_gateway(
            self.store, name, timedelta(hours=hours), CLERK, lambda: self.now
        )
        return given.code

    async def claim(self, code: str, identity: Identity, name: str | None = None) -> str:
        """As a device does; returns the gateway's name."""
        request = identity.request()
        proof = SigningProof.of(identity.signing_key(), identity.sign_key(request).hex())
        given = await self.use_cases.claim(code, request, ACTOR, name, proof)
        accept(identity, given, self.use_cases)
        return given.gateway

    async def renew(self, identity: Identity) -> GatewayCertificate:
        """As a device does."""
        request = identity.request()
        signature = identity.sign_renewal(request)
        given = await self.use_cases.renew(identity.certificate(), request, signature, ACTOR)
        accept(identity, given, self.use_cases)
        return given


def accept(identity: Identity, given: GatewayCertificate, claims: GatewayClaims) -> None:
    identity.accept(given.gateway, given.pem, claims.terms.broker_ca)


class DirectCentre(Centre):
    """The centre's use-cases without the network between; called from threads of the loop."""

    def __init__(self, claims: Claims, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(IdentitySettings(centre="https://centre.example"))
        self._claims = claims
        self._loop = loop

    def renew(self, certificate: str, request: str, signature: bytes) -> GivenCertificate:
        cases = self._claims.use_cases
        given = self._wait(cases.renew(certificate, request, signature, ACTOR))
        return GivenCertificate(given.gateway, given.pem, cases.terms.broker_ca, (BROKER,))

    def _wait(self, work: Coroutine[object, object, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

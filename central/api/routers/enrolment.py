"""What gateways ask for themselves: their first certificate, and the next one.

Nobody is signed in here: a claim shows a code, a renewal a signature. Wrong ones wait longer and
longer, by address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from fastapi import APIRouter
from starlette.requests import Request

from central.api.failed_tokens import FailedTokens
from central.api.parameters import Services
from central.api.schemas.enrolment import CertificateOut, ClaimIn, RenewIn
from central.domain.actor import Actor, Via
from central.service.gateways.claims import (
    CertificateRefusedError,
    ClaimRefusedError,
    GatewayClaims,
    NoAuthorityError,
    SigningProof,
)
from central.service.operator.services import OperatorServices
from central.service.ports.certificates import GatewayCertificate
from firmware_bridge.contract.errors import InvalidValueError

router = APIRouter(tags=["gateways"])
_CLAIMS = Actor.job("claims", Via.API)
_REFUSALS = (ClaimRefusedError, CertificateRefusedError, InvalidValueError)


@router.post("/enrolment/claim")
async def claim_gateway(request: Request, services: Services, order: ClaimIn) -> CertificateOut:
    """Claim a gateway's name with a code: the device's first certificate. Needs no sign-in."""
    claims = _claims(services)
    # By code, so that nobody closes the claims of others.
    with _throttled(request, services, f"claim {sha256(order.code.encode()).hexdigest()[:8]}"):
        signing = SigningProof.of(order.signing_key, order.signing_proof)
        certificate = await claims.claim(order.code, order.request, _CLAIMS, order.gateway, signing)
    return _shown(claims, certificate)


@router.post("/enrolment/renew")
async def renew_certificate(request: Request, services: Services, order: RenewIn) -> CertificateOut:
    """Renew a gateway's certificate, as the holder of the present one. Needs no sign-in."""
    claims = _claims(services)
    account = f"renewal {sha256(order.certificate.encode()).hexdigest()[:8]}"
    with _throttled(request, services, account):
        certificate = await claims.renew(
            order.certificate, order.request, bytes.fromhex(order.signature), _CLAIMS
        )
    return _shown(claims, certificate)


@contextmanager
def _throttled(request: Request, services: OperatorServices, account: str) -> Iterator[None]:
    tries: FailedTokens = request.app.state.failed_claims
    address = None if request.client is None else request.client.host
    tries.admit(address, account, services.clock())
    try:
        yield
    except _REFUSALS:
        tries.note(address, account, services.clock(), is_right=False)
        raise
    tries.note(address, account, services.clock(), is_right=True)


def _claims(services: OperatorServices) -> GatewayClaims:
    if services.claims_of_gateways is None:
        message = "This process gives gateways no certificates."
        raise NoAuthorityError(message)
    return services.claims_of_gateways


def _shown(claims: GatewayClaims, certificate: GatewayCertificate) -> CertificateOut:
    return CertificateOut(
        gateway=certificate.gateway,
        certificate=certificate.pem,
        not_after=certificate.not_after,
        brokers=list(claims.terms.brokers),
        broker_ca=claims.terms.broker_ca,
    )

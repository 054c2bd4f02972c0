"""What gateways send to get certificates, and what they get."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, StringConstraints

from central.api.schemas.base import Instant
from central.api.schemas.writes import Order

Pem = Annotated[
    str, StringConstraints(min_length=1, max_length=16_384, pattern=r"^[\x20-\x7e\r\n]+$")
]


class ClaimIn(Order):
    """A claim code, and what the device asks for."""

    LINES: ClassVar[frozenset[str]] = frozenset({"request"})

    code: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    request: Pem
    gateway: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = None
    signing_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    signing_proof: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")] | None = None


class RenewIn(Order):
    """The present certificate, what the device asks for, and the present key's signature of it."""

    LINES: ClassVar[frozenset[str]] = frozenset({"request", "certificate"})

    certificate: Pem
    request: Pem
    signature: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}){1,200}$")]


class CertificateOut(BaseModel):
    """A gateway's certificate, and which brokers it is for."""

    gateway: str
    certificate: str
    not_after: Instant
    brokers: list[str]
    broker_ca: str

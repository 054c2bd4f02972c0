"""Invitations and certificates of gateways on PostgreSQL, see `certificates.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Rollback

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.service.ports.certificates import (
    GatewayCertificate,
    Invitation,
    SignedRecord,
    StoredCertificate,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import Signing
from firmware_bridge.contract.signed import key_id

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_name("certificates.sql"))


class TimescaleClaimStore:
    """`ClaimStore` and `ProofStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def invite(
        self, gateway: str, code_sha256: bytes, expires_at: datetime, note: DecisionNote
    ) -> None:
        """See `ClaimStore`."""
        fields = {"expires_at": expires_at.isoformat(timespec="seconds")}
        async with self._begin() as connection:
            values = {"gateway": gateway, "at": note.at}
            await connection.execute(_SQL["withdraw"], values)
            values |= {"code": code_sha256, "actor": note.actor.key, "expires_at": expires_at}
            await connection.execute(_SQL["invite"], values)
            detail = change(None, fields, note.reason)
            await audit(connection, note.at, note.actor, "gateway.invited", gateway, detail)

    async def claim(
        self, code_sha256: bytes, key_sha256: bytes, gateway: str | None, note: DecisionNote
    ) -> Invitation | None:
        """See `ClaimStore`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "lock_invitation", code=code_sha256)
            if not rows:
                return None
            invitation = Invitation(*rows[0])
            is_meant = gateway in {None, invitation.gateway}
            if invitation.claimed_key not in {None, key_sha256}:
                refused = change(None, {"refused": "CLAIM_USED", "key": key_sha256.hex()})
                subject, action = invitation.gateway, "gateway.claim_refused"
                await audit(connection, note.at, note.actor, action, subject, refused)
            elif (
                invitation.claimed_key is None
                and is_meant
                and not invitation.is_withdrawn
                and invitation.expires_at > note.at
            ):
                values = {"code": code_sha256, "key": key_sha256, "at": note.at}
                await connection.execute(_SQL["claim"], values)
        return invitation

    async def certificate_of_key(self, key_sha256: bytes) -> StoredCertificate | None:
        """See `ClaimStore`."""
        return await self._first("certificate_of_key", key=key_sha256)

    async def certificate(self, serial: str) -> StoredCertificate | None:
        """See `ClaimStore`."""
        return await self._first("certificate", serial=serial)

    async def successor(self, serial: str) -> StoredCertificate | None:
        """See `ClaimStore`."""
        return await self._first("successor", serial=serial)

    async def admit(
        self, certificate: GatewayCertificate, signing_key: bytes | None, note: DecisionNote
    ) -> bool:
        """See `ClaimStore`."""
        name, is_new = certificate.gateway, False
        async with self._begin() as connection:
            was = (await _rows(connection, "enrol", name=name, at=note.at))[0][1]
            if not await _rows(connection, "add", **_fields(certificate, note, None)):
                raise Rollback
            values = {"gateway": name, "serial": certificate.serial, "at": note.at}
            ended = sorted(row[0] for row in await _rows(connection, "revoke_others", **values))
            old = None if was is None else {"revoked": was, "certificates": ended}
            new: dict[str, object] = {"revoked": False, "certificates": [certificate.serial]}
            if signing_key is not None:
                key = {"name": name, "key": signing_key, "key_id": key_id(signing_key)}
                for query in ("retire_keys", "add_key", "require_signatures"):
                    await connection.execute(_SQL[query], {**key, "at": note.at})
                new["signing_key"] = signing_key.hex()
            detail = change(old, new, note.reason)
            await audit(connection, note.at, note.actor, "gateway.claimed", name, detail)
            is_new = True
        return is_new  # noqa: RET504 - a rollback ends the block too

    async def add(self, certificate: GatewayCertificate, renews: str, note: DecisionNote) -> bool:
        """See `ClaimStore`."""
        async with self._begin() as connection:
            added = await _rows(connection, "add", **_fields(certificate, note, renews))
            if added:
                end = certificate.not_after.isoformat(timespec="seconds")
                new = {"certificate": certificate.serial, "not_after": end}
                detail = change({"certificate": renews}, new)
                name = certificate.gateway
                await audit(connection, note.at, note.actor, "gateway.renewed", name, detail)
        return bool(added)

    async def note_refusal(self, gateway: str, code: str, note: DecisionNote) -> None:
        """See `ClaimStore`."""
        async with self._begin() as connection:
            detail = change(None, {"refused": code})
            await audit(connection, note.at, note.actor, "gateway.renewal_refused", gateway, detail)

    async def certificates(self, gateway: str) -> list[StoredCertificate]:
        """See `ClaimStore`."""
        return await self._stored("certificates", gateway=gateway)

    async def revoked(self, at: datetime) -> list[StoredCertificate]:
        """See `ClaimStore`."""
        return await self._stored("revoked", at=at)

    async def proof(self, gateway: str, epoch: UUID, sequence: int) -> SignedRecord | None:
        """See `ProofStore`."""
        values = {"gateway": gateway, "epoch": epoch, "sequence": sequence}
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "proof", **values)
        for row in rows:
            before = None if row[13] is None else (row[13], row[14])
            return replace(SignedRecord(*row[:13]), before=before)
        return None

    async def set_signing(self, gateway: str, signing: Signing, note: DecisionNote) -> bool:
        """See `ProofStore`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "set_signing", name=gateway, signing=signing.value)
            for (old,) in rows:
                if old != signing.value:
                    detail = change({"signing": old}, {"signing": signing.value}, note.reason)
                    action = "gateway.signing"
                    await audit(connection, note.at, note.actor, action, gateway, detail)
        return bool(rows)

    async def _first(self, query: str, **values: object) -> StoredCertificate | None:
        return next(iter(await self._stored(query, **values)), None)

    async def _stored(self, query: str, **values: object) -> list[StoredCertificate]:
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, query, **values)
        return [
            StoredCertificate(
                GatewayCertificate(row[0], row[1], bytes(row[2]), row[3], row[4]), *row[5:]
            )
            for row in rows
        ]

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection[_Row]]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection


def _fields(
    certificate: GatewayCertificate, note: DecisionNote, renews: str | None
) -> dict[str, object]:
    return {
        "serial": certificate.serial,
        "gateway": certificate.gateway,
        "key": certificate.key_sha256,
        "certificate": certificate.pem,
        "at": note.at,
        "not_after": certificate.not_after,
        "renews": renews,
    }


async def _rows(connection: AsyncConnection[_Row], query: str, **values: object) -> list[_Row]:
    return await (await connection.execute(_SQL[query], values)).fetchall()

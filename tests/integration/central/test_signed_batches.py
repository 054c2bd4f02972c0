"""Batches that their gateway signs: what is taken, and what can be shown of it years later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import make_pool
from central.cli.app import app as commands
from central.service.gateways.claims import CertificateRequestError, SigningProof
from central.service.gateways.proof import checked, prove_batch, set_signing
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import Result
from central.service.ingest.requeue import requeue
from central.service.ports.audit import AuditFilter
from central.service.ports.ingest_records import Signing
from edge_agent.enrolment.identity import Identity
from edge_agent.uplink.batch_signer import SIGNING_KEY, BatchSigner
from firmware_bridge.contract.envelope import Sealed
from tests.support.actors import CLERK
from tests.support.claims import ACTOR, Claims, authority
from tests.support.ingest import NOW, QUARTER, Edge, arrive, readings
from tests.support.servers import Database

ROOF = "roof-1"
BEGIN = NOW - timedelta(days=9)


@dataclass
class Site:
    """A gateway that claimed its name and signs, and the centre's ingest."""

    claims: Claims
    ingest: Ingest
    store: TimescaleIngestStore
    edge: Edge
    signer: BatchSigner

    def batch(self, count: int = 4) -> Sealed:
        number = len(self.edge.sealed) * 4
        return self.edge.seal(readings(count, BEGIN + number * QUARTER, number))

    async def take(self, *payloads: bytes) -> Result:
        return await self.ingest.commit(arrive(ROOF, *payloads))

    async def set(self, signing: Signing) -> None:
        await set_signing(self.claims.store, ROOF, signing, CLERK, lambda: NOW)


@pytest.fixture
async def site(plain_migrated: Database, tmp_path: Path) -> AsyncIterator[Site]:
    authority(tmp_path, "first", 3650)
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        claims, identity = Claims(pool, tmp_path), Identity(tmp_path / "device")
        await claims.claim(await claims.invite(ROOF), identity)
        signer = BatchSigner.load(identity.folder / SIGNING_KEY)
        store = TimescaleIngestStore(pool)
        yield Site(claims, Ingest(store, lambda: NOW), store, Edge(ROOF), signer)


def codes(result: Result) -> list[tuple[str, str]]:
    return [(each.kind.value, each.code) for each in result.outcomes]


def other_signer(folder: Path) -> BatchSigner:
    identity = Identity(folder / "other")
    identity.signing_key()
    return BatchSigner.load(identity.folder / SIGNING_KEY)


async def test_a_signed_batch_is_stored_and_can_be_shown_with_its_signature(
    site: Site, plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    batches = [site.batch() for _ in range(3)]
    result = await site.take(*(site.signer.signed(each.payload) for each in batches))
    assert codes(result) == [("stored", "STORED")] * 3
    assert result.replies[-1].ack.cum == 3
    proof = await prove_batch(site.claims.store, ROOF, site.edge.epoch, 2)
    assert proof.holds
    assert proof.is_chained
    assert proof.payload == batches[1].payload
    assert proof.record.public_key == site.signer.public_key
    # The same once more, and without its signature: known, nothing is stored twice.
    again = await site.take(site.signer.signed(batches[0].payload))
    assert codes(again) == [("duplicate", "DUPLICATE")]
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn)
    words = ["gateway", "proof", ROOF, str(site.edge.epoch), "2", "--json"]
    shown = await run([*words, "--out", str(tmp_path / "batch")])
    assert (shown["holds"], shown["readings"]) == (True, 4)
    assert (tmp_path / "batch").read_bytes() == batches[1].payload


async def run(words: list[str]) -> dict[str, object]:
    done = await asyncio.to_thread(CliRunner().invoke, commands, words)
    assert done.exit_code == 0, done.output
    shown: dict[str, object] = json.loads(done.output)
    return shown


async def test_a_stored_byte_or_hash_that_was_changed_shows(
    site: Site, plain_migrated: Database
) -> None:
    """As the administrator of the server could, whom no trigger stops."""
    await site.take(site.signer.signed(site.batch().payload))
    proof = await prove_batch(site.claims.store, ROOF, site.edge.epoch, 1)
    body = bytearray(proof.record.body or b"")
    body[-1] ^= 1
    with (
        pytest.raises(psycopg.errors.RestrictViolation),
        psycopg.connect(plain_migrated.dsn) as owner,
    ):
        owner.execute("UPDATE batch_signature SET body = %s", [bytes(body)])

    other = other_signer(site.claims.folder).public_key
    for changed, wrong in (
        (replace(proof.record, body=bytes(body)), (True, False)),
        (replace(proof.record, sha256=bytes(32)), (False, False)),
        (replace(proof.record, public_key=other), (False, True)),
    ):
        shown = checked(changed)
        assert not shown.holds
        assert (shown.is_signature_good, shown.is_content_whole) == wrong


async def test_what_is_not_signed_as_it_must_be_waits_in_quarantine_and_the_answer_says_it(
    site: Site,
) -> None:
    first, second, third = (site.batch() for _ in range(3))
    stranger = other_signer(site.claims.folder)
    torn = bytearray(site.signer.signed(third.payload))
    torn[20] ^= 1
    result = await site.take(first.payload, stranger.signed(second.payload), bytes(torn))
    assert codes(result) == [
        ("quarantined", "SIGNATURE_MISSING"),
        ("quarantined", "SIGNING_KEY_UNKNOWN"),
        ("quarantined", "BAD_SIGNATURE"),
    ]
    assert (result.replies[-1].ack.cum, result.replies[-1].ack.quarantined) == (3, (1, 2, 3))
    keys = {each.key for each in await site.store.open_findings()}
    assert keys == {
        f"QUARANTINE:{ROOF}:{code}"
        for code in ("SIGNATURE_MISSING", "SIGNING_KEY_UNKNOWN", "BAD_SIGNATURE")
    }
    # Nothing is let out while it has to be signed, and by the decision not to ask everything is.
    assert not [each for each in await requeue(site.store, lambda: NOW, CLERK) if each.released]
    await site.set(Signing.OFF)
    assert all(each.released for each in await requeue(site.store, lambda: NOW, CLERK))
    rows = await TimescaleAuditStore(site.claims.pool).rows(AuditFilter(ROOF), 9)
    assert rows[0].action == "gateway.signing"
    assert await site.store.open_findings() == []
    await site.set(Signing.REQUIRED)
    imported = examine(Arrival(ROOF, site.batch().payload, NOW, is_imported=True))
    assert codes(await site.ingest.commit([imported])) == [("stored", "STORED")]
    await site.set(Signing.ACCEPTED)
    fourth, fifth = site.batch(), site.batch()
    result = await site.take(fourth.payload, stranger.signed(fifth.payload))
    assert codes(result) == [("stored", "STORED"), ("quarantined", "SIGNING_KEY_UNKNOWN")]


async def test_whoever_has_no_key_takes_no_sequence_and_ends_no_epoch(site: Site) -> None:
    """A thief of the certificate alone, or the broker, sends under the gateway's name first."""
    forged = Edge(ROOF, site.edge.epoch)
    fakes = [forged.seal(readings(4, BEGIN, 900 + n)) for n in range(2)]
    await site.take(*(each.payload for each in fakes))
    true = [site.batch() for _ in range(3)]
    result = await site.take(*(site.signer.signed(each.payload) for each in true[:2]))
    assert codes(result) == [("stored", "STORED")] * 2
    ack = result.replies[-1].ack
    assert (ack.cum, ack.cum_hash, ack.new_epoch) == (2, true[1].sha256, False)
    another = Edge(ROOF, site.edge.epoch).seal(readings(4, BEGIN, 700))
    late = await site.take(another.payload)
    assert codes(late) == [("rejected", "SIGNATURE_MISSING")]
    assert not late.replies[-1].ack.new_epoch
    result = await site.take(site.signer.signed(true[2].payload))
    assert result.replies[-1].ack.cum == 3
    for sequence in (1, 2, 3):
        proof = await prove_batch(site.claims.store, ROOF, site.edge.epoch, sequence)
        assert (proof.holds, proof.is_chained) == (True, True)


async def test_a_claim_needs_the_key_that_will_sign(site: Site) -> None:
    identity = Identity(site.claims.folder / "another")
    request, key = identity.request(), identity.signing_key()
    code = await site.claims.invite("roof-2")
    wrong = SigningProof(bytes.fromhex(key), site.signer.sign(b"something else"))
    with pytest.raises(CertificateRequestError):
        await site.claims.use_cases.claim(code, request, ACTOR, None, wrong)
    assert await site.claims.claim(code, identity) == "roof-2"
    # A replaced device's key signs no more.
    new = Identity(site.claims.folder / "new")
    await site.claims.claim(await site.claims.invite(ROOF), new)
    result = await site.take(site.signer.signed(site.batch().payload))
    assert codes(result) == [("quarantined", "SIGNING_KEY_UNKNOWN")]

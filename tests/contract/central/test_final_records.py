"""What the database itself refuses to change: legal numbers, what batches say, revisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from central.adapters.timescale.pool import APPLICATION_ROLE
from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.ingest import Ingest
from central.service.ingest.requeue import requeue
from central.service.ports.gateway_quota import GatewayQuota
from tests.support.actors import OPERATOR
from tests.support.ingest import NOW, Edge, Stores, channel, readings, timescale_stores
from tests.support.servers import Database

START = NOW - timedelta(days=3)
WHEN = lambda: NOW  # noqa: E731 - a clock
REVISE = """
INSERT INTO reading (channel_id, at, revision, mantissa, exponent, flags)
SELECT channel_id, at, 1, 42, 0, 0 FROM reading WHERE revision = 0 LIMIT 1
"""
AUDIT = """
INSERT INTO audit_log (at, actor, via, action, subject, detail)
VALUES ('2026-11-20Z', 'person:ana', 'command', 'conflict.decided', 'conflict 1', '{}')
"""


@pytest.fixture
async def stored(migrated: Database) -> Database:
    """A batch with readings, one that is void, and a series that gave seven numbers."""
    edge = Edge("gw1")
    async with timescale_stores(migrated.dsn) as stores:
        await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
        first, second = (edge.seal(readings(2, START + timedelta(days=n))) for n in (0, 1))
        await Ingest(stores.ingest, WHEN).commit(edge.arrive(first, edge.seal_void(second)))
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute("INSERT INTO bill_series (series) VALUES ('INV')")
        owner.execute("UPDATE bill_series SET last = 7")
    return migrated


@pytest.fixture(params=["owner", "application"])
def connection(
    stored: Database, request: pytest.FixtureRequest
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(stored.dsn, autocommit=True) as opened:
        if request.param == "application":
            opened.execute(f"SET ROLE {APPLICATION_ROLE}".encode())
        yield opened


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bill_series SET last = 6",
        "UPDATE bill_series SET series = 'OLD'",
        "DELETE FROM bill_series",
        "UPDATE batch SET sha256 = decode(repeat('ab', 32), 'hex')",
        "UPDATE batch SET sha256 = decode(repeat('ab', 32), 'hex'), replaces = sha256",
        (
            "UPDATE batch SET sha256 = decode(repeat('ab', 32), 'hex'), replaces = sha256"
            " WHERE received = 0"
        ),
        "UPDATE batch SET prev_hash = decode(repeat('ab', 32), 'hex')",
        "UPDATE batch SET made_at = made_at - interval '1 day'",
        "UPDATE batch SET replaces = decode(repeat('ab', 32), 'hex')",
        "UPDATE batch SET sequence = sequence + 10",
        "UPDATE batch SET epoch = gen_random_uuid()",
        "UPDATE batch SET stored_at = stored_at - interval '1 day'",
        REVISE,
    ],
)
def test_neither_owner_nor_application_changes_what_is_final(
    connection: psycopg.Connection[tuple[object, ...]], statement: str
) -> None:
    with pytest.raises((errors.RestrictViolation, errors.InsufficientPrivilege)):
        connection.execute(statement.encode())


def test_numbers_rise_and_a_revision_goes_with_its_own_row_of_the_log(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    connection.execute("UPDATE bill_series SET last = 9")
    connection.execute(AUDIT)
    # A row that another transaction wrote tells of another decision.
    with pytest.raises(errors.RestrictViolation, match="needs a row of the audit log"):
        connection.execute(REVISE)
    with connection.transaction():
        connection.execute(AUDIT)
        connection.execute(REVISE)
    assert connection.execute("SELECT count(*) FROM reading WHERE revision = 1").fetchone() == (1,)


async def test_a_batch_that_came_for_a_void_one_keeps_both_hashes_when_it_is_requeued(
    stores: Stores,
) -> None:
    await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
    stores.ingest.quota = GatewayQuota(meters=1)
    ingest, edge = Ingest(stores.ingest, WHEN), Edge("gw1")
    await ingest.commit(edge.arrive(edge.seal(readings(1, START))))
    original = edge.seal(readings(1, START, 7, channel("B2")))
    void = edge.seal_void(original)
    await ingest.commit(edge.arrive(void))
    (late,) = (await ingest.commit(edge.arrive(original))).outcomes
    assert late.code == "TOO_MANY_METERS"
    stores.ingest.quota = GatewayQuota()
    assert [done.released for done in await requeue(stores.ingest, WHEN, OPERATOR)] == [True]
    for again in (original, void):
        (outcome,) = (await ingest.commit(edge.arrive(again))).outcomes
        assert outcome.code == "DUPLICATE"

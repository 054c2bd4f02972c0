"""Every step of an installation is checked on real servers, and what is wrong says the remedy."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from central.adapters.authority import FileAuthority
from central.adapters.embedded.broker import EmbeddedBroker, mosquitto_program
from central.adapters.mqtt.dynamic_security import DynamicSecurity
from central.adapters.revocation_list import RevocationList
from central.adapters.signing_key import FileKey
from central.adapters.timescale.backup import PostgresBackups
from central.adapters.timescale.people import TimescalePeople
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.cli.app import app
from central.domain.access.policy import Permission, Role
from central.process.doctor import examine_installation
from central.service.backups import Backups
from central.service.gateways.broker_access import bring_to
from central.service.ports.people import NewKey, NewPerson
from firmware_bridge.contract.topics import CENTRE
from tests.support.actors import CLERK, noted
from tests.support.identity_provider import CLIENT, running_provider
from tests.support.servers import Database, free_port, fresh_folder
from tests.support.site import Authority, DeployedBroker, deployed_broker


def now() -> datetime:
    return datetime.now(UTC)


async def found() -> dict[str, tuple[str, str]]:
    checked = [each async for each in examine_installation(now)]
    assert [each for each in checked if each.verdict != "ok" and not each.remedy] == []
    steps = [each.step for each in checked]
    assert len(steps) == len(set(steps)), steps
    return {each.step: (each.verdict.value, each.text) for each in checked}


@pytest.fixture(autouse=True)
def no_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("METERLINE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(params=[2, -1], ids=["valid", "expired"])
def site(request: pytest.FixtureRequest) -> Iterator[DeployedBroker]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        with deployed_broker(folder, authority, days=request.param) as running:
            yield running


async def test_the_deployed_broker_is_judged_by_its_rules_and_certificates(
    site: DeployedBroker,
    request: pytest.FixtureRequest,
    plain_migrated: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, key = site.centre_authority.issue(CENTRE)
    for name, value in {
        "DATABASE": plain_migrated.dsn_as("meterline_app"),
        "BROKER_PORT": site.centre_port,
        "BROKER_RULES": "dynamic-security",
        "BROKER_CA": site.authority.ca_file,
        "BROKER_CERTIFICATE": own,
        "BROKER_KEY": key,
    }.items():
        monkeypatch.setenv(f"METERLINE_{name}", str(value))
    checked = await found()
    assert checked["own certificate"][0] == "look"  # of two days
    if "expired" in request.node.name:
        assert checked["broker's certificate"][0] == "fail"
        assert "expired" in checked["broker's certificate"][1]
        assert "broker" not in checked
        return
    assert [checked[step][0] for step in ("broker", "broker's rules", "strangers")] == ["ok"] * 3
    assert checked["roles"] == ("ok", "The services sign in as a role that owns nothing.")
    assert checked["worker"][0] == "fail"  # nobody runs one here
    async with make_pool(plain_migrated.dsn, max_size=1) as pool:
        gateways = TimescaleGatewayStore(pool)
        await gateways.enrol("gw-1", noted(now()))
        checked = await found()
        assert checked["broker's rules"][0] == "fail"
        assert "1 gateways lacking" in checked["broker's rules"][1]
        await bring_to(DynamicSecurity(site.centre), await gateways.admitted())
    checked = await found()
    assert checked["broker's rules"] == ("ok", "They admit 1 gateways and nobody else.")


async def test_a_broker_that_lets_in_whoever_comes_is_named(
    plain_migrated: Database, mosquitto: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn)
    monkeypatch.setenv("METERLINE_BROKER_PORT", str(mosquitto.port))
    checked = await found()
    assert checked["broker"][0] == "ok"
    assert checked["broker's rules"][0] == "look"
    assert checked["strangers"][0] == "fail"
    assert checked["roles"][0] == "look"  # the tests' own role is a superuser


async def test_what_is_away_is_named_and_what_needs_it_is_left_out(
    plain_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    open_to_all = secrets / "METERLINE_WEB_TOKEN"
    open_to_all.write_text("0123456789abcdef0123456789abcdef")
    open_to_all.chmod(stat.S_IRUSR | stat.S_IROTH)
    monkeypatch.setenv("METERLINE_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("METERLINE_DATABASE", plain_database.dsn)
    monkeypatch.setenv("METERLINE_BROKER_PORT", str(free_port()))
    monkeypatch.setenv("METERLINE_AUDIT_ANCHOR_FILE", str(tmp_path / "nowhere" / "anchors"))
    checked = await found()
    assert checked["schema"][0] == "fail"
    assert checked["schema"][1].startswith("SCHEMA_MISSING")
    assert checked["database"][0] == "ok"
    assert [checked[step][0] for step in ("broker", "anchors", "secrets")] == ["fail"] * 3
    assert "jobs" not in checked
    assert "strangers" not in checked


def test_settings_that_are_refused_end_the_check_with_exit_code_3(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 3
    assert done.stdout.startswith("FAIL  settings: SETTING_MISSING: No database is configured.")
    monkeypatch.setenv("METERLINE_WEB_PORT", "many")
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 3
    (only,) = json.loads(done.stdout)
    assert (only["step"], only["verdict"]) == ("settings", "fail")
    assert "METERLINE_WEB_PORT" in only["text"]


@pytest.fixture
def authority(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> FileAuthority:
    """One of 180 days, which the settings name, beside a database."""
    made = FileAuthority.make(tmp_path, "gateways", timedelta(days=180), now())
    for name, value in {
        "DATABASE": plain_migrated.dsn,
        "BROKER_PORT": free_port(),
        "AUTHORITY_KEY": tmp_path / "authority.key",
        "AUTHORITY_CERTIFICATE": tmp_path / "authority.crt",
        "GATEWAY_BROKERS": '["mqtts://broker.example:8883"]',
        "GATEWAY_BROKER_CA": tmp_path / "authority.crt",
    }.items():
        monkeypatch.setenv(f"METERLINE_{name}", str(value))
    return made


async def of(step: str) -> tuple[str, str]:
    return (await found())[step]


async def test_authority_provider_and_signed_heads_are_judged(
    authority: FileAuthority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del authority
    heads = tmp_path / "heads"
    heads.mkdir()
    FileKey.make(tmp_path / "heads.pem")
    monkeypatch.setenv("METERLINE_AUDIT_HEAD_FOLDER", str(heads))
    monkeypatch.setenv("METERLINE_AUDIT_HEAD_KEY", str(tmp_path / "heads.pem"))
    monkeypatch.setenv("METERLINE_OIDC_CLIENT", CLIENT)
    monkeypatch.setenv("METERLINE_OIDC_ROLES", '{"billing": "billing-clerk"}')
    async with running_provider() as provider:
        monkeypatch.setenv("METERLINE_OIDC_ISSUER", provider.issuer)
        checked = await found()
        assert checked["gateways' authority"][0] == "look"
        assert checked["identity provider"][0] == "ok"
        assert checked["gateways' certificates"][0] == "ok"
        never = "A signed head of the audit log was exported never."
        assert checked["signed heads"] == ("fail", never)
        assert "revocations" not in checked
        monkeypatch.setenv("METERLINE_OIDC_ISSUER", f"{provider.issuer}/other")
        assert (await of("identity provider"))[0] == "fail"
        monkeypatch.setenv("METERLINE_OIDC_ISSUER", provider.issuer)
        monkeypatch.setenv("METERLINE_OIDC_ROLES", '{"billing": "king"}')
        assert "has no role" in (await of("identity provider"))[1]
        monkeypatch.setenv("METERLINE_OIDC_ROLES", '{"billing": "billing-clerk"}')
    assert "PROVIDER_UNAVAILABLE" in (await of("identity provider"))[1]
    for days, verdict in ((4, "fail"), (1, "ok")):
        (heads / f"audit-head-{now() - timedelta(days=days):%Y-%m-%d}.json").write_text("{}")
        assert (await of("signed heads"))[0] == verdict


async def test_the_brokers_list_is_compared_with_what_is_revoked(
    authority: FileAuthority,
    plain_migrated: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    month, listed = timedelta(days=30), tmp_path / "revoked.crl"
    monkeypatch.setenv("METERLINE_GATEWAY_REVOCATION_LIST", str(listed))
    (tmp_path / "other").mkdir()
    thief = FileAuthority.make(tmp_path / "other", "thief", month, now())
    add_certificates(plain_migrated, (tmp_path / "other" / "authority.crt").read_text())
    assert (await of("revocations"))[0] == "fail"  # there is no file

    def write(until: timedelta, *serials: str, by: FileAuthority = authority) -> None:
        since = now() - month
        carried = dict.fromkeys(serials, since)
        listed.write_text(by.revocation_list([], since, now() + until, carried))

    write(month, "a1", "a2")
    assert (await of("revocations"))[1].startswith("2 are in the list")
    write(month, "a2")
    assert await of("revocations") == ("fail", "1 certificates are revoked and not in the list.")
    write(month, "a1", "a2", "a3", "fff")
    assert (await of("revocations"))[1].endswith("as after a restore: a3 of roof-1, fff.")
    write(timedelta(days=3), "a1", "a2")
    assert (await of("revocations"))[0] == "look"
    write(timedelta(0), "a1", "a2")
    assert "brokers let nobody in" in (await of("revocations"))[1]
    write(month, by=thief)
    assert "not signed by the authority" in (await of("revocations"))[1]
    # What the list revokes stays revoked when it is written anew.
    write(month, "a1", "a3", "a4", "fff")
    words = ["gateway", "revocation-list", str(listed), "--json"]
    run = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert run.exit_code == 0, run.output
    assert sorted(json.loads(run.output)["forgotten"]) == ["a3", "fff"]
    # The others are of no authority of ours, or have ended.
    assert set(RevocationList.read(listed, []).revoked) == {"a3", "fff"}


async def test_whom_a_restored_database_lets_in_is_named_until_somebody_has_looked(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn)
    assert "restored doors" not in await found()
    async with make_pool(plain_migrated.dsn, max_size=1) as pool:
        people = TimescalePeople(pool)
        for name in ("ana", "ben"):
            person = NewPerson(name, frozenset({Role.VIEWER}), frozenset(), frozenset())
            await people.add(person, noted(now()))
        await people.set_disabled("ben", noted(now()), disabled=True)
        for label in ("billing", "old"):
            sha256, until = hashlib.sha256(label.encode()).digest(), now() + timedelta(days=1)
            key = NewKey(sha256, "ana", label, frozenset([Permission.READ_BILLS]), until)
            number = await people.give_key(key, noted(now()))
        await people.revoke_key(number, None, noted(now()))
    store = PostgresBackups(plain_migrated.dsn, plain_migrated.kind.binaries.folder)
    await Backups(store, now, CLERK).close_doors()
    verdict, text = await of("restored doors")
    assert verdict == "fail"
    assert "1 people (ana) and 1 API keys (1 of ana) are let in as the backup has it" in text
    async with make_pool(plain_migrated.dsn, max_size=1) as pool:
        await TimescaleRetentionRules(pool).resume(noted(now(), reason="looked through"))
    assert "restored doors" not in await found()


def add_certificates(database: Database, pem: str) -> None:
    """Two that are revoked, one that is not, one that has ended."""
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        owner.execute("INSERT INTO gateway (name, enrolled_at) VALUES ('roof-1', '2026-01-01Z')")
        for serial, days, revoked in (
            ("a1", 80, True), ("a2", 80, True), ("a3", 80, False), ("a4", -1, True),
        ):  # fmt: skip
            ends = now() + timedelta(days=days)
            owner.execute(
                "INSERT INTO gateway_certificate (serial, gateway_id, key_sha256, certificate,"
                " issued_at, not_after, revoked_at)"
                " SELECT %s, id, sha256(%s::bytea), %s, %s, %s, %s FROM gateway",
                (
                    serial,
                    serial,
                    pem,
                    ends - timedelta(days=90),
                    ends,
                    now() if revoked else None,
                ),
            )

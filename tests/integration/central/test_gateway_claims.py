"""Claims and renewals of gateways: what is given, what is refused, and what the audit log says."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx
import pytest
from cryptography import x509
from structlog.testing import capture_logs

from central.adapters.authority import CommandAuthority, FileAuthority, X509Reader, certificates_in
from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.process.services import timescale_services
from central.service.gateways.claims import (
    AuthorityUnavailableError,
    CertificateRefusedError,
    CertificateRevokedError,
    CertificateSupersededError,
    ClaimExpiredError,
    ClaimRefusedError,
    ClaimTerms,
    ClaimUsedError,
    GatewayClaims,
    OtherGatewayClaimError,
    invite_gateway,
)
from central.service.gateways.enrolment import (
    NoSuchGatewayError,
    enrol_gateway,
    revoke_gateway,
)
from central.service.ports.audit import AuditFilter
from edge_agent.enrolment.identity import Identity
from edge_agent.enrolment.renewal import Renewal
from firmware_bridge.contract.enrolment import CLAIM_PATH
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CLERK
from tests.support.claims import (
    ACTOR,
    START,
    Claims,
    DirectCentre,
    accept,
    authority,
    certificate_of,
)
from tests.support.edge_clock import HandClock
from tests.support.servers import Database

DAY = timedelta(days=1)


@pytest.fixture
async def claims(plain_migrated: Database, tmp_path: Path) -> AsyncIterator[Claims]:
    authority(tmp_path, "first", 3650)
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        yield Claims(pool, tmp_path)


def device(claims: Claims, name: str) -> Identity:
    return Identity(claims.folder / f"device-{name}")


async def actions(claims: Claims, gateway: str) -> list[str]:
    rows = await TimescaleAuditStore(claims.pool).rows(AuditFilter(gateway), 100)
    return [row.action for row in reversed(rows)]


async def test_a_code_gives_one_device_its_name_and_a_lost_answer_is_given_again(
    claims: Claims,
) -> None:
    code = await claims.invite("roof-1")
    assert await claims.gateways.gateway("roof-1") is None, "nothing changes before the claim"
    roof, thief = device(claims, "roof"), device(claims, "thief")
    typed = code.lower().replace("-", " ")
    lost = await claims.use_cases.claim(typed, roof.request(), ACTOR)
    again = await claims.use_cases.claim(code, roof.request(), ACTOR)
    assert (again.gateway, again.serial) == ("roof-1", lost.serial)
    with pytest.raises(ClaimUsedError):
        await claims.claim(code, thief)
    assert await claims.claim(code, roof) == "roof-1"
    record = await claims.gateways.gateway("roof-1")
    assert record is not None
    assert not record.revoked
    assert await actions(claims, "roof-1") == [
        "gateway.invited",
        "gateway.claimed",
        "gateway.claim_refused",
    ]
    certificate = x509.load_pem_x509_certificate(roof.certificate().encode())
    assert certificate.not_valid_after_utc == START + claims.lifetime
    assert stat.S_IMODE(roof.certificate_file.stat().st_mode) == 0o600
    async with claims.pool.connection() as connection:
        stored = await (await connection.execute("SELECT * FROM gateway_invitation")).fetchall()
    assert code.replace("-", "") not in repr(stored), "the code itself is kept nowhere"


async def test_codes_that_are_old_replaced_anothers_or_reserved_are_refused(
    claims: Claims,
) -> None:
    first = await claims.invite("roof-1")
    second = await claims.invite("roof-1", hours=1)
    roof = device(claims, "roof")
    with pytest.raises(ClaimExpiredError):
        await claims.claim(first, roof)
    with pytest.raises(OtherGatewayClaimError):
        await claims.claim(second, roof, "roof-2")
    claims.now += timedelta(hours=1)
    with pytest.raises(ClaimExpiredError):
        await claims.claim(second, roof)
    with pytest.raises(ClaimRefusedError):
        await claims.claim("0000-0000-0000-0000-0000", roof)
    with pytest.raises(InvalidValueError):
        await claims.claim("0000-UUUU", roof)
    with pytest.raises(InvalidValueError):
        await claims.invite("meterline-central")
    with pytest.raises(ClaimRefusedError):
        await invite_gateway(claims.store, "roof-1", 31 * DAY, CLERK, lambda: claims.now)
    third = await claims.invite("roof-1")
    await enrol_gateway(claims.gateways, "roof-1", CLERK, lambda: claims.now)
    await revoke_gateway(claims.gateways, "roof-1", CLERK, lambda: claims.now)
    with pytest.raises(ClaimExpiredError):
        await claims.claim(third, roof)


async def test_a_year_of_renewals_outlives_steps_of_the_clock_and_a_new_authority(
    claims: Claims,
) -> None:
    """The device's clock steps twice; the authority's certificate ends, another takes over."""
    roof = device(claims, "roof")
    claims.issuer, claims.trusted = "ending", ("ending",)
    authority(claims.folder, "ending", 300)
    await claims.claim(await claims.invite("roof-1"), roof)
    clock = HandClock(now=START)
    ends, issuers = [], set()
    centre = DirectCentre(claims, asyncio.get_running_loop())
    renewed: list[bool] = []
    random = Random(5)  # noqa: S311 - jitter, repeatable
    renewal = Renewal("roof-1", roof, centre, clock, random, lambda: renewed.append(True))
    for day in range(400):
        if day == 100:
            clock.now = START - 365 * DAY  # the device's clock is set back by a year and more
        if day == 200:
            clock.now = START + 900 * DAY  # and far ahead
            before = len(renewed)
        if day == 205:
            assert len(renewed) <= before + 2, "a clock that is ahead asks no more often"
            clock.now = claims.now
        if day == 240:
            authority(claims.folder, "second", 3650, claims.now)
            claims.issuer, claims.trusted = "second", ("second", "ending")
        if day == 330:
            claims.trusted = ("second",)
        await renewal.step()
        assert renewal.failure is None
        present = x509.load_pem_x509_certificate(roof.certificate().encode())
        assert claims.now < present.not_valid_after_utc - 20 * DAY, day
        ends.append(present.not_valid_after_utc)
        issuers.add(present.issuer.rfc4514_string())
        claims.now += DAY
        clock.turn(DAY.total_seconds())
    assert 6 <= len(set(ends)) - 1 == len(renewed) <= 9
    assert issuers == {"CN=ending", "CN=second"}
    assert roof.broker_ca_file.read_text() == certificate_of(claims.folder, "second").read_text()
    assert len(await claims.store.certificates("roof-1")) == len(renewed) + 1


async def test_a_copy_of_a_device_is_refused_and_audited_and_the_first_goes_on(
    claims: Claims,
) -> None:
    roof, copy = device(claims, "roof"), device(claims, "copy")
    await claims.claim(await claims.invite("roof-1"), roof)
    copy.folder.mkdir()
    copy.certificate_file.write_bytes(roof.certificate_file.read_bytes())
    request = roof.request()
    signature, shown = roof.sign_renewal(request), roof.certificate()
    lost = await claims.use_cases.renew(shown, request, signature, ACTOR)
    with pytest.raises(CertificateSupersededError):
        await claims.renew(copy)
    assert (await claims.renew(roof)).serial == lost.serial, "the answer that was lost"
    assert (await actions(claims, "roof-1"))[-2:] == ["gateway.renewed", "gateway.renewal_refused"]
    with pytest.raises(CertificateRefusedError):
        await claims.use_cases.renew(roof.certificate(), request, signature, ACTOR)
    assert await claims.renew(roof)


async def test_who_is_revoked_or_too_late_renews_no_more(claims: Claims) -> None:
    roof, late = device(claims, "roof"), device(claims, "late")
    await claims.claim(await claims.invite("roof-1"), roof)
    await claims.claim(await claims.invite("late-1"), late)
    await revoke_gateway(claims.gateways, "roof-1", CLERK, lambda: claims.now)
    with pytest.raises(CertificateRevokedError):
        await claims.renew(roof)
    # Taken back, it needs a certificate that was not in the thief's hands.
    await enrol_gateway(claims.gateways, "roof-1", CLERK, lambda: claims.now)
    with pytest.raises(CertificateRevokedError):
        await claims.renew(roof)
    first = FileAuthority.load(
        claims.folder / "first" / "authority.key", certificate_of(claims.folder, "first")
    )
    stolen = [each.certificate for each in await claims.store.revoked(claims.now)]
    text = first.revocation_list(stolen, claims.now, claims.now + DAY)
    listed = {f"{each.serial_number:x}" for each in x509.load_pem_x509_crl(text.encode())}
    assert listed == {each.serial for each in stolen} != set()
    new = device(claims, "new")
    await claims.claim(await claims.invite("roof-1"), new)
    assert await claims.renew(new)
    claims.now = START + claims.lifetime + timedelta(days=29)
    assert await claims.renew(late), "it was off for a while"
    claims.now += claims.lifetime + timedelta(days=31)
    with pytest.raises(CertificateRefusedError):
        await claims.renew(late)


async def test_a_database_that_is_older_than_the_devices_renews_what_it_never_saw(
    claims: Claims,
) -> None:
    roof, unknown = device(claims, "roof"), device(claims, "unknown")
    await claims.claim(await claims.invite("roof-1"), roof)
    await lost_with_the_database(claims, "roof-1", roof)
    await lost_with_the_database(claims, "new-1", unknown)
    assert (await claims.renew(roof)).gateway == "roof-1"
    assert await claims.renew(roof)
    with pytest.raises(NoSuchGatewayError):
        await claims.renew(unknown)
    await enrol_gateway(claims.gateways, "new-1", CLERK, lambda: claims.now)
    assert await claims.renew(unknown)


async def lost_with_the_database(claims: Claims, name: str, identity: Identity) -> None:
    """Give a device a certificate of which the database says nothing, as one of before it."""
    by = FileAuthority.load(
        claims.folder / "first" / "authority.key", certificate_of(claims.folder, "first")
    )
    reader = X509Reader(certificates_in(certificate_of(claims.folder, "first")))
    request = reader.request(identity.request())
    pem = await asyncio.to_thread(by.issue, request, name, claims.now, claims.now + 90 * DAY)
    accept(identity, reader.issued(pem, request, name), claims.use_cases)


async def test_another_authority_is_asked_by_a_command_and_what_it_signs_is_checked(
    claims: Claims,
) -> None:
    first = claims.folder / "first"
    script = claims.folder / "sign.py"
    script.write_text(
        "import sys\nfrom datetime import datetime\nfrom pathlib import Path\n"
        "from central.adapters.authority import FileAuthority\n"
        "from central.service.ports.certificates import CertificateRequest\n"
        f"by = FileAuthority.load(Path({str(first / 'authority.key')!r}),"
        f" Path({str(first / 'authority.crt')!r}))\n"
        "name, begin, end = sys.argv[-3:]\n"
        "name = 'evil' if name == 'roof-2' else name\n"
        "request = CertificateRequest(sys.stdin.read(), b'')\n"
        "begin, end = map(datetime.fromisoformat, (begin, end))\n"
        "print(by.issue(request, name, begin, end), end='')\n"
    )
    cases = GatewayClaims(
        claims.store,
        claims.gateways,
        authority=CommandAuthority(f"{sys.executable} {script}"),
        reader=X509Reader(certificates_in(first / "authority.crt")),
        terms=ClaimTerms(DAY, DAY, (), ""),
        clock=lambda: claims.now,
    )
    roof, other = device(claims, "roof"), device(claims, "other")
    given = await cases.claim(await claims.invite("roof-1"), roof.request(), ACTOR)
    assert (given.gateway, given.not_after) == ("roof-1", START + DAY)
    code = await claims.invite("roof-2")
    with pytest.raises(AuthorityUnavailableError):
        await cases.claim(code, other.request(), ACTOR)
    # The device asks again once the authority is right: its code is not lost.
    assert (await claims.use_cases.claim(code, other.request(), ACTOR)).gateway == "roof-2"


async def test_wrong_codes_over_http_wait_longer_and_longer_and_are_logged(
    claims: Claims,
) -> None:
    services = timescale_services(
        claims.pool, render_invoice, lambda: claims.now, None, claims.use_cases
    )
    app = create_app(services, WebSettings(token="correct-horse-battery-staple-and-more"))  # noqa: S106
    roof = device(claims, "roof")
    code = await claims.invite("roof-1")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        order = {"code": "0000-0000-0000-0000-0000", "request": roof.request()}
        with capture_logs() as logs:
            answers = [await client.post(CLAIM_PATH, json=order) for _ in range(6)]
        codes = [answer.json()["code"] for answer in answers]
        assert codes == ["CLAIM_REFUSED"] * 5 + ["TOO_MANY_TRIES"]
        assert answers[-1].headers["Retry-After"] == "1"
        failed = [line for line in logs if line["event"] == "claim_failed"]
        assert len(failed) == 5
        assert "0000-0000" not in repr(failed)
        claims.now += timedelta(seconds=2)
        given = await client.post(CLAIM_PATH, json=order | {"code": code})
        assert given.status_code == 200, given.text
        assert given.json()["brokers"] == list(claims.use_cases.terms.brokers)
        services = timescale_services(claims.pool, render_invoice, lambda: claims.now)
        app.state.services = services
        away = await client.post(CLAIM_PATH, json=order)
        assert (away.status_code, away.json()["code"]) == (409, "NO_AUTHORITY")

"""Checks of what lets people and gateways in: authority, revocations, provider, signed heads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from central.adapters.audit_heads import newest_head_at
from central.adapters.oidc import OidcProvider
from central.adapters.revocation_list import RevocationList
from central.adapters.timescale.people import TimescalePeople
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.certificates import TimescaleClaimStore
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.config.settings import Settings
from central.process.authority import authorities, gateway_claims
from central.process.provider import oidc_client
from central.process.sealer import signed_heads
from central.service.checkup import Checked, bad, good, judge_certificate, warn
from firmware_bridge.contract.errors import MeterlineError

AUTHORITY_SHORT: Final = timedelta(days=180)
LIST_SHORT: Final = timedelta(days=7)
HEAD_OLD: Final = timedelta(days=3)
_NAMED: Final = 5


async def check_doors(
    settings: Settings, pool: Pool, clock: Callable[[], datetime]
) -> AsyncIterator[Checked]:
    """Check what the settings name of these; what they do not name is left out.

    Args:
        settings: Of the web process and the worker.
        pool: Open.
        clock: Now, aware.
    """
    now = clock()
    if (restored := await TimescaleRetentionRules(pool).restored_at(now)) is not None:
        yield await _let_in_again(pool, restored, now)
    try:
        trusted = authorities(settings)
        gateway_claims(settings, pool, clock)
    except (MeterlineError, OSError) as error:
        yield _refused("gateways' authority", error)
    else:
        for number, each in enumerate(trusted):
            step = "gateways' authority" + (f", certificate {number + 1}" if number else "")
            yield judge_certificate(step, each.not_valid_after_utc, now, AUTHORITY_SHORT)
        if settings.gateway_revocation_list is not None:
            yield await _revocations(settings, pool, now)
    if settings.oidc_issuer:
        yield await _provider(settings)
    if settings.audit_head_folder is not None:
        yield _heads(settings, now)


async def _let_in_again(pool: Pool, restored: datetime, now: datetime) -> Checked:
    """Whom a backup lets in that may have been shut out since, until somebody has looked."""
    store = TimescalePeople(pool)
    people = [person.name for person in await store.people() if person.disabled_at is None]
    keys = [
        f"{key.number} of {key.person}"
        for key in await store.keys()
        if key.revoked_at is None and key.until > now
    ]
    text = (
        f"The database was restored on {restored:%Y-%m-%d}: {_counted(people, 'people')} and"
        f" {_counted(keys, 'API keys')} are let in as the backup has it, though some may have been"
        " disabled or revoked since."
    )
    remedy = (
        "Compare `user list` and `api-key list` with what was done since; `user disable NAME`,"
        " `api-key revoke NUMBER`; then `retention resume`."
    )
    return bad("restored doors", text, remedy)


def _counted(names: Sequence[str], what: str) -> str:
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return f"{len(names)} {what}" + (f" ({shown})" if names else "")


async def _revocations(settings: Settings, pool: Pool, now: datetime) -> Checked:
    step, file = "revocations", settings.gateway_revocation_list
    assert file is not None  # noqa: S101 - asked for where it is; tells the type checker
    try:
        listed = RevocationList.read(file, authorities(settings))
    except MeterlineError as error:
        return _refused(step, error)
    remedy = f"`meterline-central gateway revocation-list {file}`, and have the broker read it."
    if listed.until <= now:
        text = f"The list ended at {listed.until:%Y-%m-%d}: brokers let nobody in with it."
        return bad(step, text, remedy)
    store = TimescaleClaimStore(pool)
    revoked = {each.certificate.serial for each in await store.revoked(now)}
    forgotten = []
    for serial in listed.revoked.keys() - revoked:
        stored = await store.certificate(serial)
        if stored is None:
            forgotten.append(serial)
        elif stored.revoked_at is None and stored.certificate.not_after > now:
            forgotten.append(f"{serial} of {stored.certificate.gateway}")
    if forgotten:
        text = (
            f"The list revokes {len(forgotten)} certificates that the database does not, as after"
            f" a restore: {', '.join(sorted(forgotten)[:_NAMED])}."
        )
        gone = "`gateway revoke NAME`, or `gateway invite NAME` where the device is to come back."
        return bad(step, text, gone)
    if lacking := revoked - listed.revoked.keys():
        text = f"{len(lacking)} certificates are revoked and not in the list."
        return bad(step, text, remedy)
    if listed.until - now < LIST_SHORT:
        return warn(step, f"The list ends at {listed.until:%Y-%m-%d}.", remedy)
    return good(step, f"{len(listed.revoked)} are in the list, which holds to {listed.until:%F}.")


async def _provider(settings: Settings) -> Checked:
    step = "identity provider"
    try:
        registered = oidc_client(settings)
        await OidcProvider(registered).check()
    except MeterlineError as error:
        return _refused(step, error)
    return good(step, f"{settings.oidc_issuer} answers as METERLINE_OIDC_ISSUER says.")


def _heads(settings: Settings, now: datetime) -> Checked:
    step = "signed heads"
    try:
        signed_heads(settings)
    except (MeterlineError, OSError) as error:
        return _refused(step, error)
    newest = newest_head_at(settings.audit_head_folder)
    if newest is None or now - newest > HEAD_OLD:
        when = "never" if newest is None else f"last on {newest:%Y-%m-%d}"
        text = f"A signed head of the audit log was exported {when}."
        return bad(step, text, "Start a worker that may write to METERLINE_AUDIT_HEAD_FOLDER.")
    return good(step, f"The newest is of {newest:%Y-%m-%d}.")


def _refused(step: str, error: MeterlineError | OSError) -> Checked:
    if isinstance(error, MeterlineError):
        remedy = error.remedy or "Mend what the setting names."
        return bad(step, f"{error.code}: {error.message}", remedy)
    text = f"{error.filename} cannot be read: {error.strerror}."
    return bad(step, text, "Name a file that this user can read.")

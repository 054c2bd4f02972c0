"""Checks of the broker: that it is there, whom it lets in, and its certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from central.adapters.mqtt.connection import broker_client
from central.adapters.mqtt.dynamic_security import DynamicSecurity
from central.adapters.mqtt.worker import BrokerAddress
from central.config.ingest import IngestSettings
from central.process.broker import broker_address
from central.service.checkup import Checked, Verdict, bad, good, judge_certificate, warn
from central.service.gateways.broker_access import BrokerRulesError, wanted_access
from central.service.gateways.remote_management import BrokerUnavailableError

_PATIENCE_S: Final = 10.0
_NOBODY_REMEDY: Final = "Set `allow_anonymous false` and `require_certificate true` at the broker."


async def check_broker(
    settings: IngestSettings, admitted: Sequence[str] | None, clock: Callable[[], datetime]
) -> AsyncIterator[Checked]:
    """Check what ingest needs of the broker.

    Args:
        settings: Of ingest.
        admitted: Gateways that may come in; None where the database does not say.
        clock: Now, aware.
    """
    for name, file in (
        ("authority's certificate", settings.broker_ca),
        ("own certificate", settings.broker_certificate),
    ):
        if file is not None:
            yield _of_file(name, file, clock())
    try:
        address = broker_address(settings)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = f"The certificates of METERLINE_BROKER_... cannot be used: {reason}."
        yield bad(
            "broker", text, "Name files that this user can read, and a key of its certificate."
        )
        return
    if address.tls is not None:
        shown = await _of_server(address, clock())
        yield shown
        if shown.verdict is Verdict.FAIL:
            return
    where = f"{address.host}, port {address.port}"
    try:
        async with broker_client(address, "doctor"):
            yield good("broker", f"{where} lets the centre in.")
    except BrokerUnavailableError as error:
        yield bad("broker", error.message, error.remedy or "See the log of the broker.")
        return
    if settings.broker_rules == "none":
        text = "Ingest does not keep the broker's rules (METERLINE_BROKER_RULES)."
        yield warn("broker's rules", text, "Use dynamic-security, as docs/how-to/deploy.md says.")
    elif admitted is not None:
        yield await _rules(address, admitted)
    yield await _anonymous(address)


async def _rules(address: BrokerAddress, admitted: Sequence[str]) -> Checked:
    line = DynamicSecurity(address)
    try:
        is_there = await line.read()
    except (BrokerRulesError, BrokerUnavailableError) as error:
        return bad("broker's rules", error.message, error.remedy or "See the log of the broker.")
    wanted = wanted_access(admitted, line.control)
    strangers = sorted(set(is_there.clients) - set(wanted.clients))
    lacking = sorted(set(wanted.clients) - set(is_there.clients))
    if strangers or lacking or is_there != wanted:
        text = (
            f"The broker's rules are not the registry's: {len(strangers)} strangers,"
            f" {len(lacking)} gateways lacking."
        )
        return bad("broker's rules", text, "`meterline-central broker bring`, and start ingest.")
    return good("broker's rules", f"They admit {len(admitted)} gateways and nobody else.")


async def _anonymous(address: BrokerAddress) -> Checked:
    """Whether somebody without name and certificate comes in."""
    context = None if address.tls is None else _whoever()
    stranger = replace(address, username=None, password=None, tls=context)
    try:
        async with broker_client(stranger, "stranger"):
            text = "The broker lets in whoever comes, without a certificate or a password."
            return bad("strangers", text, _NOBODY_REMEDY)
    except BrokerUnavailableError:
        return good("strangers", "The broker lets nobody in who does not say who it is.")


def _whoever() -> ssl.SSLContext:
    """TLS that looks at no certificate: what is sent over it is for everybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _of_file(name: str, file: Path, now: datetime) -> Checked:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no PEM of a certificate"
        return bad(name, f"{file} cannot be used: {reason}.", "Name a PEM that this user can read.")
    return judge_certificate(name, certificate.not_valid_after_utc, now)


async def _of_server(address: BrokerAddress, now: datetime) -> Checked:
    name = "broker's certificate"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=_whoever())
    except (OSError, TimeoutError) as error:
        return bad(name, f"It was not shown: {error}.", "See the log of the broker.")
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    return judge_certificate(name, x509.load_der_x509_certificate(shown).not_valid_after_utc, now)

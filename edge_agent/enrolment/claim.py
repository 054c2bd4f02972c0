"""Claim a gateway's name: make the key, get the certificate, and write the configuration."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from edge_agent.config.identity import IdentitySettings
from edge_agent.config.settings import ConfigurationFileError, parse_config
from edge_agent.enrolment.centre import Centre, GivenCertificate
from edge_agent.enrolment.errors import ConfigurationTakenError
from edge_agent.enrolment.identity import Identity
from firmware_bridge.contract.enrolment import canonical_code, printed_code
from firmware_bridge.driver.table_faults import read_toml
from firmware_bridge.durable_file import write_durably

_FILE_MODE = 0o640


def claim_gateway(code: str, settings: IdentitySettings, config: Path) -> str:
    """Claim a gateway's name. Again with the same code, after an answer that was lost, goes on.

    Args:
        code: As `gateway invite` printed it.
        settings: Where the centre is, and where keys are kept.
        config: The gateway's file; what it says of meters stays as it is.

    Returns:
        The gateway's name.

    Raises:
        InvalidValueError: The code does not have the form of one.
        ConfigurationTakenError: The file names a gateway or broker by hand; nothing was sent.
        CentreUnavailableError, CentreRefusedError, CentreAnswerError: See `Centre.claim`.
        IdentityError: Keys cannot be kept.
    """
    canonical = printed_code(canonical_code(code))
    table = _present(config)
    gateway = table.get("gateway")
    identity = Identity(settings.folder)
    request = identity.request()
    signing = identity.signing_key(), identity.sign_key(request)
    given = Centre(settings).claim(canonical, request, gateway, signing)
    if "identity" not in table:
        name, tables = configuration_text(given, settings, identity)
        before = config.read_text(encoding="utf-8") if config.exists() else ""
        whole = f"{name}{before}\n{tables}"
        parse_config(tomllib.loads(whole), origin=str(config))
        # First, since with the key's acceptance the code can be used no more.
        mode = config.stat().st_mode & 0o777 if config.exists() else _FILE_MODE
        write_durably(config, whole.encode(), mode)
    identity.accept(given.gateway, given.certificate, given.broker_ca)
    return given.gateway


def configuration_text(
    given: GivenCertificate, settings: IdentitySettings, identity: Identity
) -> tuple[str, str]:
    """What stands first in the gateway's file, and the tables that stand last."""
    lines = ["[identity]", f"centre = {_quoted(settings.centre)}"]
    lines.append(f"folder = {_quoted(str(settings.folder))}")
    if settings.ca_file is not None:
        lines.append(f"ca_file = {_quoted(str(settings.ca_file))}")
    head = "[broker]" if len(given.brokers) == 1 else "[[brokers]]"
    for url in given.brokers:
        lines += [
            "",
            head,
            f"url = {_quoted(url)}",
            f"ca_file = {_quoted(str(identity.broker_ca_file))}",
            f"cert_file = {_quoted(str(identity.certificate_file))}",
        ]
    return f"gateway = {_quoted(given.gateway)}\n", "\n".join([*lines, ""])


def _present(config: Path) -> dict[str, Any]:
    if not config.exists():
        return {}
    table = read_toml(config, ConfigurationFileError, "configuration")
    if "identity" not in table and (named := {"gateway", "broker", "brokers"} & table.keys()):
        message = f"{config} says {', '.join(sorted(named))} already."
        remedy = "Remove that from the file, or give another one with --config."
        raise ConfigurationTakenError(message, value=str(config), remedy=remedy)
    return table


def _quoted(text: str) -> str:
    # A basic string of TOML; JSON's escapes are among its own.
    return json.dumps(text)

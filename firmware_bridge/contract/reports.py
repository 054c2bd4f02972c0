"""What a gateway reports beside its connection, inside its retained status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from firmware_bridge.contract import codec
from firmware_bridge.contract.plain_text import plain
from firmware_bridge.contract.remote import VERSION_MAX, component, release

UPDATES_MAX: Final = 16
CODE_MAX: Final = 64
REFUSALS_MAX: Final = 8
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")
METER_NAME_MAX: Final = 100
REASON_MAX: Final = 500
RAW_MAX: Final = 64


class ConfigurationState(StrEnum):
    """How the configuration from the centre stands."""

    LOCAL = "local"
    PROBATION = "probation"
    GOOD = "good"


class UpdateState(StrEnum):
    """How far an update is."""

    FETCHING = "fetching"
    INSTALLING = "installing"
    PROBATION = "probation"
    ROLLING_BACK = "rolling_back"
    INSTALLED = "installed"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ConfigurationReport:
    """The configuration at work.

    Args:
        state: Of the one at work; LOCAL where it is the gateway's own file alone.
        version: Of it; 0 for LOCAL.
        refused: Version of the last one that was refused or rolled back, since a later one was
            accepted; 0 where it could not be read; None for none.
        code: Why it was.
    """

    state: ConfigurationState
    version: int
    refused: int | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """One component's last update.

    Args:
        component: Which; empty where the message could not be read.
        version: Which version it is to have, or has; empty likewise.
        state: How far it is.
        code: Why it failed.
    """

    component: str
    version: str
    state: UpdateState
    code: str | None = None


@dataclass(frozen=True, slots=True)
class RefusalReport:
    """What a meter sent, or answered, and could not be read as a value.

    Args:
        meter: As its gateway has it configured.
        code: The reason's.
        reason: What is wrong and what to do, of the last one.
        at: When the last one came, by the gateway's clock. Aware.
        count: How many came for this reason since the agent began.
        raw: How the last one begins, at most `RAW_MAX` bytes; empty where nothing came.
    """

    meter: str
    code: str
    reason: str
    at: datetime
    count: int = 1
    raw: bytes = b""


def configuration_fields(report: ConfigurationReport) -> dict[str, object]:
    """As it stands in a status."""
    fields: dict[str, object] = {"state": report.state.value, "version": report.version}
    if report.code is not None:
        fields |= {"refused": report.refused, "code": report.code}
    return fields


def configuration_report(value: object) -> ConfigurationReport:
    """Read what stands in a status.

    Raises:
        SchemaError: It is none.
    """
    required = frozenset({"state", "version"})
    fields = codec.mapping("config", value, required, frozenset({"refused", "code"}))
    return ConfigurationReport(
        ConfigurationState(_member("state", fields["state"], ConfigurationState)),
        codec.integer("version", fields["version"], 0, VERSION_MAX),
        codec.optional(
            fields.get("refused"), lambda given: codec.integer("refused", given, 0, VERSION_MAX)
        ),
        _code(fields.get("code")),
    )


def update_fields(report: UpdateReport) -> dict[str, object]:
    """As it stands in a status."""
    fields: dict[str, object] = {
        "component": report.component,
        "version": report.version,
        "state": report.state.value,
    }
    return fields if report.code is None else fields | {"code": report.code}


def update_report(value: object) -> UpdateReport:
    """Read what stands in a status.

    Raises:
        SchemaError: It is none.
    """
    required = frozenset({"component", "version", "state"})
    fields = codec.mapping("An update", value, required, frozenset({"code"}))
    named, version = fields["component"], fields["version"]
    return UpdateReport(
        "" if named == "" else component("component", named),
        "" if version == "" else str(release("version", version)),
        UpdateState(_member("state", fields["state"], UpdateState)),
        _code(fields.get("code")),
    )


def refusal_fields(report: RefusalReport) -> dict[str, object]:
    """As it stands in a status; what is too long ends early."""
    return {
        "meter": plain(report.meter, METER_NAME_MAX),
        "code": plain(report.code, CODE_MAX),
        "reason": plain(report.reason, REASON_MAX),
        "at": report.at.isoformat(),
        "count": report.count,
        "raw": report.raw[:RAW_MAX].hex(),
    }


def refusal_report(value: object) -> RefusalReport:
    """Read what stands in a status.

    Raises:
        SchemaError: It is none.
    """
    required = frozenset({"meter", "code", "reason", "at", "count", "raw"})
    fields = codec.mapping("A refusal", value, required, frozenset())
    raw = codec.text("raw", fields["raw"], 2 * RAW_MAX)
    if _HEX.fullmatch(raw) is None:
        codec.refuse("raw", raw, "bytes in hexadecimal digits")
    return RefusalReport(
        codec.text("meter", fields["meter"], METER_NAME_MAX),
        codec.text("code", fields["code"], CODE_MAX),
        codec.text("reason", fields["reason"], REASON_MAX),
        codec.instant("at", fields["at"]),
        codec.integer("count", fields["count"], 1, VERSION_MAX),
        bytes.fromhex(raw),
    )


def _member(name: str, value: object, words: type[StrEnum]) -> str:
    known = [word.value for word in words]
    if value not in known:
        codec.refuse(name, value, f"one of {', '.join(known)}")
    return str(value)


def _code(value: object) -> str | None:
    return codec.optional(value, lambda given: codec.text("code", given, CODE_MAX))

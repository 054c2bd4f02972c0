"""What a gateway reports of remote configuration and updates, inside its retained status."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_bridge.contract import codec
from firmware_bridge.contract.remote import VERSION_MAX, component, release

UPDATES_MAX: Final = 16
CODE_MAX: Final = 64


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


def _member(name: str, value: object, words: type[StrEnum]) -> str:
    known = [word.value for word in words]
    if value not in known:
        codec.refuse(name, value, f"one of {', '.join(known)}")
    return str(value)


def _code(value: object) -> str | None:
    return codec.optional(value, lambda given: codec.text("code", given, CODE_MAX))

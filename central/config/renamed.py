"""Settings of earlier releases: a renamed one still works, a retired one is refused by name.

A renamed setting is logged once with its new name. What a retired one said would silently hold no
longer, so the process does not start until it is removed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from firmware_bridge.contract.errors import ConfigurationError

_log = structlog.get_logger(__name__)
_reported: set[str] = set()


class SettingRetiredError(ConfigurationError):
    """A setting of an earlier release is set, and is read no more."""

    code = "SETTING_RETIRED"


class RenamedSource(PydanticBaseSettingsSource):
    """Reads settings under the names that they had before.

    Args:
        settings_cls: The settings.
        renamed: Field to the variable's former name.
        folder: Where settings may lie as files; None where none is named.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], renamed: Mapping[str, str], folder: Path | None
    ) -> None:
        super().__init__(settings_cls)
        self._renamed = renamed
        self._given = _files(folder) | {name.lower(): text for name, text in os.environ.items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """A field under its former name; None where it is not set."""
        del field
        return self._given.get(self._renamed[field_name].lower()), field_name, False

    def __call__(self) -> dict[str, Any]:
        """What is set under a former name, and not under the new one."""
        prefix = self.config.get("env_prefix", "")
        values = {}
        for name, former in self._renamed.items():
            value, _, _ = self.get_field_value(self.settings_cls.model_fields[name], name)
            if value is None or name in self.current_state:
                continue
            values[name] = value
            _report(former, f"{prefix}{name}".upper())
        return values


def refuse_retired(retired: Mapping[str, str], folder: Path | None) -> None:
    """Refuse settings that are read no more.

    Args:
        retired: Variable to what to do instead.
        folder: Where settings may lie as files; None where none is named.

    Raises:
        SettingRetiredError: One is set.
    """
    given = _files(folder).keys() | {name.lower() for name in os.environ}
    for name, remedy in retired.items():
        if name.lower() in given:
            message = f"{name} is set, but is a setting of the utility and of no process."
            raise SettingRetiredError(message, value=name, remedy=remedy)


def _files(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    return {
        file.name.lower(): file.read_text(encoding="utf-8").strip()
        for file in folder.iterdir()
        if file.is_file() and file.name.upper().startswith("METERLINE_")
    }


def _report(former: str, name: str) -> None:
    if former not in _reported:
        _reported.add(former)
        _log.warning("setting_renamed", old_name=former, new_name=name)

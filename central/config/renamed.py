"""Renamed settings: the old name still works, and the new one is logged once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

_log = structlog.get_logger(__name__)
_reported: set[str] = set()


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

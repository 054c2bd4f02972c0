"""What is right by itself in a configuration file that is wrong elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.config.settings import (
    BrokerSettings,
    BufferSettings,
    ConfigurationFileError,
    MeterSettings,
    read_table,
)


@dataclass(frozen=True, slots=True)
class SoundParts:
    """Parts that can be checked further.

    Args:
        buffer: Its path; None where that is not known.
        brokers: Those whose tables are right.
        meters: Every one whose protocol is known, without the keys that are wrong.
    """

    buffer: Path | None
    brokers: tuple[BrokerSettings, ...]
    meters: tuple[MeterSettings, ...]

    @classmethod
    def of(cls, path: Path) -> SoundParts:
        """Those of a file; none where it cannot be read.

        Args:
            path: The configuration file.
        """
        try:
            table = read_table(path)
        except ConfigurationFileError:
            return cls(None, (), ())
        buffer = None
        with suppress(ValidationError):
            buffer = BufferSettings.model_validate(table.get("buffer", {})).path
        brokers = []
        for broker in (table.get("broker"), *_tables(table, "brokers")):
            with suppress(ValidationError):
                brokers.append(BrokerSettings.model_validate(broker))
        return cls(buffer, tuple(brokers), tuple(_meters(table)))


def _tables(table: Mapping[str, Any], name: str) -> list[Any]:
    listed = table.get(name)
    return listed if isinstance(listed, list) else []


def _meters(table: Mapping[str, Any]) -> Iterator[MeterSettings]:
    for number, meter in enumerate(_tables(table, "meters")):
        if not isinstance(meter, dict):
            continue
        keys: dict[str, Any] = meter
        try:
            yield MeterSettings.model_validate(keys)
        except ValidationError as error:
            # The table as a whole is wrong by the last of its own keys.
            wrong = {fault["loc"][0] if fault["loc"] else None for fault in error.errors()}
            if None in wrong:
                wrong |= {"scaled_codes", "clock_absurd_s"}
            rest = {key: value for key, value in keys.items() if key not in wrong}
            with suppress(ValidationError):
                yield MeterSettings.model_validate({"name": f"meters.{number}", **rest})

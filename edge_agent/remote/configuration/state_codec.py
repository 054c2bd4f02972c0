"""How the record of configurations is kept in its file."""

from __future__ import annotations

from typing import Any

from edge_agent.remote.configuration.state_machine import (
    ConfigurationRecord,
    ConfigurationRefusal,
    SignedConfiguration,
)
from edge_agent.remote.errors import RemoteStateDamagedError

VERSION = 1


def pack_record(record: ConfigurationRecord) -> dict[str, object]:
    """As it is saved."""
    refusal = record.refusal
    return {
        "v": VERSION,
        "floor": record.floor,
        "good": _pack(record.good),
        "trial": _pack(record.trial),
        "starts": record.starts,
        "refusal": None
        if refusal is None
        else [refusal.version, refusal.sha256, refusal.code, refusal.sentence],
    }


def unpack_record(fields: dict[str, Any] | None) -> ConfigurationRecord:
    """What was saved; the first record where nothing was.

    Raises:
        RemoteStateDamagedError: It is of a release that this one does not know.
    """
    if fields is None:
        return ConfigurationRecord()
    if fields.get("v") != VERSION:
        message = f"The record of configurations has version {fields.get('v')!r}."
        raise RemoteStateDamagedError(message, value=fields.get("v"))
    refusal = fields["refusal"]
    return ConfigurationRecord(
        floor=fields["floor"],
        good=_unpack(fields["good"]),
        trial=_unpack(fields["trial"]),
        starts=fields["starts"],
        refusal=None if refusal is None else ConfigurationRefusal(*refusal),
    )


def _pack(signed: SignedConfiguration | None) -> list[object] | None:
    return None if signed is None else [signed.version, signed.sha256, signed.payload]


def _unpack(fields: list[Any] | None) -> SignedConfiguration | None:
    return None if fields is None else SignedConfiguration(*fields)

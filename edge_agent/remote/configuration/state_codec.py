"""How the standing of configurations is kept in its file."""

from __future__ import annotations

from typing import Any

from edge_agent.remote.configuration.state_machine import Kept, Refusal, Standing
from edge_agent.remote.errors import RemoteStateDamagedError

VERSION = 1


def pack_standing(standing: Standing) -> dict[str, object]:
    """As it is saved."""
    refusal = standing.refusal
    return {
        "v": VERSION,
        "floor": standing.floor,
        "good": _pack(standing.good),
        "trial": _pack(standing.trial),
        "starts": standing.starts,
        "refusal": None
        if refusal is None
        else [refusal.version, refusal.sha256, refusal.code, refusal.sentence],
    }


def unpack_standing(fields: dict[str, Any] | None) -> Standing:
    """What was saved; the first standing where nothing was.

    Raises:
        RemoteStateDamagedError: It is of a release that this one does not know.
    """
    if fields is None:
        return Standing()
    if fields.get("v") != VERSION:
        message = f"The record of configurations is of version {fields.get('v')!r}."
        raise RemoteStateDamagedError(message, value=fields.get("v"))
    refusal = fields["refusal"]
    return Standing(
        floor=fields["floor"],
        good=_unpack(fields["good"]),
        trial=_unpack(fields["trial"]),
        starts=fields["starts"],
        refusal=None if refusal is None else Refusal(*refusal),
    )


def _pack(kept: Kept | None) -> list[object] | None:
    return None if kept is None else [kept.version, kept.sha256, kept.payload]


def _unpack(fields: list[Any] | None) -> Kept | None:
    return None if fields is None else Kept(*fields)

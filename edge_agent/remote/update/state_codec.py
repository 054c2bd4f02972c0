"""How the rollouts of updates are kept in their file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edge_agent.remote.errors import RemoteStateDamagedError
from edge_agent.remote.update.state_machine import (
    AnnouncedArtefact,
    Rollout,
    UpdateOutcome,
    UpdatePhase,
)
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.reports import UpdateState

VERSION = 1
# The name under which files of every release keep them.
_FIELD = "courses"


def pack_rollouts(rollouts: Iterable[Rollout]) -> dict[str, object]:
    """As they are saved."""
    return {"v": VERSION, _FIELD: [_pack(rollout) for rollout in rollouts]}


def unpack_rollouts(fields: dict[str, Any] | None) -> dict[str, Rollout]:
    """What was saved, by component; nothing where nothing was.

    Raises:
        RemoteStateDamagedError: It is of a release that this one does not know.
    """
    if fields is None:
        return {}
    if fields.get("v") != VERSION:
        message = f"The record of updates has version {fields.get('v')!r}."
        raise RemoteStateDamagedError(message, value=fields.get("v"))
    rollouts = [_unpack(saved) for saved in fields[_FIELD]]
    return {rollout.component: rollout for rollout in rollouts}


def _pack(rollout: Rollout) -> dict[str, object]:
    outcome = rollout.outcome
    return {
        "component": rollout.component,
        "phase": rollout.phase.value,
        "floor": None if rollout.floor is None else str(rollout.floor),
        "current": _pack_artefact(rollout.current),
        "target": _pack_artefact(rollout.target),
        "starts": rollout.starts,
        "trouble": None if rollout.trouble is None else list(rollout.trouble),
        "outcome": None
        if outcome is None
        else [
            str(outcome.version),
            outcome.state.value,
            outcome.message,
            outcome.code,
            outcome.sentence,
        ],
    }


def _unpack(fields: dict[str, Any]) -> Rollout:
    floor, trouble, outcome = fields["floor"], fields["trouble"], fields["outcome"]
    return Rollout(
        component=fields["component"],
        phase=UpdatePhase(fields["phase"]),
        floor=None if floor is None else Release.parse(floor),
        current=_unpack_artefact(fields["current"]),
        target=_unpack_artefact(fields["target"]),
        starts=fields["starts"],
        trouble=None if trouble is None else (trouble[0], trouble[1]),
        outcome=None
        if outcome is None
        else UpdateOutcome(Release.parse(outcome[0]), UpdateState(outcome[1]), *outcome[2:]),
    )


def _pack_artefact(artefact: AnnouncedArtefact | None) -> list[object] | None:
    if artefact is None:
        return None
    return [str(artefact.version), artefact.sha256, artefact.size, artefact.payload]


def _unpack_artefact(fields: list[Any] | None) -> AnnouncedArtefact | None:
    return None if fields is None else AnnouncedArtefact(Release.parse(fields[0]), *fields[1:])

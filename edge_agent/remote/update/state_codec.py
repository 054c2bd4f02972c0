"""How the courses of updates are kept in their file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edge_agent.remote.errors import RemoteStateDamagedError
from edge_agent.remote.update.state_machine import Artefact, Course, Outcome, Phase
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.reports import UpdateState

VERSION = 1


def pack_courses(courses: Iterable[Course]) -> dict[str, object]:
    """As they are saved."""
    return {"v": VERSION, "courses": [_pack(course) for course in courses]}


def unpack_courses(fields: dict[str, Any] | None) -> dict[str, Course]:
    """What was saved, by component; nothing where nothing was.

    Raises:
        RemoteStateDamagedError: It is of a release that this one does not know.
    """
    if fields is None:
        return {}
    if fields.get("v") != VERSION:
        message = f"The record of updates is of version {fields.get('v')!r}."
        raise RemoteStateDamagedError(message, value=fields.get("v"))
    courses = [_unpack(saved) for saved in fields["courses"]]
    return {course.component: course for course in courses}


def _pack(course: Course) -> dict[str, object]:
    outcome = course.outcome
    return {
        "component": course.component,
        "phase": course.phase.value,
        "floor": None if course.floor is None else str(course.floor),
        "current": _pack_artefact(course.current),
        "target": _pack_artefact(course.target),
        "starts": course.starts,
        "trouble": None if course.trouble is None else list(course.trouble),
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


def _unpack(fields: dict[str, Any]) -> Course:
    floor, trouble, outcome = fields["floor"], fields["trouble"], fields["outcome"]
    return Course(
        component=fields["component"],
        phase=Phase(fields["phase"]),
        floor=None if floor is None else Release.parse(floor),
        current=_unpack_artefact(fields["current"]),
        target=_unpack_artefact(fields["target"]),
        starts=fields["starts"],
        trouble=None if trouble is None else (trouble[0], trouble[1]),
        outcome=None
        if outcome is None
        else Outcome(Release.parse(outcome[0]), UpdateState(outcome[1]), *outcome[2:]),
    )


def _pack_artefact(artefact: Artefact | None) -> list[object] | None:
    if artefact is None:
        return None
    return [str(artefact.version), artefact.sha256, artefact.size, artefact.payload]


def _unpack_artefact(fields: list[Any] | None) -> Artefact | None:
    return None if fields is None else Artefact(Release.parse(fields[0]), *fields[1:])

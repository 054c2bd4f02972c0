"""How an update comes and, if it must, goes: a state machine without a clock, disk or network.

How it works. One course per component. `floor` is the highest version that was ever handed to the
installer, `current` the artefact that is installed through us (kept, so that one can go back to
it), `target` the one under way. `LAWS` has every transition; what is not there changes nothing.

    phase         event       then
    IDLE          Announced   FETCHING
    FETCHING      Announced   FETCHING the newer one
    FETCHING      Refused     IDLE, refused: it is not what was signed, or does not fit
    FETCHING      Fetched     INSTALLING, floor raised
    INSTALLING    Refused     IDLE, refused: the installer changed nothing
    INSTALLING    HandedOver  HANDED_OVER (the agent itself: it will be restarted)
    INSTALLING    Installed   PROBATION (anything else)
    INSTALLING    Failed      ROLLING_BACK
    INSTALLING    Started     the new version runs: PROBATION; else INSTALLING again, so often
    HANDED_OVER   Started     the new version runs: PROBATION; else wait on, so often
    HANDED_OVER   Failed      ROLLING_BACK: nothing came of it in time
    PROBATION     Started     so often; another version runs: IDLE, rolled back by somebody else
    PROBATION     Stopped     PROBATION, the start does not count: the agent did not die
    PROBATION     Passed      IDLE, it is current
    PROBATION     Failed      ROLLING_BACK
    ROLLING_BACK  Started     another version runs: IDLE, rolled back; else again, so often
    ROLLING_BACK  Installed   IDLE, rolled back
    ROLLING_BACK  Failed      ROLLING_BACK again, so often; then IDLE, a person must look
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias

from edge_agent.remote.errors import (
    UpdateComponentError,
    UpdateDiedError,
    UpdateInstallError,
    UpdateRevertedError,
    UpdateRollbackError,
    UpdateStaleError,
    UpdateStepError,
)
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import AGENT, Update
from firmware_bridge.contract.reports import UpdateState


class Phase(StrEnum):
    """Where an update is."""

    IDLE = "idle"
    FETCHING = "fetching"
    INSTALLING = "installing"
    HANDED_OVER = "handed_over"
    PROBATION = "probation"
    ROLLING_BACK = "rolling_back"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One announced artefact.

    Args:
        version: Its version.
        sha256: Of the artefact.
        size: Of the artefact. [bytes]
        payload: The signed announcement.
    """

    version: Release
    sha256: bytes
    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last update ended, or why one is not under way.

    Args:
        version: Of it.
        state: INSTALLED, ROLLED_BACK or REFUSED.
        message: SHA-256 of the signed announcement.
        code: Why; empty for INSTALLED.
        sentence: Why, for people.
    """

    version: Release
    state: UpdateState
    message: bytes
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """One component; all of it survives a power cut.

    Args:
        component: Its name.
        phase: Where its update is.
        floor: Highest version ever handed to the installer.
        current: Installed through us.
        target: Under way.
        starts: Of the agent, or attempts, in this phase.
        trouble: Why it is being rolled back: code and sentence.
        outcome: How the last one ended.
    """

    component: str
    phase: Phase = Phase.IDLE
    floor: Release | None = None
    current: Artefact | None = None
    target: Artefact | None = None
    starts: int = 0
    trouble: tuple[str, str] | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """An authentic update that `judge` lets through."""

    artefact: Artefact


@dataclass(frozen=True, slots=True)
class Fetched:
    """It is on the disk, and is what was signed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not be tried; nothing was changed."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The installer took the agent's own update, and will restart it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The installer is done."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The installer failed, or the agent is not healthy."""

    code: str
    sentence: str
    limit: int = 1


@dataclass(frozen=True, slots=True)
class Started:
    """The agent starts.

    Args:
        running: The version of the agent that starts.
        limit: Starts that one phase may take.
    """

    running: Release | None
    limit: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The agent was told to stop, and does."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The probation is over, and the agent healthy."""


Event: TypeAlias = (
    Announced | Fetched | Refused | HandedOver | Installed | Failed | Started | Stopped | Passed
)


def step(course: Course, event: Event) -> Course:
    """What follows an event; `LAWS` has them all."""
    law = LAWS.get((course.phase, type(event)))
    return course if law is None else law(course, event)


def judge(course: Course, update: Update, payload: bytes, running: Release | None) -> bool:
    """Whether an authentic update is to be taken; False where it was dealt with before.

    Args:
        course: Of its component.
        update: As announced.
        payload: The signed announcement.
        running: The version of the agent that runs.

    Raises:
        UpdateComponentError: It is for the agent, which has no version to compare.
        UpdateStaleError: It is not newer than what is installed, under way, or was handed over.
        UpdateStepError: What is installed is older than the update's minimum.
    """
    if is_known(course, payload):
        return False
    if update.component == AGENT and running is None:
        message = "This agent was not installed from a release, so it has no order with one."
        raise UpdateComponentError(message, value=update.component)
    installed = _installed(course, running)
    under_way = None if course.target is None else course.target.version
    before = (course.floor, installed, under_way)
    least = max((one for one in before if one is not None), default=None)
    if least is not None and update.version <= least:
        message = f"{update.component} {update.version} is not newer than {least}."
        raise UpdateStaleError(message, value=str(update.version))
    if update.minimum is not None and (installed is None or installed < update.minimum):
        message = f"{update.component} {update.version} needs {update.minimum} to begin with."
        raise UpdateStepError(message, value=str(installed), remedy="Announce that one first.")
    return True


def is_known(course: Course, payload: bytes) -> bool:
    """Whether an announcement was dealt with before, as a retained one is at each connection.

    What was refused for its content or its place may be mended there, and signed once more.
    """
    artefacts = (course.target, course.current)
    if any(artefact is not None and artefact.payload == payload for artefact in artefacts):
        return True
    return course.outcome is not None and course.outcome.message == digest(payload)


def digest(payload: bytes) -> bytes:
    """Names an announcement."""
    return hashlib.sha256(payload).digest()


def _installed(course: Course, running: Release | None) -> Release | None:
    if course.component == AGENT:
        return running
    return None if course.current is None else course.current.version


def _announced(course: Course, event: Announced) -> Course:
    return replace(course, phase=Phase.FETCHING, target=event.artefact, starts=0, outcome=None)


def _fetched(course: Course, _event: Fetched) -> Course:
    if course.target is None:
        return course
    return replace(course, phase=Phase.INSTALLING, floor=course.target.version, starts=0)


def _refused(course: Course, event: Refused) -> Course:
    return _end(course, UpdateState.REFUSED, event.code, event.sentence)


def _handed_over(course: Course, _event: HandedOver) -> Course:
    return replace(course, phase=Phase.HANDED_OVER, starts=0)


def _installed_now(course: Course, _event: Installed) -> Course:
    return replace(course, phase=Phase.PROBATION, starts=0)


def _failed(course: Course, event: Failed) -> Course:
    trouble = (event.code, event.sentence)
    return replace(course, phase=Phase.ROLLING_BACK, starts=0, trouble=trouble)


def _started_installing(course: Course, event: Started) -> Course:
    if _is_running(course, event):
        return replace(course, phase=Phase.PROBATION, starts=1)
    if course.starts >= event.limit:
        sentence = f"The agent started {event.limit} times and the update was not there."
        return _failed(course, Failed(UpdateInstallError.code, sentence))
    return replace(course, starts=course.starts + 1)


def _started_in_probation(course: Course, event: Started) -> Course:
    if _is_other(course, event):
        sentence = f"{event.running} runs; somebody else put it back."
        return _end(course, UpdateState.ROLLED_BACK, UpdateRevertedError.code, sentence)
    if course.starts >= event.limit:
        sentence = f"The agent started {event.limit} times in its probation, and died each time."
        return _failed(course, Failed(UpdateDiedError.code, sentence))
    return replace(course, starts=course.starts + 1)


def _stopped(course: Course, _event: Stopped) -> Course:
    return replace(course, starts=max(course.starts - 1, 0))


def _passed(course: Course, _event: Passed) -> Course:
    target = course.target
    if target is None:
        return course
    outcome = Outcome(target.version, UpdateState.INSTALLED, digest(target.payload))
    return Course(course.component, floor=course.floor, current=target, outcome=outcome)


def _started_rolling_back(course: Course, event: Started) -> Course:
    if _is_other(course, event):
        return _rolled_back(course, Installed())
    return _again(course, event.limit)


def _failed_rolling_back(course: Course, event: Failed) -> Course:
    return _again(course, event.limit)


def _again(course: Course, limit: int) -> Course:
    if course.starts < limit:
        return replace(course, starts=course.starts + 1)
    sentence = "The version before could not be put back."
    return _end(course, UpdateState.ROLLED_BACK, UpdateRollbackError.code, sentence)


def _rolled_back(course: Course, _event: Installed) -> Course:
    code, sentence = course.trouble or ("", "")
    return _end(course, UpdateState.ROLLED_BACK, code, sentence)


def _end(course: Course, state: UpdateState, code: str, sentence: str) -> Course:
    target = course.target
    if target is None:
        return course
    outcome = Outcome(target.version, state, digest(target.payload), code, sentence)
    return replace(course, phase=Phase.IDLE, target=None, starts=0, trouble=None, outcome=outcome)


def _is_running(course: Course, event: Started) -> bool:
    return (
        course.component == AGENT
        and course.target is not None
        and event.running == course.target.version
    )


def _is_other(course: Course, event: Started) -> bool:
    return course.component == AGENT and not _is_running(course, event)


LAWS: Final[dict[tuple[Phase, type[Event]], Callable[[Course, Any], Course]]] = {
    (Phase.IDLE, Announced): _announced,
    (Phase.FETCHING, Announced): _announced,
    (Phase.FETCHING, Refused): _refused,
    (Phase.FETCHING, Fetched): _fetched,
    (Phase.INSTALLING, Refused): _refused,
    (Phase.INSTALLING, HandedOver): _handed_over,
    (Phase.INSTALLING, Installed): _installed_now,
    (Phase.INSTALLING, Failed): _failed,
    (Phase.INSTALLING, Started): _started_installing,
    (Phase.HANDED_OVER, Started): _started_installing,
    (Phase.HANDED_OVER, Failed): _failed,
    (Phase.PROBATION, Started): _started_in_probation,
    (Phase.PROBATION, Stopped): _stopped,
    (Phase.PROBATION, Passed): _passed,
    (Phase.PROBATION, Failed): _failed,
    (Phase.ROLLING_BACK, Started): _started_rolling_back,
    (Phase.ROLLING_BACK, Installed): _rolled_back,
    (Phase.ROLLING_BACK, Failed): _failed_rolling_back,
}

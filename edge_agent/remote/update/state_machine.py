"""How an update comes and, if it must, goes: a state machine without a clock, disk or network.

How it works. One rollout per component. `floor` is the highest version that was ever handed to the
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


class UpdatePhase(StrEnum):
    """Where an update is."""

    IDLE = "idle"
    FETCHING = "fetching"
    INSTALLING = "installing"
    HANDED_OVER = "handed_over"
    PROBATION = "probation"
    ROLLING_BACK = "rolling_back"


@dataclass(frozen=True, slots=True)
class AnnouncedArtefact:
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
class UpdateOutcome:
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
class Rollout:
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
    phase: UpdatePhase = UpdatePhase.IDLE
    floor: Release | None = None
    current: AnnouncedArtefact | None = None
    target: AnnouncedArtefact | None = None
    starts: int = 0
    trouble: tuple[str, str] | None = None
    outcome: UpdateOutcome | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """An authentic update that `judge` lets through."""

    artefact: AnnouncedArtefact


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


def step(rollout: Rollout, event: Event) -> Rollout:
    """What follows an event; `LAWS` has them all."""
    law = LAWS.get((rollout.phase, type(event)))
    return rollout if law is None else law(rollout, event)


def judge(rollout: Rollout, update: Update, payload: bytes, running: Release | None) -> bool:
    """Whether an authentic update is to be taken; False where it was dealt with before.

    Args:
        rollout: Of its component.
        update: As announced.
        payload: The signed announcement.
        running: The version of the agent that runs.

    Raises:
        UpdateComponentError: It is for the agent, which has no version to compare.
        UpdateStaleError: It is not newer than what is installed, under way, or was handed over.
        UpdateStepError: What is installed is older than the update's minimum.
    """
    if is_known(rollout, payload):
        return False
    if update.component == AGENT and running is None:
        message = "This agent was not installed from a release, so its version cannot be compared."
        raise UpdateComponentError(message, value=update.component)
    installed = _installed(rollout, running)
    under_way = None if rollout.target is None else rollout.target.version
    before = (rollout.floor, installed, under_way)
    least = max((one for one in before if one is not None), default=None)
    if least is not None and update.version <= least:
        message = f"{update.component} {update.version} is not newer than {least}."
        raise UpdateStaleError(message, value=str(update.version))
    if update.minimum is not None and (installed is None or installed < update.minimum):
        message = f"{update.component} {update.version} needs {update.minimum} or newer first."
        raise UpdateStepError(
            message, value=str(installed), remedy=f"Install {update.minimum} first."
        )
    return True


def is_known(rollout: Rollout, payload: bytes) -> bool:
    """Whether an announcement was dealt with before, as a retained one is at each connection.

    What was refused for its content or its place may be mended there, and signed once more.
    """
    artefacts = (rollout.target, rollout.current)
    if any(artefact is not None and artefact.payload == payload for artefact in artefacts):
        return True
    return rollout.outcome is not None and rollout.outcome.message == digest(payload)


def digest(payload: bytes) -> bytes:
    """Names an announcement."""
    return hashlib.sha256(payload).digest()


def _installed(rollout: Rollout, running: Release | None) -> Release | None:
    if rollout.component == AGENT:
        return running
    return None if rollout.current is None else rollout.current.version


def _announced(rollout: Rollout, event: Announced) -> Rollout:
    return replace(
        rollout, phase=UpdatePhase.FETCHING, target=event.artefact, starts=0, outcome=None
    )


def _fetched(rollout: Rollout, _event: Fetched) -> Rollout:
    if rollout.target is None:
        return rollout
    return replace(rollout, phase=UpdatePhase.INSTALLING, floor=rollout.target.version, starts=0)


def _refused(rollout: Rollout, event: Refused) -> Rollout:
    return _end(rollout, UpdateState.REFUSED, event.code, event.sentence)


def _handed_over(rollout: Rollout, _event: HandedOver) -> Rollout:
    return replace(rollout, phase=UpdatePhase.HANDED_OVER, starts=0)


def _installed_now(rollout: Rollout, _event: Installed) -> Rollout:
    return replace(rollout, phase=UpdatePhase.PROBATION, starts=0)


def _failed(rollout: Rollout, event: Failed) -> Rollout:
    trouble = (event.code, event.sentence)
    return replace(rollout, phase=UpdatePhase.ROLLING_BACK, starts=0, trouble=trouble)


def _started_installing(rollout: Rollout, event: Started) -> Rollout:
    if _is_running(rollout, event):
        return replace(rollout, phase=UpdatePhase.PROBATION, starts=1)
    if rollout.starts >= event.limit:
        sentence = f"The agent started {event.limit} times without the update."
        return _failed(rollout, Failed(UpdateInstallError.code, sentence))
    return replace(rollout, starts=rollout.starts + 1)


def _started_in_probation(rollout: Rollout, event: Started) -> Rollout:
    if _is_other(rollout, event):
        sentence = f"{event.running} is running; it was restored from outside Meterline."
        return _end(rollout, UpdateState.ROLLED_BACK, UpdateRevertedError.code, sentence)
    if rollout.starts >= event.limit:
        sentence = f"The agent started {event.limit} times during probation, and crashed each time."
        return _failed(rollout, Failed(UpdateDiedError.code, sentence))
    return replace(rollout, starts=rollout.starts + 1)


def _stopped(rollout: Rollout, _event: Stopped) -> Rollout:
    return replace(rollout, starts=max(rollout.starts - 1, 0))


def _passed(rollout: Rollout, _event: Passed) -> Rollout:
    target = rollout.target
    if target is None:
        return rollout
    outcome = UpdateOutcome(target.version, UpdateState.INSTALLED, digest(target.payload))
    return Rollout(rollout.component, floor=rollout.floor, current=target, outcome=outcome)


def _started_rolling_back(rollout: Rollout, event: Started) -> Rollout:
    if _is_other(rollout, event):
        return _rolled_back(rollout, Installed())
    return _again(rollout, event.limit)


def _failed_rolling_back(rollout: Rollout, event: Failed) -> Rollout:
    return _again(rollout, event.limit)


def _again(rollout: Rollout, limit: int) -> Rollout:
    if rollout.starts < limit:
        return replace(rollout, starts=rollout.starts + 1)
    sentence = "The previous version could not be restored."
    return _end(rollout, UpdateState.ROLLED_BACK, UpdateRollbackError.code, sentence)


def _rolled_back(rollout: Rollout, _event: Installed) -> Rollout:
    code, sentence = rollout.trouble or ("", "")
    return _end(rollout, UpdateState.ROLLED_BACK, code, sentence)


def _end(rollout: Rollout, state: UpdateState, code: str, sentence: str) -> Rollout:
    target = rollout.target
    if target is None:
        return rollout
    outcome = UpdateOutcome(target.version, state, digest(target.payload), code, sentence)
    return replace(
        rollout, phase=UpdatePhase.IDLE, target=None, starts=0, trouble=None, outcome=outcome
    )


def _is_running(rollout: Rollout, event: Started) -> bool:
    return (
        rollout.component == AGENT
        and rollout.target is not None
        and event.running == rollout.target.version
    )


def _is_other(rollout: Rollout, event: Started) -> bool:
    return rollout.component == AGENT and not _is_running(rollout, event)


LAWS: Final[dict[tuple[UpdatePhase, type[Event]], Callable[[Rollout, Any], Rollout]]] = {
    (UpdatePhase.IDLE, Announced): _announced,
    (UpdatePhase.FETCHING, Announced): _announced,
    (UpdatePhase.FETCHING, Refused): _refused,
    (UpdatePhase.FETCHING, Fetched): _fetched,
    (UpdatePhase.INSTALLING, Refused): _refused,
    (UpdatePhase.INSTALLING, HandedOver): _handed_over,
    (UpdatePhase.INSTALLING, Installed): _installed_now,
    (UpdatePhase.INSTALLING, Failed): _failed,
    (UpdatePhase.INSTALLING, Started): _started_installing,
    (UpdatePhase.HANDED_OVER, Started): _started_installing,
    (UpdatePhase.HANDED_OVER, Failed): _failed,
    (UpdatePhase.PROBATION, Started): _started_in_probation,
    (UpdatePhase.PROBATION, Stopped): _stopped,
    (UpdatePhase.PROBATION, Passed): _passed,
    (UpdatePhase.PROBATION, Failed): _failed,
    (UpdatePhase.ROLLING_BACK, Started): _started_rolling_back,
    (UpdatePhase.ROLLING_BACK, Installed): _rolled_back,
    (UpdatePhase.ROLLING_BACK, Failed): _failed_rolling_back,
}

"""Which configuration counts: a state machine without a clock or a disk.

How it works. `good` is the last configuration that proved itself, `trial` one that is still on
probation, `floor` the highest version ever accepted. `LAWS` has every transition:

    phase      event    then
    SETTLED    Offered  PROBATION with it as trial, floor raised
    SETTLED    Started  as it was
    SETTLED    Stopped  as it was
    PROBATION  Offered  PROBATION with the newer one; good stays
    PROBATION  Started  PROBATION, one start more; one too many: SETTLED, refused, good is back
    PROBATION  Stopped  PROBATION, the start does not count: the agent did not die
    PROBATION  Passed   SETTLED, the trial is good
    PROBATION  Failed   SETTLED, refused, good is back
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias

from edge_agent.remote.errors import ConfigurationDiedError, ConfigurationStaleError


class Phase(StrEnum):
    """Whether something is on probation."""

    SETTLED = "settled"
    PROBATION = "probation"


@dataclass(frozen=True, slots=True)
class Kept:
    """A configuration, exactly as it was signed.

    Args:
        version: Its version.
        sha256: Of the signed message.
        payload: The signed message.
    """

    version: int
    sha256: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a configuration is not at work.

    Args:
        version: 0 where it could not be read.
        sha256: Of the message.
        code: The error's.
        sentence: What it says to people.
    """

    version: int
    sha256: bytes
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All that must survive a power cut."""

    floor: int = 0
    good: Kept | None = None
    trial: Kept | None = None
    starts: int = 0
    refusal: Refusal | None = None

    @property
    def phase(self) -> Phase:
        """Whether something is on probation."""
        return Phase.SETTLED if self.trial is None else Phase.PROBATION

    @property
    def at_work(self) -> Kept | None:
        """The configuration that runs; None for the gateway's own file alone."""
        return self.good if self.trial is None else self.trial


@dataclass(frozen=True, slots=True)
class Offered:
    """A configuration that is authentic, newer, and can be applied."""

    kept: Kept


@dataclass(frozen=True, slots=True)
class Started:
    """The agent starts; `limit` starts are one probation's share."""

    limit: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The agent was told to stop, and does."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The probation is over, and the agent healthy."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be applied, or the agent is not healthy with it."""

    code: str
    sentence: str


Event: TypeAlias = Offered | Started | Stopped | Passed | Failed


def step(standing: Standing, event: Event) -> Standing:
    """What stands after an event; `LAWS` has them all."""
    law = LAWS.get((standing.phase, type(event)))
    return standing if law is None else law(standing, event)


def is_known(standing: Standing, version: int, sha256: bytes) -> bool:
    """Whether a configuration was dealt with before, as a retained one is at each connection.

    Raises:
        ConfigurationStaleError: It is another one, and not newer than what was accepted.
    """
    dealt_with = (standing.good, standing.trial, standing.refusal)
    if any(one is not None and one.sha256 == sha256 for one in dealt_with):
        return True
    if version > standing.floor:
        return False
    message = f"Configuration {version} is not newer than {standing.floor}, which was accepted."
    raise ConfigurationStaleError(message, value=version)


def _offered(standing: Standing, event: Offered) -> Standing:
    return replace(standing, floor=event.kept.version, trial=event.kept, starts=0, refusal=None)


def _started(standing: Standing, event: Started) -> Standing:
    if standing.starts < event.limit:
        return replace(standing, starts=standing.starts + 1)
    sentence = f"The agent started {event.limit} times in its probation, and died each time."
    return _failed(standing, Failed(ConfigurationDiedError.code, sentence))


def _stopped(standing: Standing, _event: Stopped) -> Standing:
    return replace(standing, starts=max(standing.starts - 1, 0))


def _passed(standing: Standing, _event: Passed) -> Standing:
    return replace(standing, good=standing.trial, trial=None, starts=0)


def _failed(standing: Standing, event: Failed) -> Standing:
    trial = standing.trial
    if trial is None:
        return standing
    refusal = Refusal(trial.version, trial.sha256, event.code, event.sentence)
    return replace(standing, trial=None, starts=0, refusal=refusal)


LAWS: Final[dict[tuple[Phase, type[Event]], Callable[[Standing, Any], Standing]]] = {
    (Phase.SETTLED, Offered): _offered,
    (Phase.PROBATION, Offered): _offered,
    (Phase.PROBATION, Started): _started,
    (Phase.PROBATION, Stopped): _stopped,
    (Phase.PROBATION, Passed): _passed,
    (Phase.PROBATION, Failed): _failed,
}

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


class ConfigurationPhase(StrEnum):
    """Whether something is on probation."""

    SETTLED = "settled"
    PROBATION = "probation"


@dataclass(frozen=True, slots=True)
class SignedConfiguration:
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
class ConfigurationRefusal:
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
class ConfigurationRecord:
    """All that must survive a power cut."""

    floor: int = 0
    good: SignedConfiguration | None = None
    trial: SignedConfiguration | None = None
    starts: int = 0
    refusal: ConfigurationRefusal | None = None

    @property
    def phase(self) -> ConfigurationPhase:
        """Whether something is on probation."""
        return ConfigurationPhase.SETTLED if self.trial is None else ConfigurationPhase.PROBATION

    @property
    def at_work(self) -> SignedConfiguration | None:
        """The configuration that runs; None for the gateway's own file alone."""
        return self.good if self.trial is None else self.trial


@dataclass(frozen=True, slots=True)
class Offered:
    """A configuration that is authentic, newer, and can be applied."""

    configuration: SignedConfiguration


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


def step(record: ConfigurationRecord, event: Event) -> ConfigurationRecord:
    """What stands after an event; `LAWS` has them all."""
    law = LAWS.get((record.phase, type(event)))
    return record if law is None else law(record, event)


def is_known(record: ConfigurationRecord, version: int, sha256: bytes) -> bool:
    """Whether a configuration was dealt with before, as a retained one is at each connection.

    Raises:
        ConfigurationStaleError: It is another one, and not newer than what was accepted.
    """
    dealt_with = (record.good, record.trial, record.refusal)
    if any(one is not None and one.sha256 == sha256 for one in dealt_with):
        return True
    if version > record.floor:
        return False
    message = f"Configuration {version} is not newer than {record.floor}, the last one accepted."
    raise ConfigurationStaleError(message, value=version)


def _offered(record: ConfigurationRecord, event: Offered) -> ConfigurationRecord:
    return replace(
        record, floor=event.configuration.version, trial=event.configuration, starts=0, refusal=None
    )


def _started(record: ConfigurationRecord, event: Started) -> ConfigurationRecord:
    if record.starts < event.limit:
        return replace(record, starts=record.starts + 1)
    sentence = f"The agent started {event.limit} times during probation, and crashed each time."
    return _failed(record, Failed(ConfigurationDiedError.code, sentence))


def _stopped(record: ConfigurationRecord, _event: Stopped) -> ConfigurationRecord:
    return replace(record, starts=max(record.starts - 1, 0))


def _passed(record: ConfigurationRecord, _event: Passed) -> ConfigurationRecord:
    return replace(record, good=record.trial, trial=None, starts=0)


def _failed(record: ConfigurationRecord, event: Failed) -> ConfigurationRecord:
    trial = record.trial
    if trial is None:
        return record
    refusal = ConfigurationRefusal(trial.version, trial.sha256, event.code, event.sentence)
    return replace(record, trial=None, starts=0, refusal=refusal)


LAWS: Final[
    dict[
        tuple[ConfigurationPhase, type[Event]],
        Callable[[ConfigurationRecord, Any], ConfigurationRecord],
    ]
] = {
    (ConfigurationPhase.SETTLED, Offered): _offered,
    (ConfigurationPhase.PROBATION, Offered): _offered,
    (ConfigurationPhase.PROBATION, Started): _started,
    (ConfigurationPhase.PROBATION, Stopped): _stopped,
    (ConfigurationPhase.PROBATION, Passed): _passed,
    (ConfigurationPhase.PROBATION, Failed): _failed,
}

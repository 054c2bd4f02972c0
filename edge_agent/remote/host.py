"""What remote configuration and updates need of the agent that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_agent.config.settings import EdgeConfig
from edge_agent.reconfigure import Applied, ReloadRefusal
from edge_agent.remote.health_gate import Vitals
from firmware_bridge.contract.errors import MeterlineError


class Host(Protocol):
    """The running agent."""

    async def apply(self, config: EdgeConfig, origin: str) -> Applied | ReloadRefusal:
        """Go over to another configuration, or say why not."""
        ...

    def vitals(self) -> Vitals:
        """How it does at the moment."""
        ...

    def note(self, code: str, detail: str) -> None:
        """Record an event."""
        ...

    def announce(self) -> None:
        """The gateway's status has something new to say."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last thing that was refused.

    Args:
        about: What it was, for people.
        sha256: Of the message.
        code: The error's.
        sentence: The error's.
    """

    about: str
    sha256: bytes
    code: str
    sentence: str

    @classmethod
    def of(cls, about: str, sha256: bytes, error: MeterlineError) -> Trouble:
        """What an error says."""
        return cls(about, sha256, error.code, str(error))

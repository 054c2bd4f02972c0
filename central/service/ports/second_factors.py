"""Where second factors of people are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from central.service.ports.decisions import DecisionNote


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The app of a person.

    Args:
        sealed: Its secret, which only the web process can open.
        since: When it was confirmed; None where it is not yet asked for.
    """

    sealed: bytes
    since: datetime | None


class SecondFactorStore(Protocol):
    """Second factors and recovery codes."""

    async def second_factor(self, name: str) -> SecondFactor | None:
        """The one of a person; None where there is none."""

    async def begin_second_factor(self, name: str, sealed: bytes) -> bool:
        """Keep a secret that is not confirmed yet; whether none was confirmed before."""

    async def confirm_second_factor(
        self, name: str, sealed: bytes, recovery: Sequence[bytes], note: DecisionNote
    ) -> None:
        """Ask for codes from now on; the hashes are of codes to recover with."""

    async def take_step(self, name: str, step: int) -> bool:
        """Use a code of a step up; whether none of it or of a later one was used."""

    async def take_recovery_code(self, name: str, sha256: bytes, note: DecisionNote) -> bool:
        """Use a recovery code up; whether it was open."""

    async def end_second_factor(self, name: str, note: DecisionNote) -> None:
        """Ask for no code any more; the recovery codes are worth nothing."""


class SealedBox(Protocol):
    """Seals secrets by a key outside of the database."""

    def seal(self, secret: bytes, about: str) -> bytes:
        """A secret that only `open` can read, for the same purpose."""

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """The secret; None where it was sealed by another key or about something else."""

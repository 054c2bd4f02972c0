"""A second factor: codes of an app by RFC 6238, each taken once, and codes to recover with."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyotp

from central.domain.actor import Actor
from central.service.people.people import PersonRefusedError, digest
from central.service.ports.decisions import DecisionNote
from central.service.ports.second_factors import SealedBox, SecondFactorStore

STEP_S: Final = 30
RECOVERY_CODES: Final = 8
_ISSUER = "Meterline"
_RECOVERY_BYTES = 10
_NEIGHBOURS = (0, -1, 1)  # an app's clock may be a step off


@dataclass(frozen=True, slots=True)
class BegunFactor:
    """What an app is set up with. It is shown once.

    Args:
        secret: Base 32, to type.
        address: The same as an app reads it from a link or a picture.
    """

    secret: str
    address: str


class SecondFactors:
    """Use-cases of second factors.

    Args:
        store: Where they are kept.
        box: Seals their secrets.
        clock: The present, aware.
    """

    def __init__(
        self, store: SecondFactorStore, box: SealedBox, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._box = box
        self._clock = clock

    async def is_asked(self, name: str) -> bool:
        """Whether somebody signs in with a second factor."""
        factor = await self._store.second_factor(name)
        return factor is not None and factor.since is not None

    async def begin(self, name: str) -> BegunFactor:
        """A secret for an app; it counts once a code of it was given.

        Raises:
            PersonRefusedError: They have a second factor.
        """
        secret = pyotp.random_base32()
        if not await self._store.begin_second_factor(name, self._box.seal(secret.encode(), name)):
            message = f"{name} has a second factor."
            raise PersonRefusedError(message, value=name, remedy="End it first, with a code.")
        address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)
        return BegunFactor(secret, address)

    async def confirm(self, name: str, code: str, actor: Actor) -> list[str]:
        """Ask for codes from now on; codes to recover with, which are shown once.

        Raises:
            PersonRefusedError: Nothing was begun, or the code is wrong.
        """
        factor = await self._store.second_factor(name)
        if factor is None or factor.since is not None or not await self._takes(name, code):
            message = "The code is not that of the app now."
            raise PersonRefusedError(message, value=name, remedy="Give the next code.")
        recovery = [secrets.token_hex(_RECOVERY_BYTES) for _ in range(RECOVERY_CODES)]
        hashes = [digest(each) for each in recovery]
        note = DecisionNote(actor, "by a code", self._clock())
        await self._store.confirm_second_factor(name, factor.sealed, hashes, note)
        return recovery

    async def lets_in(self, name: str, code: str, actor: Actor) -> bool:
        """Whether a code of the app or to recover with lets in; a code lets in once."""
        if await self._takes(name, code):
            return True
        note = DecisionNote(actor, "at sign-in", self._clock())
        return bool(code) and await self._store.take_recovery_code(name, digest(code), note)

    async def end(self, name: str, code: str, actor: Actor) -> None:
        """Ask for no code any more.

        Raises:
            PersonRefusedError: The code is wrong.
        """
        if not await self.lets_in(name, code, actor):
            message = "The code is not that of the app now, and none to recover with."
            raise PersonRefusedError(message, value=name, remedy="Give the next code.")
        await self.reset(name, actor, "by its owner")

    async def reset(self, name: str, actor: Actor, reason: str) -> None:
        """Ask somebody for no code any more, who lost their app."""
        await self._store.end_second_factor(name, DecisionNote(actor, reason, self._clock()))

    async def _takes(self, name: str, code: str) -> bool:
        factor = await self._store.second_factor(name)
        secret = None if factor is None else self._box.open(factor.sealed, name)
        if secret is None:
            return False
        totp = pyotp.TOTP(secret.decode())
        step = int(self._clock().timestamp()) // STEP_S
        given = code.replace(" ", "")
        for near in _NEIGHBOURS:
            if pyotp.utils.strings_equal(totp.at((step + near) * STEP_S), given):
                return await self._store.take_step(name, step + near)
        return False

"""What a password must be, and what hashes it."""

from __future__ import annotations

import unicodedata
from typing import Final, Protocol

from firmware_bridge.contract.errors import OperatorError

SHORTEST: Final = 12
LONGEST: Final = 256
_FEWEST_SIGNS = 6


class PasswordRefusedError(OperatorError):
    """A password is too easy to guess."""

    code = "PASSWORD_REFUSED"
    default_remedy = f"Choose at least {SHORTEST} characters, such as four words in a row."


class PasswordHashes(Protocol):
    """A hash that is slow to guess against. Takes equally long for right and wrong."""

    async def of(self, password: str) -> str:
        """The hash of a password, with its salt and cost."""

    async def is_right(self, password: str, hashed: str | None) -> bool:
        """Whether a password has a hash; None is nobody's, and takes as long to refuse."""

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash costs less than a new one would."""


def normal(password: str) -> str:
    """A password as it is hashed: the same however a keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password)


def check_strength(password: str, name: str) -> None:
    """Return where a password may be chosen.

    Raises:
        PasswordRefusedError: It is short, long, made of few characters, or has the person's name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"A password has {SHORTEST} to {LONGEST} characters."
        raise PasswordRefusedError(message)
    if len(set(password)) < _FEWEST_SIGNS:
        message = f"The password has fewer than {_FEWEST_SIGNS} different characters."
        raise PasswordRefusedError(message)
    if name.lower() in password.lower():
        message = "The password has the person's name in it."
        raise PasswordRefusedError(message)

"""Passwords hashed by Argon2id, in threads: one takes some 50 ms and 64 MiB."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 2


class Argon2Hashes:
    """`PasswordHashes` with the parameters of RFC 9106 for little memory, as the library has them.

    Args:
        hasher: How costly a new hash is.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys: str | None = None
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def of(self, password: str) -> str:
        """See `PasswordHashes`."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, password: str, hashed: str | None) -> bool:
        """See `PasswordHashes`."""
        if self._nobodys is None:  # before the first name is looked at, whoever it is of
            self._nobodys = await self.of(secrets.token_urlsafe())
        hashed = self._nobodys if hashed is None else hashed
        async with self._turn:
            return await asyncio.to_thread(self._matches, hashed, password)

    def is_outdated(self, hashed: str) -> bool:
        """See `PasswordHashes`."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

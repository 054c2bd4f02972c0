"""Where it is kept who is signed in at the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from central.domain.actor import Actor
from central.service.ports.decisions import DecisionNote

IDLE: Final = timedelta(hours=2)
"""A session that nobody used for so long has ended."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A browser that signs in.

    Args:
        sha256: Of the secret in its cookie.
        browser_sha256: Of the browser's own name.
        account: Who.
        address: From where.
        agent: What the browser says of itself.
        until: When the session ends in any case.
    """

    sha256: bytes
    browser_sha256: bytes
    account: str
    address: str
    agent: str
    until: datetime


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session that has not ended.

    Args:
        number: Names it in commands.
        account: Who.
        address: From where it was begun.
        agent: In which browser.
        begun_at: When.
        seen_at: When it was used last, to the minute.
        until: When it ends in any case.
    """

    number: int
    account: str
    address: str
    agent: str
    begun_at: datetime
    seen_at: datetime
    until: datetime

    def to_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {
            "number": self.number,
            "account": self.account,
            "address": self.address,
            "agent": self.agent,
            "begun_at": self.begun_at.isoformat(),
            "seen_at": self.seen_at.isoformat(),
            "until": self.until.isoformat(),
        }


class WebSessionStore(Protocol):
    """Sessions of browsers."""

    async def begin(self, session: NewSession, now: datetime) -> None:
        """Keep a new session, and forget those that ended long ago."""

    async def account_of(
        self, sha256: bytes, browser_sha256: bytes, now: datetime, idle: timedelta
    ) -> str | None:
        """Who is signed in by a secret in a browser; None where nobody is, or no longer."""

    async def end(self, sha256: bytes, ended_by: Actor, now: datetime) -> None:
        """End a session, if there is one."""

    async def sessions(
        self, now: datetime, idle: timedelta, account: str | None = None
    ) -> list[WebSession]:
        """Those that have not ended, of an account or all, newest first."""

    async def revoke(
        self, number: int | None, note: DecisionNote, account: str | None = None
    ) -> list[int]:
        """End a session, or all, with a row of the audit log for each; the numbers of those.

        Args:
            number: Of the session; None for all.
            note: Who ends it, and why.
            account: Whose it must be; None for anybody's.
        """

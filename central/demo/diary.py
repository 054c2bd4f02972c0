"""What an earlier demo in the same folder played, so that the next one goes on from there.

It is kept beside the database: where that went, everything begins anew. What the gateway keeps is
no use then, for it sends nothing again that it once had acknowledged.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from central.demo.households import HOUSEHOLDS
from central.domain.billing.cycle import Cycle

DIARY = "play.json"


@dataclass(frozen=True, slots=True)
class Play:
    """A play that was begun.

    Args:
        opened: The month that it billed first.
        content: Hex digest of tariff, load and meters. Only the same scenario goes on.
    """

    opened: Cycle
    content: str


def content_of(major: int, tariff: str, load: str | None) -> str:
    """The digest of what is played.

    Args:
        major: Version of PostgreSQL, each of which has a database of its own.
        tariff: Text of the tariff.
        load: Text of the user's own load.
    """
    document = json.dumps([major, tariff, load, repr(HOUSEHOLDS)])
    return hashlib.sha256(document.encode()).hexdigest()


def read_diary(folder: Path) -> Play | None:
    """The play that was begun in a database's folder; None where none can be read."""
    try:
        document = json.loads((folder / DIARY).read_text(encoding="utf-8"))
        return Play(Cycle.parse(document["opened"]), str(document["content"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_diary(folder: Path, play: Play) -> None:
    """Keep which play was begun."""
    document = {"opened": str(play.opened), "content": play.content}
    (folder / DIARY).write_text(json.dumps(document), encoding="utf-8")


def forget(folder: Path) -> None:
    """Let the next demo begin anew, however this one ends."""
    (folder / DIARY).unlink(missing_ok=True)

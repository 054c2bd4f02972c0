"""What an audit row says of a change: the fields that changed, before and after, and why.

A personal value (a name, an address) stands in the row by reference alone: what it refers to can be
erased by law, and neither the row nor its seal changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Personal:
    """A value about a person.

    Args:
        value: As JSON has it.
    """

    value: Any


def change(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, reason: str | None = None
) -> dict[str, Any]:
    """What changed, as an audit row's detail.

    Args:
        old: Every field before; None where there was nothing.
        new: Every field after; None where there is nothing left.
        reason: Why, where somebody said so.

    >>> change({"zone": "UTC", "address": "a"}, {"zone": "UTC", "address": "b"}, "moved")
    {'old': {'address': 'a'}, 'new': {'address': 'b'}, 'reason': 'moved'}
    """
    before, after = old or {}, new or {}
    names = [
        name
        for name in {**before, **after}
        if (name in before) != (name in after) or before[name] != after[name]
    ]
    return {
        "old": {name: before[name] for name in names if name in before},
        "new": {name: after[name] for name in names if name in after},
        "reason": reason or None,
    }


def bills_moved(
    uids: Sequence[UUID], old: str, new: str, **also: object
) -> tuple[str, dict[str, Any]]:
    """Subject and detail of an audit row about bills that went from one state to another.

    Args:
        uids: Of the bills.
        old: Their state before.
        new: Their state after.
        also: What else is new.
    """
    detail = change({"state": str(old)}, {"state": str(new), **also})
    if len(uids) == 1:
        return str(uids[0]), detail
    return f"{len(uids)} bills", detail | {"bills": [str(uid) for uid in uids]}


def run_opened(
    named: Mapping[str, Any], accounts: int, finished_at: datetime | None, *, again: bool
) -> tuple[str, dict[str, Any]] | None:
    """Action and detail of an audit row about a run that somebody starts or takes part in.

    Args:
        named: The run's cycle and scope.
        accounts: How many have days to bill, or a bill that is open.
        finished_at: When it had been finished before. Aware.
        again: Whether it had been started before.

    Returns:
        None where no account waits in a run that was started before: nothing changes.
    """
    if not again:
        return "run.started", change(None, {**named, "accounts": accounts})
    if not accounts:
        return None
    new = {"finished_at": None, "accounts": accounts}
    return "run.continued", {**change({"finished_at": finished_at}, new), **named}


def set_apart(detail: Mapping[str, Any], uid: str, salt: bytes) -> tuple[dict[str, Any], str]:
    """Put references in place of a detail's personal values.

    Args:
        detail: As `change` made it.
        uid: Under which the values are kept.
        salt: Random; what it is hashed with cannot be guessed once it is erased.

    Returns:
        The detail to log, and the text to keep; "" where nothing is personal.
    """
    apart = {
        side: {
            name: value.value for name, value in detail[side].items() if isinstance(value, Personal)
        }
        for side in ("old", "new")
        if isinstance(detail.get(side), Mapping)
    }
    if not any(apart.values()):
        return dict(detail), ""
    text = json.dumps(apart, sort_keys=True, ensure_ascii=False)
    logged = dict(detail)
    for side, values in apart.items():
        logged[side] = {**detail[side], **{name: {"personal": uid} for name in values}}
    return logged | {"personal": {uid: kept_digest(salt, text)}}, text


def kept_digest(salt: bytes, text: str) -> str:
    """The hex digest by which a row knows the personal values that it refers to."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def brought_back(detail: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """A logged detail with its personal values; what was erased says so.

    Args:
        detail: As it was logged.
        texts: Those that are still kept, by uid.
    """
    shown = {name: value for name, value in detail.items() if name != "personal"}
    for side in ("old", "new"):
        if isinstance(detail.get(side), Mapping):
            shown[side] = {
                name: _brought(value, side, name, texts) for name, value in detail[side].items()
            }
    return shown


def _brought(value: Any, side: str, name: str, texts: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, Mapping) or set(value) != {"personal"}:
        return value
    text = texts.get(value["personal"])
    return {"erased": True} if text is None else json.loads(text)[side][name]


def as_json(detail: Mapping[str, Any]) -> str:
    """A detail as JSON text: exact numbers and times as text."""
    return json.dumps(detail, default=_said, ensure_ascii=False)


def _said(value: object) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)

"""What a row of the audit log says, as people read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from central.service.ports.audit import AuditRow

LONGEST = 400
_APART = frozenset({"old", "new", "reason"})


@dataclass(frozen=True, slots=True)
class ChangedField:
    """A field that a row tells of.

    Args:
        name: Of the field; "" where the whole is told.
        old: Before; None where there was nothing.
        new: After; None where nothing is left.
    """

    name: str
    old: str | None
    new: str | None


def changed_fields(row: AuditRow) -> list[ChangedField]:
    """What changed, field by field, and what else the row says."""
    return [*_sides(row.detail), *_beside(row.detail)]


def reason_of(row: AuditRow) -> str | None:
    """Why, where somebody said so."""
    reason = row.detail.get("reason")
    return None if not reason else str(reason)


def _sides(detail: Mapping[str, Any]) -> Iterator[ChangedField]:
    old, new = detail.get("old"), detail.get("new")
    if not isinstance(old, Mapping | None) or not isinstance(new, Mapping | None):
        yield ChangedField("", _text(old), _text(new))
        return
    before, after = old or {}, new or {}
    for name in {**before, **after}:
        yield ChangedField(name, _text(before.get(name)), _text(after.get(name)))


def _beside(detail: Mapping[str, Any]) -> Iterator[ChangedField]:
    for name, value in detail.items():
        if name not in _APART and value not in (None, "", [], {}):
            yield ChangedField(name, None, _text(value))


def _text(value: object) -> str | None:
    if value is None:
        return None
    if value == {"erased": True}:
        return "erased"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."

"""Rows of the audit log as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from central.service.audit.row_text import LONGEST, ChangedField, changed_fields, reason_of
from central.service.ports.audit import AuditRow

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)


def row(detail: dict[str, Any]) -> AuditRow:
    return AuditRow(7, AT, "ana", "command", "account.changed", "A-1", detail, None)


def test_fields_say_before_and_after_and_what_else_the_row_has() -> None:
    told = row(
        {
            "old": {"name": {"erased": True}, "zone": "UTC"},
            "new": {"zone": "Europe/Madrid", "channels": ["a", "b"]},
            "reason": "moved",
            "effective": "2026-11-01",
            "bills": [],
        }
    )
    assert changed_fields(told) == [
        ChangedField("name", "erased", None),
        ChangedField("zone", "UTC", "Europe/Madrid"),
        ChangedField("channels", None, '["a", "b"]'),
        ChangedField("effective", None, "2026-11-01"),
    ]
    assert reason_of(told) == "moved"


def test_a_change_of_a_whole_list_is_one_field() -> None:
    told = row({"old": [], "new": [["2026-11-01", "bimonthly"]]})
    assert changed_fields(told) == [ChangedField("", "[]", '[["2026-11-01", "bimonthly"]]')]
    assert reason_of(told) is None


def test_a_long_value_is_cut() -> None:
    (field,) = changed_fields(row({"new": {"document": "x" * 5_000}}))
    assert field.new == "x" * LONGEST + " ..."

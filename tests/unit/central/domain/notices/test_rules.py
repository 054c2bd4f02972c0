"""Rules choose notices by their facts; endpoints are https, or a mail address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.domain.notices.date_rule import DateField, DateOffset
from central.domain.notices.notice import FACTS, NoticeKind
from central.domain.notices.retry import RETRIES, next_try
from central.domain.notices.rule import (
    Condition,
    EndpointKind,
    NoticeEndpoint,
    NoticeRule,
    check_name,
)
from firmware_bridge.contract.errors import InvalidValueError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "facts", "holds"),
    [
        ("severity=critical", {"severity": "critical"}, True),
        ("severity=critical,warning", {"severity": "warning"}, True),
        ("severity=critical", {"severity": "warning"}, False),
        ("total>=100", {"total": "100.00"}, True),
        ("total>=100", {"total": "99.99"}, False),
        ("total<0", {"total": "-0.01"}, True),
        ("total<0", {"total": "0.00"}, False),
        ("total>=1", {"total": "much"}, False),
        ("total>=1", {"total": None}, False),
        ("total>=1", {}, False),
        ("credit_note=true", {"credit_note": True}, True),
        ("credit_note=true", {"credit_note": False}, False),
    ],
)
def test_a_condition_compares_a_fact(text: str, facts: dict[str, object], holds: bool) -> None:  # noqa: FBT001
    condition = Condition.parse(text)
    assert condition.holds(facts) is holds
    assert Condition.from_json(condition.to_json()) == condition


def test_a_rule_sends_its_kind_where_all_conditions_hold() -> None:
    conditions = tuple(map(Condition.parse, ("severity=critical", "code=GAP")))
    rule = NoticeRule(NoticeKind.EXCEPTION_OPENED, "crm", conditions)
    facts = {"severity": "critical", "code": "GAP"}
    assert rule.sends(NoticeKind.EXCEPTION_OPENED, facts)
    assert not rule.sends(NoticeKind.EXCEPTION_OPENED, {**facts, "code": "SPIKE"})
    assert not rule.sends(NoticeKind.BILL_ISSUED, facts)
    off = NoticeRule(NoticeKind.EXCEPTION_OPENED, "crm", conditions, off=True)
    assert not off.sends(NoticeKind.EXCEPTION_OPENED, facts)
    assert NoticeRule.from_json(off.to_json()) == off


def test_each_kind_says_some_facts_and_no_rule_asks_for_others() -> None:
    assert set(FACTS) == set(NoticeKind)
    with pytest.raises(InvalidValueError, match="do not say 'colour'"):
        NoticeRule(NoticeKind.BILL_ISSUED, "crm", (Condition.parse("colour=red"),))
    with pytest.raises(InvalidValueError, match="no rule"):
        NoticeRule(NoticeKind.ENDPOINT_TEST, "crm")
    for text in ("total", "total>=much", "=3", "total>=", "total>=nan"):
        with pytest.raises(InvalidValueError):
            Condition.parse(text)


@pytest.mark.parametrize(
    ("kind", "target", "fits"),
    [
        (EndpointKind.WEBHOOK, "https://crm.example/hooks?a=b", True),
        (EndpointKind.WEBHOOK, "http://127.0.0.1:8000/", True),
        (EndpointKind.WEBHOOK, "http://[::1]:8000/", True),
        (EndpointKind.WEBHOOK, "http://crm.example/", False),
        (EndpointKind.WEBHOOK, "https://me:secret@crm.example/", False),
        (EndpointKind.WEBHOOK, "https://crm.example/#a", False),
        (EndpointKind.WEBHOOK, "https://crm.example:port/", False),
        (EndpointKind.WEBHOOK, "https://crm.example/\r\nHost: x", False),
        (EndpointKind.WEBHOOK, "file:///etc/passwd", False),
        (EndpointKind.WEBHOOK, "https://", False),
        (EndpointKind.MAIL, "ana@utility.example", True),
        (EndpointKind.MAIL, "ana@utility.example, eva@utility.example", False),
        (EndpointKind.MAIL, "ana@utility.example\r\nBcc: x@y", False),
        (EndpointKind.MAIL, "ana", False),
    ],
)
def test_an_endpoint_is_where_it_may_be(kind: EndpointKind, target: str, fits: bool) -> None:  # noqa: FBT001
    if fits:
        endpoint = NoticeEndpoint(kind, target)
        assert NoticeEndpoint.from_json(endpoint.to_json()) == endpoint
    else:
        with pytest.raises(InvalidValueError):
            NoticeEndpoint(kind, target)


def test_a_name_is_short_and_plain() -> None:
    assert check_name("crm-2") == "crm-2"
    for name in ("", "CRM", "-crm", "a" * 41, "a b"):
        with pytest.raises(InvalidValueError):
            check_name(name)


def test_it_is_tried_for_three_days_and_then_no_more() -> None:
    at, attempts = NOW, 0
    while True:
        attempts += 1
        after = next_try(attempts, at)
        if after is None:
            break
        assert after > at
        at = after
    assert attempts == 1 + len(RETRIES) == 10
    assert timedelta(days=3) < at - NOW < timedelta(days=3, hours=6)


def test_who_asks_to_be_left_alone_is_left_alone_for_a_day_at_most() -> None:
    assert next_try(1, NOW, timedelta(minutes=10)) == NOW + timedelta(minutes=10)
    assert next_try(2, NOW, timedelta(seconds=1)) == NOW + RETRIES[1]
    assert next_try(1, NOW, timedelta(days=9)) == NOW + timedelta(hours=24)


@pytest.mark.parametrize(
    ("text", "field", "days"),
    [
        ("bill.due_on+7", DateField.BILL_DUE_ON, 7),
        ("bill.issued_on", DateField.BILL_ISSUED_ON, 0),
        ("agreement.end-30", DateField.AGREEMENT_END, -30),
    ],
)
def test_a_date_says_a_field_and_days(text: str, field: DateField, days: int) -> None:
    offset = DateOffset.parse(text)
    assert offset == DateOffset(field, days)
    assert str(offset) == text
    assert DateOffset.from_json(offset.to_json()) == offset


@pytest.mark.parametrize("text", ["bill.paid_on+7", "bill.due_on+", "bill.due_on+1001", "+7", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        DateOffset.parse(text)


def test_a_rule_of_a_date_sends_its_own_day_alone() -> None:
    offset = DateOffset(DateField.BILL_DUE_ON, 7)
    conditions = (Condition.parse("total>=100"),)
    rule = NoticeRule(NoticeKind.DATE_REACHED, "crm", conditions, date=offset)
    facts = {"field": "bill.due_on", "days": 7, "total": "100.00"}
    assert rule.sends(NoticeKind.DATE_REACHED, facts)
    assert not rule.sends(NoticeKind.DATE_REACHED, {**facts, "days": 8})
    assert not rule.sends(NoticeKind.DATE_REACHED, {**facts, "field": "bill.issued_on"})
    assert not rule.sends(NoticeKind.DATE_REACHED, {**facts, "total": "99.99"})
    assert NoticeRule.from_json(rule.to_json()) == rule


def test_a_rule_has_a_date_where_it_is_of_dates() -> None:
    with pytest.raises(InvalidValueError, match="has no date"):
        NoticeRule(NoticeKind.DATE_REACHED, "crm")
    with pytest.raises(InvalidValueError, match="has a date"):
        NoticeRule(NoticeKind.BILL_ISSUED, "crm", date=DateOffset(DateField.BILL_DUE_ON))
    with pytest.raises(InvalidValueError, match="do not say 'tariff'"):
        NoticeRule(
            NoticeKind.DATE_REACHED,
            "crm",
            (Condition.parse("tariff=FLAT"),),
            date=DateOffset(DateField.BILL_DUE_ON),
        )

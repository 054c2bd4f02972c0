"""Series, days to pay and texts: what is valid, and what holds on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from central.domain.billing.billing_settings import (
    BillingSettings,
    BillingSettingsError,
    DocumentKind,
    NumberSeries,
    SettingsRevision,
    settings_on,
)
from central.domain.billing.document_template import TEMPLATES, UnknownTemplateError, template_of
from central.domain.billing.issue import IssueFacts, number_bills, plan_issue
from firmware_bridge.contract.errors import InvalidValueError

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


def revision(number: int, effective: date, settings: BillingSettings) -> SettingsRevision:
    return SettingsRevision(number, effective, settings, AT, "chief", "why")


def test_numbers_are_written_as_the_series_says() -> None:
    assert NumberSeries().number(DAY, 7) == "INV-000007"
    assert NumberSeries("ES26", 4).number(DAY, 12_345) == "ES26-12345"
    assert NumberSeries(yearly=True).number(DAY, 7) == "INV-2026-000007"
    assert NumberSeries(yearly=True).counter(DAY) == "INV-2026"


@pytest.mark.parametrize("prefix", ["", "inv", "-INV", "INV-", "A" * 17, "I V", "I\n"])
def test_a_prefix_that_cannot_be_printed_in_a_number_is_refused(prefix: str) -> None:
    with pytest.raises(BillingSettingsError):
        NumberSeries(prefix)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"due_days": -1}, BillingSettingsError),
        ({"due_days": 366}, BillingSettingsError),
        ({"locale": "tlh"}, BillingSettingsError),
        ({"zone": "Moon/Base"}, InvalidValueError),
        ({"template": "invoice-0"}, UnknownTemplateError),
        ({"payment_text": "北京"}, BillingSettingsError),
        ({"footer_text": "a" * 501}, BillingSettingsError),
        ({"footer_text": "a\x00"}, BillingSettingsError),
    ],
)
def test_a_setting_that_is_not_valid_is_refused(
    values: Mapping[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        BillingSettings(**values)


def test_settings_are_read_as_they_were_written() -> None:
    settings = BillingSettings(
        {DocumentKind.INVOICE: NumberSeries("X", 3, yearly=True)}, 3, "Europe/Madrid"
    )
    assert BillingSettings.from_json(settings.to_json()) == settings


def test_the_latest_effective_date_holds_and_of_one_the_newest_revision() -> None:
    later = revision(2, date(2027, 1, 1), BillingSettings(due_days=2))
    known = [
        revision(1, date(2000, 1, 1), BillingSettings(due_days=1)),
        later,
        revision(3, date(2026, 1, 1), BillingSettings(due_days=3)),
        revision(4, date(2026, 1, 1), BillingSettings(due_days=4)),
    ]
    assert settings_on(known, DAY).revision == 4
    assert settings_on(known, date(2027, 1, 1)) is later
    assert settings_on(known, date(2025, 12, 31)).revision == 1
    with pytest.raises(BillingSettingsError):
        settings_on(known, date(1999, 12, 31))


def test_bills_of_several_zones_are_numbered_by_their_own_days() -> None:
    known = [revision(1, date(2000, 1, 1), BillingSettings())]
    zones = ["Europe/Madrid", "America/Bogota", "Europe/Madrid"]
    issued = number_bills(plan_issue(known, zones, AT), {"INV": 41})
    assert [one.facts.number for one in issued] == ["INV-000042", "INV-000043", "INV-000044"]
    assert [one.facts.issued.day for one in issued] == [21, 20, 21]
    assert [one.facts.due for one in issued][:2] == [date(2026, 12, 5), date(2026, 12, 4)]


def test_the_contents_hash_covers_every_fact() -> None:
    facts = IssueFacts("INV-1", DAY, DAY)
    assert IssueFacts.from_json(facts.to_json()) == facts
    changed = facts.to_json() | {"due": "2026-11-21"}
    assert IssueFacts.from_json(changed).content_sha256("ab") != facts.content_sha256("ab")
    assert facts.content_sha256("ab") != facts.content_sha256("cd")


def test_every_template_is_there() -> None:
    for name in TEMPLATES:
        assert len(template_of(name).sha256) == 64

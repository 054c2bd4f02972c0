"""Every setting is changed and shown by command, API and page, and stands in the reference."""

from __future__ import annotations

import inspect
import re
from dataclasses import asdict, fields
from datetime import UTC, date, datetime

from central.api.schemas.settings import SettingsIn, SettingsOut
from central.cli.settings import set_command
from central.dashboard.form import SentForm
from central.dashboard.pages.settings import sent_change
from central.domain.billing.billing_settings import BillingSettings, SettingsRevision
from central.service.billing.change_settings import SettingsChange
from central.service.billing.setting_list import SETTINGS, values_of
from tests.support.data import REPOSITORY

NAMES = [setting.name for setting in SETTINGS]
OTHER = SettingsChange(
    series="ES26",
    credit_series="CR26",
    width=4,
    yearly=True,
    due_days=21,
    zone="Europe/Madrid",
    locale="en",
    payment_text="IBAN ES12",
    footer_text="Gracias",
    template="invoice-5",
    window_days=5,
    estimates_in_a_row=1,
    retention_years=10,
    print_audit_head=True,
    negative_total="hold",
    einvoice="cii",
    offered_tariffs="home-flat home-tou",
)


def test_every_setting_can_be_changed() -> None:
    assert [field.name for field in fields(SettingsChange)] == NAMES
    assert values_of(OTHER.of(BillingSettings())) == asdict(OTHER)


def test_every_setting_is_an_option_of_the_command() -> None:
    given = {name for name in inspect.signature(set_command).parameters if name[0] != "_"}
    assert set(NAMES) == given - {"reason", "effective", "actor", "as_json"}


def test_the_api_takes_and_gives_every_setting() -> None:
    assert set(NAMES) == set(SettingsIn.model_fields) - {"reason", "effective"}
    order = SettingsIn(**asdict(OTHER), reason="why")
    assert order.change() == OTHER
    at = datetime(2026, 11, 1, tzinfo=UTC)
    recorded = SettingsRevision(
        2, date(2026, 11, 1), OTHER.of(BillingSettings()), at, "chief", "why"
    )
    given = SettingsOut.of(recorded).model_dump()
    assert {name: given[name] for name in NAMES} == asdict(OTHER)


def test_the_page_sends_every_setting() -> None:
    page = (REPOSITORY / "central/dashboard/templates/settings.html").read_text()
    assert set(NAMES) <= set(re.findall(r' name="(\w+)"', page))
    assert set(NAMES) - {"yearly"} == set(re.findall(r"{{ label\.(\w+) \| word }}", page))
    texts = {name: str(value) for name, value in asdict(OTHER).items()}
    assert sent_change(SentForm({**texts, "yearly": "yes", "print_audit_head": "yes"})) == OTHER


def test_every_setting_stands_in_the_reference() -> None:
    page = (REPOSITORY / "docs/reference/cli.md").read_text()
    absent = [name for name in NAMES if f"| `--{name.replace('_', '-')}" not in page]
    assert [name for name in absent if f", `--{name.replace('_', '-')}`" not in page] == []

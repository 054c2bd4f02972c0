"""What the utility, and no process, says of its invoices: series, days to pay, texts, template.

Settings are kept as (effective, revision): what holds on a day is the latest effective date up to
it, and of one date the newest revision. What an issued bill was given is fixed in the bill.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from central.domain.billing.bill_window import IN_A_ROW, BillWindow
from central.domain.billing.document_template import (
    ENGLISH,
    TEMPLATES,
    WITHOUT_TERMS,
    template_of,
)
from central.domain.billing.invoice_xml import InvoiceXml
from central.domain.billing.negative_total import NegativeTotal
from central.domain.billing.printable import Text, unprintable_holds
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.interval import zone_info

LOCALES = ("en", "es")
DUE_DAYS = 14
DUE_DAYS_MAX = 365
RETENTION_MAX = 100
OFFERED_MAX = 12
"""How many tariffs are offered at most: each is rated for a year of days."""
WIDTH_MAX = 18
TEXT_MAX = 500
_CREDIT_NOTES = ("CN", "CRN")
_PREFIX = re.compile(r"[A-Z0-9](?:[A-Z0-9-]{0,14}[A-Z0-9])?")


class BillingSettingsError(OperatorError):
    """A setting of the utility is not valid."""

    code = "BILLING_SETTINGS"
    default_remedy = "Correct the value; `settings show` lists those that hold."


class DocumentKind(StrEnum):
    """What a document is to the one who gets it."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """How the numbers of one kind of document are written: INV-000007, or INV-2026-000007.

    Args:
        prefix: Capital letters, digits and hyphens.
        width: Digits at least.
        yearly: Whether each year of issue counts from 1 and is named in the number.

    Raises:
        BillingSettingsError: Prefix or width is not valid.
    """

    prefix: str = "INV"
    width: int = 6
    yearly: bool = False

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            message = f"The series {self.prefix!r} is not valid."
            remedy = "Use 1 to 16 capital letters, digits and hyphens, no hyphen at an end."
            raise BillingSettingsError(message, value=self.prefix, remedy=remedy)
        if not 1 <= self.width <= WIDTH_MAX:
            message = f"A number of {self.width} digits is not valid."
            remedy = f"Use 1 to {WIDTH_MAX} digits."
            raise BillingSettingsError(message, value=self.width, remedy=remedy)

    def counter(self, day: date) -> str:
        """The name under which numbers of a day are counted; it stands before the number."""
        return f"{self.prefix}-{day.year:04}" if self.yearly else self.prefix

    def number(self, day: date, count: int) -> str:
        """The number as it is printed.

        Args:
            day: Of issue.
            count: From 1, in the counter of that day.
        """
        return f"{self.counter(day)}-{count:0{self.width}}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"prefix": self.prefix, "width": self.width, "yearly": self.yearly}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> NumberSeries:
        """The series that `to_json` wrote."""
        return cls(value["prefix"], value["width"], value["yearly"])


def _first_series() -> dict[DocumentKind, NumberSeries]:
    return {DocumentKind.INVOICE: NumberSeries()}


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """What is given to a document when it is issued.

    Args:
        series: Of its numbers, by kind of document; where credit notes have none, see `numbers_of`.
        due_days: From issue to payment. [days]
        zone: IANA zone of the day of issue; None takes that of the bill's first service point.
        locale: Language of the document.
        payment_text: Printed where the invoice says how to pay.
        footer_text: Printed below the invoice's notes.
        template: Name of the template.
        window: How long a held bill waits for data.
        retention_years: How long issued bills are kept by law; None where nobody said so. [years]
        print_audit_head: Whether the first document of a day prints the head of the audit log.
        negative_total: What becomes of a bill whose total adjustments take below zero.
        einvoice: Structured invoices inside of its documents; a bill that cannot be one is held.
        offered_tariffs: Names of tariffs that customers compare their use under, with a blank
            between them.

    Raises:
        BillingSettingsError: One of them is not valid.
        InvalidValueError: The zone is not known.
        UnknownTemplateError: There is no such template.
    """

    series: Mapping[DocumentKind, NumberSeries] = field(default_factory=_first_series)
    due_days: int = DUE_DAYS
    zone: str | None = None
    locale: str = LOCALES[0]
    payment_text: str = ""
    footer_text: str = ""
    template: str = TEMPLATES[0]
    window: BillWindow = field(default_factory=BillWindow)
    retention_years: int | None = None
    print_audit_head: bool = False
    negative_total: NegativeTotal = NegativeTotal.CARRY
    einvoice: InvoiceXml = InvoiceXml.NONE
    offered_tariffs: str = ""

    def __post_init__(self) -> None:
        if self.retention_years is not None and not 0 <= self.retention_years <= RETENTION_MAX:
            message = f"A retention of {self.retention_years} years is not valid."
            remedy = f"Use 0 to {RETENTION_MAX} years."
            raise BillingSettingsError(message, value=self.retention_years, remedy=remedy)
        if not 0 <= self.due_days <= DUE_DAYS_MAX:
            message = f"{self.due_days} days to pay are not valid."
            remedy = f"Use 0 to {DUE_DAYS_MAX} days."
            raise BillingSettingsError(message, value=self.due_days, remedy=remedy)
        if self.locale not in LOCALES:
            message = f"There are no documents in the language {self.locale!r}."
            remedy = f"Choose {' or '.join(LOCALES)}."
            raise BillingSettingsError(message, value=self.locale, remedy=remedy)
        if self.zone is not None:
            zone_info(self.zone)
        template_of(self.template)
        if self.locale != LOCALES[0] and self.template in ENGLISH:
            message = f"The template {self.template} is in English, whatever the language is."
            remedy = f"Choose {TEMPLATES[-1]} with the language {self.locale}."
            raise BillingSettingsError(message, value=self.template, remedy=remedy)
        if self.einvoice is not InvoiceXml.NONE and self.template in WITHOUT_TERMS:
            message = f"The template {self.template} has no structured invoices inside."
            remedy = f"Choose {TEMPLATES[-1]} with them."
            raise BillingSettingsError(message, value=self.template, remedy=remedy)
        for what, text in (("payment text", self.payment_text), ("footer text", self.footer_text)):
            _check_text(what, text)
        _check_text("list of tariffs", self.offered_tariffs)
        if len(self.offered) > OFFERED_MAX:
            message = f"{len(self.offered)} tariffs are offered."
            remedy = f"Offer {OFFERED_MAX} at most."
            raise BillingSettingsError(message, value=len(self.offered), remedy=remedy)
        _check_apart(
            self.numbers_of(DocumentKind.INVOICE).prefix,
            self.numbers_of(DocumentKind.CREDIT_NOTE).prefix,
        )

    def numbers_of(self, kind: DocumentKind) -> NumberSeries:
        """The series of a kind of document; credit notes always have one of their own."""
        if kind in self.series:
            return self.series[kind]
        invoices = self.series[DocumentKind.INVOICE]
        prefix = next(name for name in _CREDIT_NOTES if not _alike(invoices.prefix, name))
        return replace(invoices, prefix=prefix)

    @property
    def offered(self) -> tuple[str, ...]:
        """The names of tariffs that customers compare their use under."""
        return tuple(dict.fromkeys(self.offered_tariffs.split()))

    @property
    def judges_documents(self) -> bool:
        """Whether what documents say beside their bills may hold these before issue."""
        return self.template not in WITHOUT_TERMS or self.einvoice is not InvoiceXml.NONE

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "series": {kind.value: series.to_json() for kind, series in self.series.items()},
            "due_days": self.due_days,
            "zone": self.zone,
            "locale": self.locale,
            "payment_text": self.payment_text,
            "footer_text": self.footer_text,
            "template": self.template,
            "window_days": self.window.days,
            "estimates_in_a_row": self.window.in_a_row,
            "retention_years": self.retention_years,
            "print_audit_head": self.print_audit_head,
            "negative_total": self.negative_total.value,
            "einvoice": self.einvoice.value,
            # A release before it reads what does not say it.
            **({"offered_tariffs": self.offered_tariffs} if self.offered_tariffs else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BillingSettings:
        """The settings that `to_json` wrote."""
        series = {
            DocumentKind(kind): NumberSeries.from_json(numbers)
            for kind, numbers in value["series"].items()
        }
        rest = {name: setting for name, setting in value.items() if name != "series"}
        # Settings of before there was a window do not say it.
        window = BillWindow(rest.pop("window_days", 0), rest.pop("estimates_in_a_row", IN_A_ROW))
        negative = NegativeTotal(rest.pop("negative_total", NegativeTotal.CARRY))
        einvoice = InvoiceXml(rest.pop("einvoice", InvoiceXml.NONE))
        return cls(series=series, window=window, negative_total=negative, einvoice=einvoice, **rest)


def negative_total_of(text: str) -> NegativeTotal:
    """What becomes of bills whose total adjustments take below zero, as somebody wrote it.

    Raises:
        BillingSettingsError: It is neither `carry` nor `hold`.
    """
    try:
        return NegativeTotal(text)
    except ValueError:
        message = f"{text!r} is nothing that becomes of a bill below zero."
        raise BillingSettingsError(message, value=text, remedy="Use carry or hold.") from None


def einvoice_of_text(text: str) -> InvoiceXml:
    """Which structured invoices documents have inside of them, as somebody wrote it.

    Raises:
        BillingSettingsError: It is none of them.
    """
    try:
        return InvoiceXml(text)
    except ValueError:
        message = f"{text!r} is no structured invoice."
        remedy = f"Use {' or '.join(InvoiceXml)}."
        raise BillingSettingsError(message, value=text, remedy=remedy) from None


def _alike(prefix: str, other: str) -> bool:
    """Whether numbers of one series may be those of another."""
    return f"{prefix}-".startswith(f"{other}-") or f"{other}-".startswith(f"{prefix}-")


def _check_apart(invoices: str, credit_notes: str) -> None:
    if _alike(invoices, credit_notes):
        message = f"The series {credit_notes} of credit notes is not apart from {invoices}."
        raise BillingSettingsError(
            message, value=credit_notes, remedy="Give credit notes a series of their own."
        )


def _check_text(what: str, text: str) -> None:
    if len(text) > TEXT_MAX:
        message = f"The {what} has {len(text)} characters."
        raise BillingSettingsError(message, value=len(text), remedy=f"Use {TEXT_MAX} at most.")
    printed: Text = (what, text)
    for hold in unprintable_holds([printed]):
        raise BillingSettingsError(hold.message, value=text, remedy="Replace these characters.")


@dataclass(frozen=True, slots=True)
class SettingsRevision:
    """The utility's settings as somebody recorded them.

    Args:
        revision: From 1, without a gap.
        effective: First day of issue that they hold on.
        settings: What they are.
        recorded_at: When. Aware.
        actor: Key of who did.
        reason: Why.
    """

    revision: int
    effective: date
    settings: BillingSettings
    recorded_at: datetime
    actor: str
    reason: str


def settings_on(revisions: Iterable[SettingsRevision], day: date) -> SettingsRevision:
    """The settings of a day of issue.

    Raises:
        BillingSettingsError: None is in force that early.
    """
    every = list(revisions)
    in_force = [revision for revision in every if revision.effective <= day]
    if not in_force:
        message = f"The utility has no billing settings on {day}."
        begins = min((revision.effective for revision in every), default=None)
        remedy = (
            "Run `meterline-central migrate`." if begins is None else f"Name {begins} or later."
        )
        raise BillingSettingsError(message, value=day, remedy=remedy)
    return max(in_force, key=lambda revision: (revision.effective, revision.revision))


def settings_ahead(revisions: Iterable[SettingsRevision], day: date) -> list[SettingsRevision]:
    """The settings of a day of issue, where there are any, and those of every later one."""
    every = list(revisions)
    dates = {each.effective for each in every}
    begins = [max((each for each in dates if each <= day), default=day)]
    return [
        settings_on(every, first)
        for first in sorted({*begins, *(each for each in dates if each > day)})
        if first in dates
    ]

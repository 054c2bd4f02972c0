"""What a bill is given when it is issued, and never changes afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from central.domain.billing.billing_settings import (
    DocumentKind,
    NumberSeries,
    SettingsRevision,
    settings_on,
)
from central.domain.billing.document_template import template_of
from central.domain.billing.invoice_terms import InvoiceTerms
from central.domain.billing.invoice_xml import InvoiceXml
from central.domain.billing.negative_total import NegativeTotal
from central.domain.rating.hashing import digest
from central.domain.rating.inputs.document_days import DocumentDays
from firmware_bridge.contract.interval import zone_info


class FixedBy(StrEnum):
    """What fixed the facts of an issued bill."""

    ISSUE = "issue"
    # Issued by an earlier release, which fixed only the number; the rest is what it printed.
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What a bill is given when it is issued.

    Args:
        number: As it is printed.
        issued: Local date of issue.
        due: Local date of payment.
        kind: Of the document.
        locale: Language of the document.
        payment_text: Printed where the invoice says how to pay.
        footer_text: Printed below the notes.
        template: Name of the template.
        template_sha256: Of the template's text; "" where an earlier release did not say.
        settings_revision: Of the utility's settings; 0 where an earlier release did not say.
        fixed_by: What fixed them.
        audit_head: `number:hash` of the audit log's newest seal, shortened; "" for none.
        terms: Addresses, codes and payment; None where an earlier release did not say.
        einvoice: Structured invoices inside of the document.
    """

    number: str
    issued: date
    due: date
    kind: DocumentKind = DocumentKind.INVOICE
    locale: str = "en"
    payment_text: str = ""
    footer_text: str = ""
    template: str = "invoice-1"
    template_sha256: str = ""
    settings_revision: int = 0
    fixed_by: FixedBy = FixedBy.ISSUE
    audit_head: str = ""
    terms: InvoiceTerms | None = None
    einvoice: InvoiceXml = InvoiceXml.NONE

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what a bill was not given is left out, as it always was."""
        head = {"audit_head": self.audit_head} if self.audit_head else {}
        terms = {} if self.terms is None else {"terms": self.terms.to_json()}
        einvoice = self.einvoice is not InvoiceXml.NONE
        return (
            head
            | terms
            | ({"einvoice": self.einvoice.value} if einvoice else {})
            | {
                "number": self.number,
                "issued": self.issued.isoformat(),
                "due": self.due.isoformat(),
                "kind": self.kind.value,
                "locale": self.locale,
                "payment_text": self.payment_text,
                "footer_text": self.footer_text,
                "template": self.template,
                "template_sha256": self.template_sha256,
                "settings_revision": self.settings_revision,
                "fixed_by": self.fixed_by.value,
            }
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> IssueFacts:
        """The facts that `to_json` wrote."""
        return cls(
            number=value["number"],
            issued=date.fromisoformat(value["issued"]),
            due=date.fromisoformat(value["due"]),
            kind=DocumentKind(value["kind"]),
            locale=value["locale"],
            payment_text=value["payment_text"],
            footer_text=value["footer_text"],
            template=value["template"],
            template_sha256=value["template_sha256"],
            settings_revision=value["settings_revision"],
            fixed_by=FixedBy(value["fixed_by"]),
            audit_head=value.get("audit_head", ""),
            terms=InvoiceTerms.from_json(value["terms"]) if "terms" in value else None,
            einvoice=InvoiceXml(value.get("einvoice", InvoiceXml.NONE)),
        )

    def content_sha256(self, bill_sha256: str) -> str:
        """Hex digest of all that the issued bill says: the bill's own hash and these facts.

        Args:
            bill_sha256: Of the bill.
        """
        return digest({"bill": bill_sha256, "issue": self.to_json()})


class IssuedBill(NamedTuple):
    """A bill to be issued, or as it was.

    Args:
        counter: Under which its number was counted.
        ordinal: In the counter.
        facts: What it was given.
    """

    counter: str
    ordinal: int
    facts: IssueFacts


class IssuePlan(NamedTuple):
    """A day of issue and what holds on it.

    Args:
        day: Local.
        terms: The utility's settings of that day.
        kind: Of the document.
    """

    day: date
    terms: SettingsRevision
    kind: DocumentKind = DocumentKind.INVOICE

    @property
    def due(self) -> date:
        """Local day of payment."""
        return self.day + timedelta(days=self.terms.settings.due_days)

    @property
    def numbers(self) -> NumberSeries:
        """How its number is written."""
        return self.terms.settings.numbers_of(self.kind)

    @property
    def counter(self) -> str:
        """Under which the number is counted."""
        return self.numbers.counter(self.day)


def plan_issue(
    revisions: Sequence[SettingsRevision], zones: Sequence[str], at: datetime
) -> list[IssuePlan]:
    """For each bill its day of issue, and the settings of that day.

    Args:
        revisions: The utility's settings.
        zones: Of each bill's first service point.
        at: When they are issued. Aware.

    Raises:
        BillingSettingsError: None is in force that early.
    """
    plans: dict[str, IssuePlan] = {}
    for zone in set(zones):
        day = at.astimezone(zone_info(zone)).date()
        terms = settings_on(revisions, day)
        if terms.settings.zone is not None:
            day = at.astimezone(zone_info(terms.settings.zone)).date()
            terms = settings_on(revisions, day)
        plans[zone] = IssuePlan(day, terms)
    return [plans[zone] for zone in zones]


def document_days(revisions: Sequence[SettingsRevision], zone: str, at: datetime) -> DocumentDays:
    """When a bill would be issued and due if it were issued now.

    Args:
        revisions: The utility's settings.
        zone: Of its first service point.
        at: Now. Aware.

    Raises:
        BillingSettingsError: None is in force that early.
        InvalidValueError: The zone is unknown.
    """
    (plan,) = plan_issue(revisions, [zone], at)
    return DocumentDays(plan.day, plan.due)


def negative_total_now(
    revisions: Sequence[SettingsRevision], zone: str, at: datetime
) -> NegativeTotal:
    """What becomes of a bill whose total adjustments take below zero if it were issued now.

    Args:
        revisions: The utility's settings.
        zone: Of its first service point.
        at: Now. Aware.

    Raises:
        BillingSettingsError: None is in force that early.
        InvalidValueError: The zone is unknown.
    """
    (plan,) = plan_issue(revisions, [zone], at)
    return plan.terms.settings.negative_total


def number_bills(plans: Sequence[IssuePlan], last: Mapping[str, int]) -> list[IssuedBill]:
    """Number bills in their order, without a gap.

    Args:
        plans: Of each bill.
        last: The last number given, by counter.
    """
    given: Counter[str] = Counter()
    issued = []
    for plan in plans:
        given[plan.counter] += 1
        ordinal = last.get(plan.counter, 0) + given[plan.counter]
        issued.append(IssuedBill(plan.counter, ordinal, _facts(plan, ordinal)))
    return issued


def _facts(plan: IssuePlan, ordinal: int) -> IssueFacts:
    day, terms, kind = plan
    settings = terms.settings
    return IssueFacts(
        number=plan.numbers.number(day, ordinal),
        kind=kind,
        issued=day,
        due=plan.due,
        locale=settings.locale,
        payment_text=settings.payment_text,
        footer_text=settings.footer_text,
        template=settings.template,
        template_sha256=template_of(settings.template).sha256,
        settings_revision=terms.revision,
        einvoice=settings.einvoice,
    )


def heads_wanted(plans: Sequence[IssuePlan]) -> bool:
    """Whether any document may print the head of the audit log."""
    return any(plan.terms.settings.print_audit_head for plan in plans)


def with_audit_head(
    issued: Sequence[IssuedBill],
    plans: Sequence[IssuePlan],
    head: str,
    printed: Mapping[str, date],
) -> list[IssuedBill]:
    """Bills of which the first of each counter and day prints the head of the audit log.

    Args:
        issued: As `number_bills` gave them.
        plans: Of each bill.
        head: Of the log, shortened; "" where nothing is sealed.
        printed: The last day on which a document printed one, by counter.
    """
    last = dict(printed)
    bills = []
    for entry, plan in zip(issued, plans, strict=True):
        wanted = bool(head) and plan.terms.settings.print_audit_head
        if wanted and plan.day > last.get(entry.counter, date.min):
            last[entry.counter] = plan.day
            bills.append(entry._replace(facts=replace(entry.facts, audit_head=head)))
        else:
            bills.append(entry)
    return bills

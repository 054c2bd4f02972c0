"""Every setting of the utility, described once for commands, API and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from central.domain.billing.billing_settings import BillingSettings, DocumentKind


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as people read of it.

    Args:
        name: As `SettingsChange` and the API call it.
        label: On the page, and in `settings show`.
        meaning: In one sentence, with its unit: the help of its option, and the API's description.
        none: What is read where it is not set.
    """

    name: str
    label: str
    meaning: str
    none: str = "none"

    def text(self, settings: BillingSettings) -> str:
        """Its value for people."""
        value = values_of(settings)[self.name]
        if isinstance(value, bool):
            return "yes" if value else "no"
        return self.none if value in {None, ""} else str(value)


SETTINGS = (
    Setting("series", "Series of the numbers", "Prefix of the numbers of invoices, such as ES26."),
    Setting(
        "credit_series",
        "Series of the numbers of credit notes",
        "Prefix of the numbers of credit notes, such as CN26.",
    ),
    Setting("width", "Least number of digits", "Least number of digits of a number."),
    Setting("yearly", "Numbers begin with 1 each year", "Whether numbers begin anew each year."),
    Setting("due_days", "Days to pay", "Days from issue to payment."),
    Setting(
        "zone",
        "Time zone of the day of issue",
        "Time zone of the day of issue; '' takes that of the service point.",
        "that of the bill's first service point",
    ),
    Setting("locale", "Language", "Language of the documents."),
    Setting(
        "payment_text",
        "Text below the amount due, such as a bank account",
        "Text below the amount due, such as a bank account.",
    ),
    Setting("footer_text", "Text below the notes", "Text below the notes."),
    Setting("template", "Template", "Template of the documents, such as invoice-2."),
    Setting(
        "window_days",
        "Days until missing data are estimated, 0 for never",
        "Days until missing data of a held bill are estimated; 0 for never.",
    ),
    Setting(
        "estimates_in_a_row",
        "Estimated bills in a row, at most",
        "Number of estimated bills in a row, at most.",
    ),
    Setting(
        "retention_years",
        "Years that issued bills are kept by law",
        "Years that issued bills are kept by law; see account erase.",
        "nobody said so",
    ),
    Setting(
        "print_audit_head",
        "The first document of a day prints the head of the audit log",
        "Whether the first document of a day prints the head of the audit log.",
    ),
    Setting(
        "negative_total",
        "Bills whose total adjustments take below zero",
        "What becomes of a bill whose total adjustments take below zero: carry it as a credit, or "
        "hold it until registers were read at the end of its days.",
    ),
    Setting(
        "einvoice",
        "Structured invoices inside of documents",
        "Structured invoices inside of documents: none, cii, ubl or both; a bill that cannot be one"
        " is held.",
    ),
    Setting(
        "offered_tariffs",
        "Tariffs that customers compare their use under",
        "Names of tariffs that customers compare their use under, with a blank between them; ''"
        " offers none.",
    ),
)
MEANING: Mapping[str, str] = {setting.name: setting.meaning for setting in SETTINGS}
LABEL: Mapping[str, str] = {setting.name: setting.label for setting in SETTINGS}


def values_of(settings: BillingSettings) -> Mapping[str, str | int | bool | None]:
    """The value of every setting, by the names of `SettingsChange`."""
    numbers = settings.series[DocumentKind.INVOICE]
    return {
        "series": numbers.prefix,
        "credit_series": settings.numbers_of(DocumentKind.CREDIT_NOTE).prefix,
        "width": numbers.width,
        "yearly": numbers.yearly,
        "due_days": settings.due_days,
        "zone": settings.zone,
        "locale": settings.locale,
        "payment_text": settings.payment_text,
        "footer_text": settings.footer_text,
        "template": settings.template,
        "window_days": settings.window.days,
        "estimates_in_a_row": settings.window.in_a_row,
        "retention_years": settings.retention_years,
        "print_audit_head": settings.print_audit_head,
        "negative_total": settings.negative_total.value,
        "einvoice": settings.einvoice.value,
        "offered_tariffs": settings.offered_tariffs,
    }

"""Show and change the utility's billing settings; a change is a new revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.billing.billing_settings import (
    BillingSettings,
    BillingSettingsError,
    DocumentKind,
    SettingsRevision,
    einvoice_of_text,
    negative_total_of,
    settings_on,
)
from central.service.ports.billing_settings import SettingsStore
from firmware_bridge.contract.interval import zone_info


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What is to be different; None leaves a setting as it is.

    Args:
        series: Prefix of the numbers of invoices.
        credit_series: Prefix of the numbers of credit notes.
        width: Digits of both.
        yearly: Whether they begin anew each year.
        due_days: From issue to payment. [days]
        zone: IANA zone of the day of issue; "" takes that of the bill's first service point.
        locale: Language of the documents.
        payment_text: Printed where the invoice says how to pay.
        footer_text: Printed below the notes.
        template: Name of the template.
        window_days: How long a held bill waits for data; 0 for ever. [days]
        estimates_in_a_row: How many bills in a row may have estimates.
        retention_years: How long issued bills are kept by law. [years]
        print_audit_head: Whether the first document of a day prints the head of the audit log.
        negative_total: What becomes of a bill whose total adjustments take below zero: `carry` or
            `hold`.
        einvoice: Structured invoices inside of documents: `none`, `cii`, `ubl` or `both`.
        offered_tariffs: Names of tariffs that customers compare their use under.
    """

    series: str | None = None
    credit_series: str | None = None
    width: int | None = None
    yearly: bool | None = None
    due_days: int | None = None
    zone: str | None = None
    locale: str | None = None
    payment_text: str | None = None
    footer_text: str | None = None
    template: str | None = None
    window_days: int | None = None
    estimates_in_a_row: int | None = None
    retention_years: int | None = None
    print_audit_head: bool | None = None
    negative_total: str | None = None
    einvoice: str | None = None
    offered_tariffs: str | None = None

    def of(self, settings: BillingSettings) -> BillingSettings:
        """The settings with the change.

        Raises:
            BillingSettingsError: One of them is not valid.
            BillWindowError: The window is not valid.
            InvalidValueError: The zone is not known.
            UnknownTemplateError: There is no such template.
        """
        form = {"width": self.width, "yearly": self.yearly}
        invoices = _given({"prefix": self.series, **form})
        credit_notes = _given({"prefix": self.credit_series, **form})
        rest = {
            "due_days": self.due_days,
            "locale": self.locale,
            "payment_text": self.payment_text,
            "footer_text": self.footer_text,
            "template": self.template,
            "retention_years": self.retention_years,
            "print_audit_head": self.print_audit_head,
            "offered_tariffs": self.offered_tariffs,
        }
        waits = {"days": self.window_days, "in_a_row": self.estimates_in_a_row}
        window = replace(settings.window, **_given(waits))
        changed = replace(settings, window=window, **_given(rest))
        if self.negative_total is not None:
            changed = replace(changed, negative_total=negative_total_of(self.negative_total))
        if self.einvoice is not None:
            changed = replace(changed, einvoice=einvoice_of_text(self.einvoice))
        if self.zone is not None:
            changed = replace(changed, zone=self.zone or None)
        kinds = {DocumentKind.INVOICE: invoices}
        there = settings.numbers_of(DocumentKind.CREDIT_NOTE).prefix
        if DocumentKind.CREDIT_NOTE in settings.series or self.credit_series not in {None, there}:
            kinds[DocumentKind.CREDIT_NOTE] = credit_notes
        numbers = {kind: replace(settings.numbers_of(kind), **kinds[kind]) for kind in kinds}
        return replace(changed, series={**settings.series, **numbers})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class ChangeSettings:
    """The use-cases.

    Args:
        store: Where the settings are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: SettingsStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def revisions(self) -> tuple[SettingsRevision, ...]:
        """Every revision, oldest first."""
        return await self._store.revisions()

    async def current(self, day: date | None = None) -> SettingsRevision:
        """The settings in force.

        Args:
            day: Of issue; today where none is given.

        Raises:
            BillingSettingsError: None is in force that early.
        """
        revisions = await self._store.revisions()
        return settings_on(revisions, day or self._today(revisions))

    async def __call__(
        self, changes: SettingsChange, actor: Actor, reason: str, effective: date | None = None
    ) -> SettingsRevision:
        """Record a change; what the settings already say stays as it is.

        Args:
            changes: What is to be different.
            actor: Who changes it.
            reason: Why.
            effective: First day of issue that it holds on; today where none is given.

        Returns:
            The settings of that day.

        Raises:
            BillingSettingsError: A setting is not valid, or there is no reason.
            InvalidValueError: The zone is not known.
            UnknownTemplateError: There is no such template.
            StaleSettingsError: Somebody else changed them meanwhile.
        """
        revisions = await self._store.revisions()
        day = effective or self._today(revisions)
        before = settings_on(revisions, day)
        after = changes.of(before.settings)
        if after == before.settings:
            return before
        if not reason.strip():
            message = "A change of the settings has no reason."
            raise BillingSettingsError(message, remedy="Give one with --reason.")
        newest = max(revision.revision for revision in revisions)
        recorded = SettingsRevision(
            newest + 1, day, after, self._clock(), actor.key, reason.strip()
        )
        await self._store.add(recorded, actor, _difference(before.settings, recorded))
        return recorded

    def _today(self, revisions: tuple[SettingsRevision, ...]) -> date:
        """The utility's local day."""
        now = self._clock()
        zone = settings_on(revisions, now.astimezone(UTC).date()).settings.zone or "UTC"
        return now.astimezone(zone_info(zone)).date()


def _difference(before: BillingSettings, after: SettingsRevision) -> dict[str, Any]:
    """Old and new value of what changed, for the audit log."""
    detail = change(before.to_json(), after.settings.to_json(), after.reason)
    return {**detail, "effective": after.effective.isoformat()}

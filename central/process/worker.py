"""The worker: `python -m central.process.worker` validates, and does the jobs that are due.

Any number of workers share what waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import structlog

from central.adapters.audit_heads import newest_head_at
from central.adapters.notices.invoice_mail import InvoiceMailer
from central.adapters.notices.mail import MailSecurity, MailServer
from central.adapters.notices.sender import EndpointSender
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.billing.documents import TimescaleDocumentStore
from central.adapters.timescale.billing.fiscal import TimescaleFiscalRegister
from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.adapters.timescale.notices.dates import TimescaleDates
from central.adapters.timescale.notices.notices import TimescaleNotices
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.sessions import LOOK_EVERY_S, OverdueTransactions
from central.adapters.timescale.so_far.so_far import TimescaleSoFar
from central.adapters.timescale.validation.unclosed_days import TimescaleUnclosedDays
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.adapters.timescale.watch import TimescaleWatch
from central.config.settings import Settings
from central.process.einvoice_rules import installed_rules
from central.process.health import Readiness, saying_health
from central.process.jobs import compare_changed, run_jobs
from central.process.keep_fit import keep_fit
from central.process.sealer import run_sealer
from central.process.start import ended, start
from central.process.traces import tracing
from central.process.worker_figures import WorkerFigures
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.document_additions import DocumentAdditions
from central.service.billing.find_candidates import FindCandidates
from central.service.ingest.patience import patiently
from central.service.invoicing.deliver_invoices import DeliverInvoices
from central.service.notices.deliver import DeliverNotices
from central.service.notices.notify_dates import NotifyDates
from central.service.ports.ingest import StoreUnavailableError
from central.service.schedules.standing import StandingJob
from central.service.so_far.alerts import Alerts
from central.service.so_far.figures import SoFar
from central.service.validation.unclosed_days import CountUnclosedDays
from central.service.validation.validate import Validate, VeeSettings
from firmware_bridge.contract.errors import MeterlineError

COUNT_EVERY_S = 60.0
"""How often the days that are over and not closed are counted."""

_log = structlog.get_logger(__name__)


async def run_worker(
    settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Validate what comes in and render the documents of issued bills, until cancelled.

    It waits for a database that is not there, and for one that went away.

    Args:
        settings: Where the database is.
        clock: Now, aware.

    Raises:
        StoreUnfitError: The database is not one that this release can work with.
    """
    dsn = settings.dsn()
    pool = make_pool(dsn, max_size=5, name="meterline-worker", check=False, limits=settings.limits)
    try:
        watch, readiness = (
            WorkerFigures(partial(newest_head_at, settings.audit_head_folder)),
            Readiness(pool, {}),
        )
        async with (
            tracing(settings, "meterline-worker"),
            saying_health(settings, readiness, "meterline_worker", watch.figures),
        ):
            await patiently(lambda: check_fit(dsn), _wait_on)
            await pool.open(wait=False)
            await _work(pool, settings, clock, watch)
    finally:
        await pool.close()


async def _work(
    pool: Pool, settings: Settings, clock: Callable[[], datetime], watch: WorkerFigures
) -> None:
    """Do all that a worker does side by side, until validating ends or the schema is another."""
    from central.adapters.documents.invoice import render_invoice  # noqa: PLC0415 - loads typst

    vee = VeeSettings(grace=settings.grace)
    use_case = Validate(TimescaleValidationStore(pool), clock, vee)
    unclosed = TimescaleUnclosedDays(pool)
    documents = TimescaleDocumentStore(pool)
    bills = TimescaleBillingStore(pool, installed_rules())
    add = DocumentAdditions(TimescaleFiscalRegister(pool))
    archive = ArchiveInvoices(bills, documents, render_invoice, clock, add)
    find = FindCandidates(TimescaleCandidates(pool), clock)
    notices = DeliverNotices(TimescaleNotices(pool), EndpointSender(mail_server(settings)), clock)
    dates = NotifyDates(TimescaleNotices(pool), TimescaleDates(pool), clock)
    mails = invoice_mails(pool, settings, documents, clock)
    alerting = TimescaleSoFar(pool)
    alerts = Alerts(alerting, SoFar(alerting, TimescaleValidationStore(pool), clock), clock)
    standing = {
        "raise_alerts": StandingJob(alerts.waits, alerts.check, clock),
        "notify_dates": StandingJob(dates.waits, dates.notify, clock),
        "deliver_notices": StandingJob(notices.waits, notices.until_idle, clock),
        "deliver_invoices": StandingJob(mails.waits, mails.until_idle, clock),
        "render_documents": StandingJob(documents.due, lambda: _render(archive), clock),
        "compare_changed": StandingJob(find.waits, lambda: compare_changed(pool, clock), clock),
    }
    sealing = asyncio.create_task(run_sealer(pool, settings, clock))
    beside = [
        asyncio.create_task(_end_overdue(OverdueTransactions(pool))),
        asyncio.create_task(run_jobs(pool, settings, clock, standing, watch.jobs)),
        asyncio.create_task(_count_unclosed(CountUnclosedDays(unclosed, clock, vee))),
    ]
    if settings.health_port is not None:
        beside.append(asyncio.create_task(watch.keep_looking(TimescaleWatch(pool), clock)))
    leading = [
        asyncio.create_task(_validate(use_case, settings.poll_s, watch.validated)),
        asyncio.create_task(keep_fit(pool)),
    ]
    try:
        done, _ = await asyncio.wait(leading, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await ended(*leading, *beside)
        await ended(sealing)


async def _validate(use_case: Validate, poll_s: float, counts: Counter[str]) -> None:
    while True:
        try:
            tally = await use_case.step()
        except StoreUnavailableError as error:
            _wait_on(error)
            await asyncio.sleep(poll_s)
            continue
        counts["days"] += tally.days
        counts["closed"] += tally.closed
        if tally.versions:
            _log.info("days_validated", days=tally.days, versions=tally.versions)
        if tally.idle:
            await asyncio.sleep(poll_s)


async def _render(archive: ArchiveInvoices) -> None:
    rendered = await archive.until_idle()
    if rendered.documents:
        _log.info("documents_rendered", documents=len(rendered.documents))


async def _count_unclosed(count: CountUnclosedDays) -> None:
    logged: tuple[date | None, int] = (None, 0)
    while True:
        try:
            counted = await count(timedelta(seconds=COUNT_EVERY_S / 2))
        except MeterlineError as error:
            _log.warning("unclosed_days_not_counted", code=error.code, reason=error.message)
        else:
            if (counted.oldest, counted.channels) != logged:
                logged = counted.oldest, counted.channels
                _log.info("unclosed_days", **counted.to_json())
        await asyncio.sleep(COUNT_EVERY_S)


async def _end_overdue(overdue: OverdueTransactions) -> None:
    while True:
        try:
            if ended := await overdue.end():
                _log.warning("overdue_transactions_ended", sessions=ended)
        except MeterlineError as error:
            _log.warning("overdue_transactions_unseen", reason=error.message)
        await asyncio.sleep(LOOK_EVERY_S)


def invoice_mails(
    pool: Pool,
    settings: Settings,
    documents: TimescaleDocumentStore,
    clock: Callable[[], datetime],
) -> DeliverInvoices:
    """What sends documents to their accounts."""
    return DeliverInvoices(
        TimescaleInvoicing(pool),
        TimescaleBillingStore(pool, installed_rules()),
        documents,
        InvoiceMailer(mail_server(settings)),
        settings.smtp_sender,
        settings.portal_url,
        clock,
    )


def mail_server(settings: Settings) -> MailServer | None:
    """The server that takes mail; None where none is set."""
    if not settings.smtp_host or not settings.smtp_sender:
        return None
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_sender,
        MailSecurity(settings.smtp_security),
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
    )


def _wait_on(error: StoreUnavailableError) -> None:
    _log.warning("database_unavailable", reason=error.message)


if __name__ == "__main__":
    start(Settings, run_worker)

"""The stores of the centre on one pool of connections, for commands that do one thing and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.billing.bill_questions import TimescaleBillQuestions
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.billing.checks import TimescaleBilledParts
from central.adapters.timescale.billing.claim_conflicts import TimescaleClaimConflicts
from central.adapters.timescale.billing.correction_limits import TimescaleCorrectionLimits
from central.adapters.timescale.billing.correction_rules import TimescaleCorrectionRules
from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.documents import TimescaleDocumentStore
from central.adapters.timescale.billing.drawdowns import TimescaleDrawdowns
from central.adapters.timescale.billing.fiscal import TimescaleFiscalRegister
from central.adapters.timescale.billing.ledger import TimescaleLedger
from central.adapters.timescale.billing.pilots import TimescalePilots
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.adapters.timescale.billing.reconciliation import TimescaleReconciliation
from central.adapters.timescale.billing.regulator_figures import TimescaleRegulatorFigures
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.billing.suppressions import TimescaleSuppressions
from central.adapters.timescale.billing.unbilled import TimescaleUnbilled
from central.adapters.timescale.class_policies import OF_BILLS, TimescaleClassPolicies
from central.adapters.timescale.consumption.consumption import TimescaleConsumption
from central.adapters.timescale.exceptions.actions import TimescaleActions
from central.adapters.timescale.exceptions.evidence import TimescaleEvidence
from central.adapters.timescale.exceptions.field_orders import TimescaleFieldOrders
from central.adapters.timescale.exceptions.queue import TimescaleExceptions
from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.nights import TimescaleNightStore
from central.adapters.timescale.notices.notices import TimescaleNotices
from central.adapters.timescale.people import TimescalePeople
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.registry.certificates import TimescaleClaimStore
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.registry.moves import TimescaleMoves
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.registry.series import TimescaleSeriesStore
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.adapters.timescale.schedules import TimescaleScheduleStore
from central.adapters.timescale.second_factors import TimescaleSecondFactors
from central.adapters.timescale.so_far.so_far import TimescaleSoFar
from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.adapters.timescale.validation.allocations import TimescaleAllocations
from central.adapters.timescale.validation.decisions import TimescaleDecisionStore
from central.adapters.timescale.validation.policies import TimescalePolicies
from central.adapters.timescale.validation.unclosed_days import TimescaleUnclosedDays
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.adapters.timescale.views.billing import TimescaleBilling
from central.adapters.timescale.views.field import TimescaleField
from central.adapters.timescale.web_sessions import TimescaleWebSessions
from central.config.settings import Settings
from central.domain.billing.check_policy import CHECK_SCHEMA
from central.process.einvoice_rules import installed_rules
from central.process.quota import quota_of
from central.process.traces import tracing
from central.service.knowledge_time import KnowledgeTime


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store that a command may ask for, all in the same database.

    Args:
        audit: Who did what.
        billing: What the pages show of accounts and bills.
        bills: Runs of cycles and their bills.
        candidates: Issued bills that would say something else today.
        certificates: Claim codes and certificates of gateways.
        claims: Days that no claim can hold.
        correction_limits: How far back bills may be corrected.
        correction_rules: Rules that settle small differences.
        corrections: Issued bills, rated again.
        consumption: What days of channels sum to.
        documents: Documents as they were rendered.
        cancellations: Credit notes, and the chains that they make.
        decisions: Conflicts, and what people decided.
        field: What the pages show of gateways and findings.
        figures: What a regulator asks for.
        fiscal: The register of invoices that the law asks for.
        gateways: Gateways, and the epochs of their buffers.
        ingest: Readings and quarantined batches.
        invoicing: What is said of invoices, and their way to accounts.
        ledger: Money of accounts.
        drawdowns: What bills did to banks of money.
        moves: Moves, with the registry that they change.
        nights: What is done of the jobs.
        notices: What happened, and whom it is told.
        pilots: Pilots, and what came of them.
        policies: How days of channels are judged, and storms.
        rebills: Issued bills, cancelled and billed anew as one.
        reconciliation: What is validated, claimed and billed.
        retention: How long what is kept, and legal holds.
        registry: Customers, agreements and meters.
        schedules: When jobs are done.
        series: Prices and factors per step of time.
        settings: What the utility says of its invoices.
        so_far: Accounts whose figures so far are asked for, and alerts.
        questions: What customers ask about their bills.
        suppressions: Days that are not billed by decision.
        sessions: Who is signed in at the pages.
        unbilled: What days that no issued bill says come to.
        people: Who may sign in, and their keys.
        second_factors: Who gives a code as well.
        unclosed: Days that are over and not closed.
        usage_events: What happened, and to whom.
        actions: What is done about exceptions.
        billed_parts: Parts of bills, to be judged again.
        check_policies: How bills are judged.
        evidence: What exceptions rest on.
        exceptions: The queue of what waits for a clerk.
        field_orders: Readings that are ordered on site.
        allocations: What is shared out to other points.
        validation: Days to validate, and their blocks.
    """

    audit: TimescaleAuditStore
    billing: TimescaleBilling
    bills: TimescaleBillingStore
    cancellations: TimescaleCancellations
    candidates: TimescaleCandidates
    certificates: TimescaleClaimStore
    claims: TimescaleClaimConflicts
    correction_limits: TimescaleCorrectionLimits
    correction_rules: TimescaleCorrectionRules
    corrections: TimescaleCorrections
    consumption: TimescaleConsumption
    documents: TimescaleDocumentStore
    decisions: TimescaleDecisionStore
    field: TimescaleField
    figures: TimescaleRegulatorFigures
    fiscal: TimescaleFiscalRegister
    gateways: TimescaleGatewayStore
    ingest: TimescaleIngestStore
    invoicing: TimescaleInvoicing
    ledger: TimescaleLedger
    drawdowns: TimescaleDrawdowns
    moves: TimescaleMoves
    nights: TimescaleNightStore
    notices: TimescaleNotices
    pilots: TimescalePilots
    policies: TimescalePolicies
    rebills: TimescaleRebills
    reconciliation: TimescaleReconciliation
    retention: TimescaleRetentionRules
    registry: TimescaleRegistry
    schedules: TimescaleScheduleStore
    series: TimescaleSeriesStore
    settings: TimescaleSettingsStore
    so_far: TimescaleSoFar
    questions: TimescaleBillQuestions
    suppressions: TimescaleSuppressions
    sessions: TimescaleWebSessions
    unbilled: TimescaleUnbilled
    people: TimescalePeople
    second_factors: TimescaleSecondFactors
    unclosed: TimescaleUnclosedDays
    usage_events: TimescaleUsageEvents
    actions: TimescaleActions
    billed_parts: TimescaleBilledParts
    check_policies: TimescaleClassPolicies
    evidence: TimescaleEvidence
    exceptions: TimescaleExceptions
    field_orders: TimescaleFieldOrders
    allocations: TimescaleAllocations
    validation: TimescaleValidationStore


@asynccontextmanager
async def open_stores(
    settings: Settings, name: str, *, max_size: int = 4, knowledge: KnowledgeTime | None = None
) -> AsyncIterator[Stores]:
    """Open the stores; the connections are closed at the end.

    Args:
        settings: Where the database is.
        name: What the server's activity view shows.
        max_size: Connections at most.
        knowledge: Read as of this time, and write nothing; None for the present.

    Raises:
        StoreUnfitError: The database is not one that this release can work with.
        StoreUnavailableError: It does not answer.
    """
    limits, dsn = settings.limits, settings.dsn()
    await check_fit(dsn)
    async with (
        tracing(settings, name),
        make_pool(dsn, max_size=max_size, name=name, limits=limits) as present,
    ):
        pool = present if knowledge is None else as_of(present, knowledge)
        yield Stores(
            audit=TimescaleAuditStore(pool),
            billing=TimescaleBilling(pool),
            bills=TimescaleBillingStore(pool, installed_rules()),
            cancellations=TimescaleCancellations(pool),
            candidates=TimescaleCandidates(pool),
            certificates=TimescaleClaimStore(pool),
            claims=TimescaleClaimConflicts(pool),
            correction_limits=TimescaleCorrectionLimits(pool),
            correction_rules=TimescaleCorrectionRules(pool),
            corrections=TimescaleCorrections(pool),
            consumption=TimescaleConsumption(pool),
            documents=TimescaleDocumentStore(pool),
            decisions=TimescaleDecisionStore(pool),
            field=TimescaleField(pool),
            figures=TimescaleRegulatorFigures(pool),
            fiscal=TimescaleFiscalRegister(pool),
            gateways=TimescaleGatewayStore(pool),
            ingest=TimescaleIngestStore(pool, quota_of(settings)),
            invoicing=TimescaleInvoicing(pool),
            ledger=TimescaleLedger(pool),
            drawdowns=TimescaleDrawdowns(pool),
            moves=TimescaleMoves(pool),
            nights=TimescaleNightStore(pool),
            notices=TimescaleNotices(pool),
            pilots=TimescalePilots(pool),
            policies=TimescalePolicies(pool),
            rebills=TimescaleRebills(pool),
            reconciliation=TimescaleReconciliation(pool),
            retention=TimescaleRetentionRules(pool),
            registry=TimescaleRegistry(pool),
            schedules=TimescaleScheduleStore(pool),
            series=TimescaleSeriesStore(pool),
            settings=TimescaleSettingsStore(pool),
            so_far=TimescaleSoFar(pool),
            questions=TimescaleBillQuestions(pool),
            suppressions=TimescaleSuppressions(pool),
            sessions=TimescaleWebSessions(pool),
            unbilled=TimescaleUnbilled(pool),
            people=TimescalePeople(pool),
            second_factors=TimescaleSecondFactors(pool),
            unclosed=TimescaleUnclosedDays(pool),
            usage_events=TimescaleUsageEvents(pool),
            actions=TimescaleActions(pool),
            billed_parts=TimescaleBilledParts(pool),
            check_policies=TimescaleClassPolicies(pool, OF_BILLS, CHECK_SCHEMA),
            evidence=TimescaleEvidence(pool),
            exceptions=TimescaleExceptions(pool),
            field_orders=TimescaleFieldOrders(pool),
            allocations=TimescaleAllocations(pool),
            validation=TimescaleValidationStore(pool),
        )

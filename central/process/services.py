"""The operator's services on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from central.adapters.anchor_file import kept_anchors
from central.adapters.argon2_hashes import Argon2Hashes
from central.adapters.timescale.audit.store import TimescaleAuditStore
from central.adapters.timescale.billing.bill_questions import TimescaleBillQuestions
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.candidates import TimescaleCandidates
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
from central.adapters.timescale.consumption.consumption import TimescaleConsumption
from central.adapters.timescale.exceptions.actions import TimescaleActions
from central.adapters.timescale.exceptions.evidence import TimescaleEvidence
from central.adapters.timescale.exceptions.field_orders import TimescaleFieldOrders
from central.adapters.timescale.exceptions.queue import TimescaleExceptions
from central.adapters.timescale.idempotency import TimescaleAnswers
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.nights import TimescaleNightStore
from central.adapters.timescale.notices.notices import TimescaleNotices
from central.adapters.timescale.people import TimescalePeople
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.registry.moves import TimescaleMoves
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.registry.series import TimescaleSeriesStore
from central.adapters.timescale.schedules import TimescaleScheduleStore
from central.adapters.timescale.second_factors import TimescaleSecondFactors
from central.adapters.timescale.so_far.so_far import TimescaleSoFar
from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.adapters.timescale.validation.allocations import TimescaleAllocations
from central.adapters.timescale.validation.unclosed_days import TimescaleUnclosedDays
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.adapters.timescale.views.billing import TimescaleBilling
from central.adapters.timescale.views.field import TimescaleField
from central.adapters.timescale.views.memberships import TimescaleMemberships
from central.adapters.timescale.views.search import TimescaleSearch
from central.adapters.timescale.web_sessions import TimescaleWebSessions
from central.process.einvoice_rules import installed_rules
from central.service.audit.last_check import AuditCheck
from central.service.billing.invoice_document import Renderer
from central.service.gateways.claims import GatewayClaims
from central.service.operator.services import OperatorServices
from central.service.people.people import People


def timescale_services(
    pool: Pool,
    render: Renderer,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    anchor_file: Path | None = None,
    claims: GatewayClaims | None = None,
) -> OperatorServices:
    """Services whose every port is the same database.

    Args:
        pool: An open pool, see `make_pool`; four connections serve an office.
        render: Makes a bill's document.
        clock: The present, aware.
        anchor_file: Where the worker anchors the head of the audit log; None for nowhere.
        claims: Signs certificates for gateways; None where another process does.
    """
    audit = TimescaleAuditStore(pool)
    return OperatorServices(
        field=TimescaleField(pool),
        billing=TimescaleBilling(pool),
        memberships=TimescaleMemberships(pool),
        registry=TimescaleRegistry(pool),
        bills=TimescaleBillingStore(pool, installed_rules()),
        settings_store=TimescaleSettingsStore(pool),
        candidates=TimescaleCandidates(pool),
        claims=TimescaleClaimConflicts(pool),
        consumption_store=TimescaleConsumption(pool),
        documents=TimescaleDocumentStore(pool),
        correction_limits=TimescaleCorrectionLimits(pool),
        correction_rules=TimescaleCorrectionRules(pool),
        corrections=TimescaleCorrections(pool),
        cancellations=TimescaleCancellations(pool),
        actions=TimescaleActions(pool),
        evidence=TimescaleEvidence(pool),
        exceptions=TimescaleExceptions(pool),
        field_orders=TimescaleFieldOrders(pool),
        fiscal_store=TimescaleFiscalRegister(pool),
        invoicing_store=TimescaleInvoicing(pool),
        ledger=TimescaleLedger(pool),
        drawdowns=TimescaleDrawdowns(pool),
        move_store=TimescaleMoves(pool),
        rebills=TimescaleRebills(pool),
        so_far_store=TimescaleSoFar(pool),
        search_store=TimescaleSearch(pool),
        question_store=TimescaleBillQuestions(pool),
        suppression_store=TimescaleSuppressions(pool),
        reconciliation=TimescaleReconciliation(pool),
        figure_store=TimescaleRegulatorFigures(pool),
        notice_store=TimescaleNotices(pool),
        pilot_store=TimescalePilots(pool),
        unbilled_store=TimescaleUnbilled(pool),
        unclosed=TimescaleUnclosedDays(pool),
        usage_event_store=TimescaleUsageEvents(pool),
        series=TimescaleSeriesStore(pool),
        schedule_store=TimescaleScheduleStore(pool),
        nights=TimescaleNightStore(pool),
        audit=audit,
        audit_check=AuditCheck(audit, lambda: kept_anchors(anchor_file), clock),
        answers=TimescaleAnswers(pool),
        sessions=TimescaleWebSessions(pool),
        second_factor_store=TimescaleSecondFactors(pool),
        people=People(TimescalePeople(pool), Argon2Hashes(), clock),
        render=render,
        clock=clock,
        allocations=TimescaleAllocations(pool),
        validation=TimescaleValidationStore(pool),
        ingest_store=TimescaleIngestStore(pool),
        gateway_store=TimescaleGatewayStore(pool),
        claims_of_gateways=claims,
        past=lambda knowledge: timescale_services(
            as_of(pool, knowledge), render, lambda: knowledge.at, anchor_file
        ),
    )

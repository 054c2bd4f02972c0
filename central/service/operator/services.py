"""What the operator works with: the ports and use-cases behind the API and the pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from central.domain.actor import Actor
from central.domain.einvoice.form import EInvoiceForm
from central.service.audit.last_check import AuditCheck
from central.service.billing.approve_bills import (
    ApproveBills,
    DiscardBills,
    IssueBills,
    WithdrawBills,
)
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.candidates import ShowCandidates
from central.service.billing.change_settings import ChangeSettings
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_limits import CorrectionLimits
from central.service.billing.correction_rules import CorrectionRules
from central.service.billing.document_additions import DocumentAdditions
from central.service.billing.find_bill import find_bill
from central.service.billing.invoice_document import Renderer
from central.service.billing.post_entries import AccountLedger
from central.service.billing.print_invoice import BillFile, PrintBill
from central.service.billing.rebill_bills import RebillBills
from central.service.billing.regulator_figures import RegulatorFigures
from central.service.billing.run_bills import RunBills
from central.service.billing.structured_invoice import WriteEInvoice
from central.service.billing.suppress_periods import SuppressPeriods
from central.service.consumption.figures import ConsumptionFigures
from central.service.exceptions.actions import ActionTransactions
from central.service.gateways.claims import GatewayClaims
from central.service.ingest.ingest import Ingest
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.knowledge_time import KnowledgeTime
from central.service.moves.moves import Moves
from central.service.notices.notices import Notices
from central.service.operator.bill_line import view_line
from central.service.people.keys import ApiKeys
from central.service.people.people import People
from central.service.people.provider import ProviderSignIns
from central.service.pilots.pilots import Pilots
from central.service.ports.allocations import AllocationStore
from central.service.ports.audit import AuditStore
from central.service.ports.bill_questions import BillQuestionStore
from central.service.ports.billing import BillingStore
from central.service.ports.billing_settings import SettingsStore
from central.service.ports.cancellations import CancellationStore
from central.service.ports.candidates import CandidateStore
from central.service.ports.claim_conflicts import ClaimConflictStore
from central.service.ports.consumption import ConsumptionStore
from central.service.ports.correction_limits import CorrectionLimitStore
from central.service.ports.correction_rules import CorrectionRuleStore
from central.service.ports.corrections import CorrectionStore
from central.service.ports.documents import DocumentStore
from central.service.ports.drawdowns import DrawdownStore
from central.service.ports.evidence import EvidenceStore
from central.service.ports.exceptions import ExceptionStore
from central.service.ports.field_orders import FieldOrderStore
from central.service.ports.fiscal import FiscalStore
from central.service.ports.gateways import GatewayStore
from central.service.ports.idempotency import AnswerStore
from central.service.ports.ingest import IngestStore
from central.service.ports.invoicing import InvoicingStore
from central.service.ports.ledger import LedgerStore
from central.service.ports.membership_overview import MembershipOverview
from central.service.ports.moves import MoveStore
from central.service.ports.nights import NightStore
from central.service.ports.notices import NoticeStore
from central.service.ports.overview import BillingOverview, FieldOverview
from central.service.ports.pilots import PilotStore
from central.service.ports.rebills import RebillStore
from central.service.ports.reconciliation import ReconciliationStore
from central.service.ports.registry import RegistryStore
from central.service.ports.regulator_figures import RegulatorFigureStore
from central.service.ports.schedules import ScheduleStore
from central.service.ports.search import SearchStore
from central.service.ports.second_factors import SecondFactorStore
from central.service.ports.series import SeriesStore
from central.service.ports.so_far import SoFarStore
from central.service.ports.suppressions import SuppressionStore
from central.service.ports.unbilled import UnbilledStore
from central.service.ports.unclosed_days import UnclosedDaysStore
from central.service.ports.usage_events import UsageEventStore
from central.service.ports.validation import ValidationStore
from central.service.ports.web_sessions import WebSessionStore
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from central.service.registry.register import Enrol
from central.service.schedules.change import ChangeSchedules
from central.service.schedules.overview import ShowSchedules
from central.service.so_far.alerts import Alerts
from central.service.so_far.figures import SoFar
from central.service.usage.take_events import UsageEvents
from central.service.validation.decide_days import DecideDays
from central.service.views.billing import LineExplanation


@dataclass(frozen=True, slots=True)
class OperatorServices:
    """Everything that the API and the pages call.

    Args:
        field: Reads of the field.
        billing: Reads of billing.
        memberships: Reads of cycles and groups.
        registry: Where points, meters, accounts, agreements and tariffs are kept.
        bills: Where bills are kept.
        cancellations: Credit notes, and the chains that they make.
        settings_store: Where the settings of invoices are kept.
        candidates: Issued bills that would say something else today.
        claims: Days that no claim can hold.
        correction_limits: How far back bills may be corrected.
        correction_rules: Rules that settle small differences.
        corrections: Issued bills, rated again.
        consumption_store: What days of channels sum to.
        documents: Where documents are kept as they were rendered.
        ledger: Money of accounts.
        drawdowns: What bills did to banks of money.
        move_store: Moves, with the registry that they change.
        rebills: Issued bills, cancelled and billed anew as one.
        so_far_store: Accounts whose figures so far are asked for, and alerts.
        question_store: What customers ask about their bills.
        suppression_store: Days that are not billed by decision.
        actions: What is done about exceptions.
        evidence: What exceptions rest on.
        exceptions: The queue of what waits for a clerk.
        field_orders: Readings that are ordered on site.
        fiscal_store: The register of invoices that the law asks for.
        invoicing_store: What invoices say beside their bills, and how they are delivered.
        reconciliation: What is validated, claimed and billed.
        figure_store: What a regulator asks for.
        notice_store: What happened, and whom it is told.
        pilot_store: Pilots, and what came of them.
        unbilled_store: What days that no issued bill says come to.
        unclosed: Days that are over and not closed.
        usage_event_store: What happened, and to whom.
        search_store: Whatever has a name, by a part of it.
        series: Prices, factors and lookup tables.
        schedule_store: When jobs are done.
        nights: What is done of them.
        audit: Who did what.
        audit_check: Verifies the audit log.
        answers: Answers given to requests with an idempotency key.
        sessions: Who is signed in at the pages.
        people: Who may sign in.
        second_factor_store: Who gives a code as well.
        render: Makes a bill's document.
        clock: The present, aware.
        past: The same as of a time; they only read.
        allocations: What is shared out to other points.
        validation: Days, and their blocks.
        ingest_store: Where readings go in.
        gateway_store: Who may send them.
        claims_of_gateways: Gives gateways certificates; None where another process does.
        provider_sign_ins: Lets in whom an identity provider vouches for; None where there is none.
    """

    field: FieldOverview
    billing: BillingOverview
    memberships: MembershipOverview
    registry: RegistryStore
    bills: BillingStore
    cancellations: CancellationStore
    settings_store: SettingsStore
    candidates: CandidateStore
    claims: ClaimConflictStore
    correction_limits: CorrectionLimitStore
    correction_rules: CorrectionRuleStore
    corrections: CorrectionStore
    consumption_store: ConsumptionStore
    documents: DocumentStore
    actions: ActionTransactions
    evidence: EvidenceStore
    exceptions: ExceptionStore
    field_orders: FieldOrderStore
    fiscal_store: FiscalStore
    invoicing_store: InvoicingStore
    ledger: LedgerStore
    drawdowns: DrawdownStore
    move_store: MoveStore
    rebills: RebillStore
    so_far_store: SoFarStore
    search_store: SearchStore
    question_store: BillQuestionStore
    suppression_store: SuppressionStore
    reconciliation: ReconciliationStore
    figure_store: RegulatorFigureStore
    notice_store: NoticeStore
    pilot_store: PilotStore
    unbilled_store: UnbilledStore
    unclosed: UnclosedDaysStore
    usage_event_store: UsageEventStore
    series: SeriesStore
    schedule_store: ScheduleStore
    nights: NightStore
    audit: AuditStore
    audit_check: AuditCheck
    answers: AnswerStore
    sessions: WebSessionStore
    people: People
    second_factor_store: SecondFactorStore
    render: Renderer
    clock: Callable[[], datetime]
    past: Callable[[KnowledgeTime], OperatorServices]
    allocations: AllocationStore
    validation: ValidationStore
    ingest_store: IngestStore
    gateway_store: GatewayStore
    claims_of_gateways: GatewayClaims | None = None
    provider_sign_ins: ProviderSignIns | None = None

    def as_of(self, knowledge: KnowledgeTime | None) -> OperatorServices:
        """These, or as of a time; their clock shows it, so that nothing later is due."""
        return self if knowledge is None else self.past(knowledge)

    async def explain_line(self, bill: str, line: int) -> LineExplanation:
        """The intervals behind a bill line, summed exactly.

        Raises:
            NotFoundError: There is no such bill or line.
            LineageError: The blocks kept are not those that were billed.
        """
        return await view_line(self.billing, self.field, bill, line)

    @property
    def print_bill(self) -> PrintBill:
        """The use-cases that print."""
        add = DocumentAdditions(self.fiscal_store)
        archive = ArchiveInvoices(self.bills, self.documents, self.render, self.clock, add)
        return PrintBill(self.bills, self.settings_store, archive, self.render, self.clock)

    def enrol(self, actor: Actor) -> Enrol:
        """The use-cases that write the registry, in somebody's name."""
        return Enrol(self.registry, actor, self.clock)

    def moves(self, actor: Actor) -> Moves:
        """The use-cases of moves, in somebody's name."""
        return Moves(self.move_store, actor, self.clock)

    @property
    def keys(self) -> ApiKeys:
        """The use-cases of keys of the API."""
        return ApiKeys(self.people, self.clock)

    @property
    def settings(self) -> ChangeSettings:
        """The use-cases of the settings of invoices."""
        return ChangeSettings(self.settings_store, self.clock)

    def cycles(self, actor: Actor, reason: str | None = None) -> BillingCycles:
        """The use-cases of billing cycles, in somebody's name."""
        return BillingCycles(self.registry, actor, self.clock, reason or "")

    @property
    def jobs(self) -> ShowSchedules:
        """The use-case that shows how jobs stand."""
        return ShowSchedules(self.schedule_store, self.nights, self.clock)

    def schedules(self, actor: Actor) -> ChangeSchedules:
        """The use-cases that change schedules, in somebody's name."""
        return ChangeSchedules(self.schedule_store, self.nights, actor, self.clock)

    def groups(self, actor: Actor, reason: str | None = None) -> NamedGroups:
        """The use-cases of named groups, in somebody's name."""
        return NamedGroups(self.registry, actor, self.clock, reason or "")

    @property
    def set_invoicing(self) -> SetInvoicing:
        """The use-cases of what invoices say beside their bills, and of their delivery."""
        return SetInvoicing(self.invoicing_store, self.clock)

    async def write_einvoice(self, bill: str, form: EInvoiceForm) -> BillFile:
        """An issued bill, by its identifier, as a structured invoice.

        Raises:
            UnknownBillError: There is no such bill.
            NotIssuedError: It is not issued.
            NotStructuredError: It cannot be said in that form.
        """
        return await WriteEInvoice(self.registry)(await find_bill(self.bills, bill), form)

    @property
    def figures(self) -> RegulatorFigures:
        """The use-case that shows what a regulator asks for."""
        return RegulatorFigures(self.figure_store, self.settings, self.clock)

    @property
    def so_far(self) -> SoFar:
        """What accounts used and what it costs so far."""
        return SoFar(self.so_far_store, self.validation, self.clock)

    @property
    def consumption(self) -> ConsumptionFigures:
        """What channels, accounts, groups and tariffs use."""
        return ConsumptionFigures(self.consumption_store, self.validation, self.clock)

    @property
    def alerts(self) -> Alerts:
        """The use-cases of alerts."""
        return Alerts(self.so_far_store, self.so_far, self.clock)

    @property
    def notices(self) -> Notices:
        """The use-cases of notices."""
        return Notices(self.notice_store, self.clock)

    @property
    def pilots(self) -> Pilots:
        """The use-cases of pilots."""
        return Pilots(self.pilot_store, self.clock)

    @property
    def ingest(self) -> Ingest:
        """The use-case that takes readings in."""
        return Ingest(self.ingest_store, self.clock)

    @property
    def run_bills(self) -> RunBills:
        """The use-case that bills a period."""
        return RunBills(self.bills, self.clock)

    @property
    def approve(self) -> ApproveBills:
        """The use-cases that approve."""
        return ApproveBills(self.bills, self.clock)

    @property
    def issue(self) -> IssueBills:
        """The use-cases that issue."""
        return IssueBills(self.bills, self.clock)

    @property
    def usage(self) -> UsageEvents:
        """The use-cases of usage events."""
        return UsageEvents(self.usage_event_store, self.clock)

    @property
    def account_ledger(self) -> AccountLedger:
        """The use-cases of the ledger."""
        return AccountLedger(self.ledger, self.bills, self.clock)

    @property
    def correct(self) -> CorrectBills:
        """The use-cases that correct issued bills."""
        return CorrectBills(self.corrections, self.clock)

    @property
    def show_candidates(self) -> ShowCandidates:
        """The use-cases that list candidates."""
        return ShowCandidates(self.candidates, self.correct)

    @property
    def limits(self) -> CorrectionLimits:
        """The use-cases of limits of corrections."""
        return CorrectionLimits(self.correction_limits, self.clock)

    @property
    def rules(self) -> CorrectionRules:
        """The use-cases of rules that settle small differences."""
        return CorrectionRules(self.correction_rules, self.correct, self.clock)

    @property
    def days(self) -> DecideDays:
        """The use-cases of what a person decides of days."""
        return DecideDays(self.validation, self.clock)

    @property
    def suppressions(self) -> SuppressPeriods:
        """The use-cases of days that are not billed by decision."""
        return SuppressPeriods(self.suppression_store, self.clock)

    @property
    def discard(self) -> DiscardBills:
        """The use-case that discards."""
        return DiscardBills(self.bills, self.clock)

    @property
    def cancel(self) -> CancelBills:
        """The use-case that proposes credit notes."""
        return CancelBills(self.bills, self.cancellations, self.clock)

    @property
    def rebill(self) -> RebillBills:
        """The use-case that proposes bills in the place of issued ones."""
        return RebillBills(self.bills, self.cancellations, self.rebills, self.clock)

    @property
    def withdraw(self) -> WithdrawBills:
        """The use-case that takes approvals back."""
        return WithdrawBills(self.bills, self.clock)

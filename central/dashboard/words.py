"""Fixed texts that pages take from the domain: states, kinds, codes and their sentences.

Templates show them by the filter `word`. They stand once, where the domain says them; here they are
gathered, so that each is in every catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from central.dashboard.present import words
from central.domain.access.policy import MEANING, Role
from central.domain.alerts.alert_rule import AlertMeasure, AlertPeriod
from central.domain.billing.bill_change import ChangeCause
from central.domain.billing.bill_question import QuestionKind
from central.domain.billing.candidate import CandidateEnd, CauseKind
from central.domain.billing.claim_conflict import ConflictKind
from central.domain.billing.correction import CorrectionState, CorrectionWay
from central.domain.billing.correction_limit import LimitCause
from central.domain.billing.correction_rule import RuleCause, RuleState
from central.domain.billing.coverage import Coverage
from central.domain.billing.invoice_xml import InvoiceXml
from central.domain.billing.negative_total import NegativeTotal
from central.domain.billing.regulator_figure import FigureName
from central.domain.billing.shadow_bill import ShadowClass
from central.domain.billing.state import BillState
from central.domain.billing.suppression import SuppressionState
from central.domain.einvoice.form import EInvoiceForm
from central.domain.metering.quality import IntervalQuality
from central.domain.notices.notice import NoticeKind
from central.domain.rating.pilot import PilotSide
from central.domain.reason_code import ReasonCode
from central.domain.vee.catalogue import KINDS as FINDINGS
from central.domain.vee.finding import Severity
from central.service.billing.reconciliation_report import ReconciledScope, covers
from central.service.billing.setting_list import LABEL
from central.service.ports.exceptions import ExceptionKind
from central.service.ports.ingest_records import FindingCode
from central.service.ports.moves import MoveKind
from central.service.ports.notices import DeliveryState
from central.service.registry.record_changes import Effect
from central.service.schedules.kinds import KINDS as JOBS
from central.service.schedules.overview import JobState
from central.service.validation.chosen_estimate import METHODS
from central.service.views.cycle_board import BillingStep
from firmware_bridge.contract.obis import NAMES
from firmware_bridge.contract.reading import Kind, Source

_ENUMS = (
    BillState, CandidateEnd, CauseKind, CorrectionState, CorrectionWay, Coverage, Effect,
    EInvoiceForm, ExceptionKind, FindingCode, InvoiceXml, JobState, LimitCause, NegativeTotal,
    ReasonCode, Role, RuleCause, RuleState, Severity, SuppressionState, FigureName, PilotSide,
    ChangeCause, BillingStep, MoveKind, DeliveryState, NoticeKind, AlertMeasure, AlertPeriod,
    QuestionKind, ShadowClass,
)  # fmt: skip
_STATES_OF_RUNS = ("running", "finished", "cancelled")
_KINDS_OF_BILLS = ("regular", "final", "credit_note", "supplementary")
_NOT_BILLED = ("NOT_DUE", "NO_BILLING_PERIOD", "PERIOD_TAKEN", "NOTHING_TO_SETTLE")
_CHAIN = ("cancels", "cancelled by", "replaces", "replaced by")
_AMOUNTS = (
    "Net", "Taxes", "Total", "Settlements", "Previous balance", "Amount due",
    "Credit in your favour",
)  # fmt: skip
_EVIDENCE = (
    "Finding", "Intervals", "Register", "Same days of other weeks", "Reasons", "Parts",
    "Earlier periods", "Other value", "Readings", "Batch", "Causes", "Meter",
    "from", "until", "message", "meter", "at", "value", "unit", "flags", "quality", "within", "day",
    "total", "at_the_time", "missing", "estimated", "point", "first", "end", "used", "per_day",
    "intervals", "found_at", "gateway", "epoch", "sequence", "code", "first_seen_at",
    "last_read_at", "UNASSIGNED_METER", "CANDIDATE", "CORRECTION_HELD",
    "Subject", "Events", "Belongs to", "subject", "events", "first_at", "last_at", "source",
    "event", "type", "EVENTS_WITHOUT_POINT",
)  # fmt: skip
"""Titles and columns of evidence, as its adapter names them, and codes of the queue alone."""
_UNITS = ("day", "days", "month", "months", "year", "years")


def domain_texts() -> Iterator[str]:
    """Each fixed text once or more often, as `present.words` spells it."""
    return map(words, _texts())


def _texts() -> Iterator[str]:
    for enum in _ENUMS:
        yield from (str(member.value) for member in enum)
    yield from MEANING.values()
    for members in (Kind, Source):
        yield from (member.name for member in members)
    for coverage in Coverage:
        yield from filter(None, [coverage.remedy])
    for kind in ConflictKind:
        yield from (kind.words, kind.meaning, kind.remedy)
    narrowed = product((None, "x"), repeat=3)
    for run, tariff, account in narrowed:
        yield from covers(ReconciledScope(run=run, tariff=tariff, account=account)).values()
    yield from (str(kind.code) for kind in FINDINGS)
    yield from (f"{job.does[0].upper()}{job.does[1:]}" for job in JOBS)
    yield from LABEL.values()
    yield from NAMES.values()
    yield from METHODS
    yield from (*_EVIDENCE, *(quality.name.lower() for quality in IntervalQuality))
    yield from (*_UNITS, *_STATES_OF_RUNS, *_KINDS_OF_BILLS, *_NOT_BILLED, *_CHAIN, *_AMOUNTS)

"""Every command, route and form that changes something leaves a row: who, what was, what is.

One utility is lived through, on memory and on every server found; each deed is done by the use-case
that its command calls, by an actor of its own name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType

from fastapi import APIRouter
from fastapi.routing import APIRoute

from central.api import routers
from central.cli.app import app
from central.dashboard import pages
from central.domain.actor import Actor
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.billing.state import BillState
from central.domain.interval_files.nem12 import read_nem
from central.domain.rating.inputs.agreement_facts import Fact
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.tariff.lookup_rules import DatedEntries, LookupTable
from central.service.billing.approve_bills import (
    ApproveBills,
    DiscardBills,
    IssueBills,
    WithdrawBills,
)
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.post_entries import AccountLedger
from central.service.billing.run_bills import RunBills
from central.service.gateways.enrolment import (
    enrol_gateway,
    move_meter,
    revoke_epoch,
    revoke_gateway,
)
from central.service.ingest.import_intervals import import_intervals
from central.service.ingest.import_readings import import_readings
from central.service.ingest.ingest import Ingest
from central.service.ingest.requeue import requeue
from central.service.ports.audit import AuditFilter
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.validation import PointChannelId
from central.service.ports.withdrawals import NamedAgreement, NamedInstallation
from central.service.rating.keep_series import keep_series
from central.service.registry.agreed_facts import AgreedAt, AgreedFactChanges
from central.service.registry.customer_file import read_customer_file
from central.service.registry.cutover_file import read_cutover_file
from central.service.registry.cycles import BillingCycles
from central.service.registry.erase_account import EraseAccount
from central.service.registry.groups import NamedGroups
from central.service.registry.holidays import PublicHolidays
from central.service.registry.import_customers import import_customers
from central.service.registry.import_cutover import import_cutover
from central.service.registry.lookup_tables import keep_table, withdraw_table
from central.service.registry.register import Enrol
from central.service.registry.withdraw import Withdraw
from central.service.validation.decisions import accept_finding, decide_conflict
from tests.integration.test_error_form import commands
from tests.support.actors import person
from tests.support.books import (
    HOURLY,
    OCTOBER,
    SEPTEMBER,
    TARIFF,
    Utility,
    memory_utility,
    month,
)
from tests.support.ingest import Edge

INTERVALS = read_nem(
    [
        "100,NEM12,202610020000,MDA1,Ret1\n",
        "200,NMI1,E1,1,E1,N1,M1,kWh,60,\n",
        f"300,20261001,{','.join(['1.5'] * 24)},A,,,20261002000000,\n",
        "900\n",
    ]
)
NOTHING = {
    *("intervals convert", "intervals show"),
    *("audit list", "audit verify", "bill conflicts", "bill list", "bill show", "bill summary"),
    *("bill shadow", "bill suppressed", "bill questions"),
    *(
        "conflict list",
        "correction candidates",
        "correction limits",
        "correction list",
        "correction preview",
        "correction rules",
        "correction show",
        "checks list",
        "checks policy show",
        "checks policy trial",
        "cycle list",
        "cycle show",
        "exceptions counts",
        "exceptions list",
        "exceptions orders",
        "exceptions show",
    ),
    *("broker rules", "doctor", "figures", "finding list", "gateway epochs"),
    *("gateway certificates", "gateway proof"),
    *("bill einvoice", "fiscal show", "fiscal verify"),
    *("user list", "api-key list"),
    *("events list", "events meters", "events show", "events waiting", "subjects list"),
    *("gateway remote", "group list", "group show", "holidays list", "ledger list"),
    *(
        "ledger show",
        "ledger trace",
        "move list",
        "alert list",
        "alert rules",
        "consumption changes",
        "consumption losses",
        "consumption profile",
        "consumption show",
        "so-far",
        "invoicing deliveries",
        "invoicing show",
        "notice endpoints",
        "notice list",
        "notice rules",
        "notice show",
        "pilot list",
        "pilot show",
        "quarantine list",
        "rate",
        "reconcile",
        "registry history",
        "retention floors",
        "retention holds",
        "retention preview",
        "retention receipts",
        "retention rules",
    ),
    *(
        "schedule list",
        "session list",
        "settings show",
        "status",
        "allocation days",
        "allocation list",
        "table list",
        "tariff check",
        "tariff import-urdb",
        "tariff library",
        "tariff list",
        "tariff new",
        "tariff try",
        "unbilled charges",
        "unbilled list",
        "unbilled show",
        "vee policy show",
        "vee policy trial",
        "vee rules",
        "vee storms",
        "vee versions",
    ),
}
"""What changes nothing that the centre keeps."""
ELSEWHERE = {
    "demo": "runs the others",
    "migrate": "changes the tables and nothing that they say; the log may not be there yet",
    "ingest": "stores what gateways send, each batch with its gateway",
    "worker": "its jobs are those of below, as the actor job:NAME",
    "serve": "its routes and forms are those of below",
    "unbilled refresh": "keeps what was rated, as the job of the same name does",
    "validate": "closes days by the rules; each block has its version and evidence",
    "backup": "needs a database: test_backup.py",
    "restore": "needs a database: test_backup.py",
    "bill pdf": "renders what was fixed when the bill was issued",
    "bill render": "renders what was fixed when the bill was issued",
    "fiscal cancel": "needs a database: test_fiscal_register.py",
    "fiscal use": "needs a database: test_fiscal_register.py",
    "broker bring": "gives the broker what was audited when a gateway was enrolled or revoked",
    "gateway invite": "needs a database: test_gateway_claims.py",
    "gateway signing": "needs a database: test_signed_batches.py",
    "gateway make-authority": "writes files of whoever asks",
    "gateway make-key": "writes a file of whoever asks",
    "gateway revocation-list": "writes a file of whoever asks",
    "gateway configure": "leaves a signed message at the broker, and opens no database",
    "gateway update": "leaves a signed message at the broker, and opens no database",
    "import book": "the former name of import customers",
    "bill decide-conflict": "needs bills of an earlier release: test_claims_brought_over.py",
    "session revoke": "ends sign-ins of browsers: test_sign_in.py",
    "user add": "needs a database: test_people.py",
    "user disable": "needs a database: test_people.py",
    "user enable": "needs a database: test_people.py",
    "user invite": "needs a database: test_people.py",
    "user link": "needs a database: test_provider_sign_in.py",
    "user reset-second-factor": "needs a database: test_second_factor.py",
    "user roles": "needs a database: test_people.py",
    "api-key give": "needs a database: test_people.py",
    "api-key revoke": "needs a database: test_people.py",
    "bill cancel": "needs a database: test_cancel_faces.py",
    "bill approve-suppression": "needs a service that is not billed yet: test_suppressed.py",
    "bill ask": "needs an issued bill: test_bill_questions.py",
    "bill answer": "needs an issued bill: test_bill_questions.py",
    "bill lift": "needs a service that is not billed yet: test_suppressed.py",
    "bill suppress": "needs a service that is not billed yet: test_suppressed.py",
    "correction approve": "needs a database: test_adjustments.py",
    "correction approve-rule": "needs a database: test_candidates.py",
    "retention delete": "needs a database: test_retention_rules.py",
    "retention enter-rule": "needs a database: test_retention_rules.py",
    "retention hold": "needs a database: test_retention_rules.py",
    "retention raise-floor": "needs a database: test_retention_floors.py",
    "retention resume": "needs a database: test_retention_rules.py",
    "retention lift": "needs a database: test_retention_rules.py",
    "correction enter-limit": "needs a database: test_correction_limits.py",
    "correction enter-rule": "needs a database: test_candidates.py",
    "correction withdraw-rule": "needs a database: test_candidates.py",
    "correction decide": "needs a database: test_adjustments.py",
    "correction rebill": "needs a database: test_cancel_faces.py",
    "correction withdraw": "needs a database: test_adjustments.py",
    "move change-agreement": "needs a database: test_moves.py, test_move_faces.py",
    "move exchange-meter": "needs a database: test_moves.py, test_move_faces.py",
    "ledger import": "posts each line as `ledger post` does: test_ledger_faces.py",
    "events cancel": "needs a database: test_usage_faces.py",
    "events import": "needs a database: test_usage_faces.py",
    "events set-meter": "needs a database: test_usage_faces.py",
    "events withdraw-meter": "needs a database: test_usage_faces.py",
    "subjects assign": "needs a database: test_usage_faces.py",
    "subjects withdraw": "needs a database: test_usage_faces.py",
    "move in": "needs a database: test_moves.py, test_move_faces.py",
    "move out": "needs a database: test_moves.py, test_move_faces.py",
    "move undo": "needs a database: test_moves.py, test_move_faces.py",
    "alert set-rule": "needs a database: test_alerts.py",
    "invoicing account": "needs a database: test_invoice_delivery.py",
    "invoicing bounced": "needs a database: test_invoice_delivery.py",
    "invoicing point": "needs a database: test_invoice_delivery.py",
    "invoicing print-file": "needs a database: test_print_file.py",
    "invoicing resend": "needs a database: test_invoice_delivery.py",
    "invoicing seller": "needs a database: test_invoice_delivery.py",
    "notice exchange-secret": "needs a database: test_notice_faces.py",
    "notice resend": "needs a database: test_notice_faces.py",
    "notice set-endpoint": "needs a database: test_notice_faces.py",
    "notice set-rule": "needs a database: test_notice_faces.py",
    "notice test": "needs a database: test_notice_faces.py",
    "pilot run": "needs a database: test_pilots.py",
    "pilot set": "needs a database: test_pilots.py",
    "schedule pause": "changes a schedule as `schedule set` does",
    "schedule remove": "on every store: test_schedules.py, and the faces: test_schedule_faces.py",
    "schedule resume": "changes a schedule as `schedule set` does",
    "schedule run": "on every store: test_schedules.py, and the faces: test_schedule_faces.py",
    "schedule set": "on every store: test_schedules.py, and the faces: test_schedule_faces.py",
    "checks policy set": "needs a database: test_bill_checks.py",
    "exceptions accept": "needs a database: test_exceptions.py",
    "exceptions assign": "needs a database: test_exceptions.py",
    "exceptions assign-point": "needs a database: test_waiting_subjects.py",
    "exceptions decide": "needs a database: test_exceptions.py",
    "exceptions dismiss": "needs a database: test_waiting_subjects.py",
    "exceptions edit": "needs a database: test_exception_days.py",
    "exceptions estimate": "needs a database: test_exception_days.py",
    "exceptions field-order": "needs a database: test_exceptions.py",
    "exceptions release": "needs a database: test_exceptions.py",
    "exceptions rerun": "needs a database: test_exceptions.py",
    "exceptions suppress": "needs a database: test_exceptions.py",
    "allocation set": "needs a database: test_allocations.py",
    "allocation withdraw": "needs a database: test_allocations.py",
    "vee edit": "needs a database: test_decided_days.py",
    "vee estimate": "needs a database: test_decided_days.py",
    "vee restore": "needs a database: test_decided_days.py",
    "vee end-storm": "needs a database: test_policies.py",
    "vee policy set": "needs a database: test_policies.py",
    "vee start-storm": "needs a database: test_policies.py",
}
"""What leaves no row here, and why."""
FORMS_AND_ROUTES = {
    "/me/keys": "api-key give",
    "/me/keys/{key}/revoke": "api-key revoke",
    "/me/sessions/{session}/revoke": "session revoke",
    "/keys/{key}/revoke": "api-key revoke",
    "/sessions/{session}/revoke": "session revoke",
    "/people": "user add",
    "/people/{person}/disable": "user disable",
    "/people/{person}/enable": "user enable",
    "/people/{person}/invite": "user invite",
    "/people/{person}/reset-second-factor": "user reset-second-factor",
    "/me/second-factor": "user reset-second-factor",
    "/me/second-factor/confirm": "user reset-second-factor",
    "/me/second-factor/end": "user reset-second-factor",
    "/people/{person}/roles": "user roles",
    "/people/keys/{key}/revoke": "api-key revoke",
    "/people/sessions/{session}/revoke": "session revoke",
    "/enrolment/claim": "gateway invite",
    "/enrolment/renew": "gateway invite",
    "/gateways": "gateway enrol",
    "/gateways/{gateway}/revoke": "gateway revoke",
    "/readings": "import readings",
    "/accounts": "account",
    "/account-cycles": "cycle assign",
    "/accounts/erase": "account erase",
    "/accounts/{account}/rebill": "correction rebill",
    "/agreements": "agreement",
    "/agreements/facts": "agreement fact",
    "/agreements/facts/withdraw": "agreement withdraw-fact",
    "/agreements/withdraw": "agreement withdraw",
    "/audit/check": "audit verify",
    "/exceptions/do": "exceptions accept",
    "/bill-runs": "bill run",
    "/runs": "bill run",
    "/runs/{run}/calculate": "bill run",
    "/bill-runs/{run}/approve": "bill approve",
    "/bill-runs/{run}/issue": "bill issue",
    "/bill-questions/{question}/answer": "bill answer",
    "/bills/{bill}/lines/{number}/questions": "bill ask",
    "/bills/{bill}/questions": "bill ask",
    "/accounts/{account}/alerts": "alert set-rule",
    "/accounts/{account}/alerts/end": "alert set-rule",
    "/bills/cancel": "bill cancel",
    "/bills/{bill}/approve": "bill approve",
    "/bills/{bill}/cancel": "bill cancel",
    "/bills/{bill}/rebill": "correction rebill",
    "/bills/{bill}/discard": "bill discard",
    "/bills/{bill}/issue": "bill issue",
    "/bills/{bill}/withdraw": "bill withdraw",
    "/shadow-bills": "bill shadow",
    "/tariff-editor/check": "tariff check",
    "/tariff-editor/publish": "tariff add",
    "/tariff-editor/try": "tariff try",
    "/exceptions/accept": "exceptions accept",
    "/exceptions/assign": "exceptions assign",
    "/exceptions/assign-point": "exceptions assign-point",
    "/exceptions/decide": "exceptions decide",
    "/exceptions/dismiss": "exceptions dismiss",
    "/exceptions/edit": "exceptions edit",
    "/exceptions/estimate": "exceptions estimate",
    "/exceptions/field-order": "exceptions field-order",
    "/exceptions/release": "exceptions release",
    "/exceptions/rerun": "exceptions rerun",
    "/exceptions/suppress": "exceptions suppress",
    "/point-channels/{channel}/edits": "vee edit",
    "/point-channels/{channel}/estimates": "vee estimate",
    "/point-channels/{channel}/restorations": "vee restore",
    "/suppressed-periods": "bill suppress",
    "/suppressed-periods/{suppression}/approve": "bill approve-suppression",
    "/suppressed-periods/{suppression}/lift": "bill lift",
    "/candidates/{uid}": "correction decide",
    "/claim-conflicts/{conflict}/decide": "bill decide-conflict",
    "/correction-limits": "correction enter-limit",
    "/correction-rules": "correction enter-rule",
    "/correction-rules/{name}/{version}/approve": "correction approve-rule",
    "/correction-rules/{name}/{version}/withdraw": "correction withdraw-rule",
    "/corrections": "correction decide",
    "/corrections/{correction}/approve": "correction approve",
    "/corrections/{correction}/withdraw": "correction withdraw",
    "/cycle-lists": "cycle import",
    "/cycle-lists/extend": "cycle extend",
    "/cycles": "cycle add",
    "/cycles/extend": "cycle extend",
    "/cycles/lists": "cycle import",
    "/cycles/{name}/accounts": "cycle assign",
    "/groups": "group add",
    "/groups/{group}/members": "group assign",
    "/groups/{group}/members/remove": "group remove",
    "/groups/{name}/members": "group assign",
    "/groups/{name}/members/remove": "group remove",
    "/installations": "installation",
    "/installations/withdraw": "installation withdraw",
    "/accounts/{account}/invoicing": "invoicing account",
    "/bills/{bill}/deliveries": "invoicing resend",
    "/invoice-deliveries/{delivery}/bounce": "invoicing bounced",
    "/invoicing/seller": "invoicing seller",
    "/service-points/{point}/invoicing": "invoicing point",
    "/ledger": "ledger post",
    "/moves/agreement-change": "move change-agreement",
    "/moves/in": "move in",
    "/moves/meter-exchange": "move exchange-meter",
    "/moves/out": "move out",
    "/moves/{move}/undo": "move undo",
    "/alert-rules": "alert set-rule",
    "/notice-deliveries/{delivery}/resend": "notice resend",
    "/notice-endpoints": "notice set-endpoint",
    "/notice-endpoints/{endpoint}/secrets": "notice exchange-secret",
    "/notice-endpoints/{endpoint}/test": "notice test",
    "/notice-rules": "notice set-rule",
    "/pilots": "pilot set",
    "/pilots/{name}/run": "pilot run",
    "/runs/{run}/approve": "bill approve",
    "/runs/{run}/issue": "bill issue",
    "/schedules/{name}": "schedule set",
    "/schedules/{name}/run": "schedule run",
    "/seller": "seller",
    "/service-points": "service point",
    "/schedules": "schedule set",
    "/settings": "settings set",
    "/settings/seller": "seller",
    "/usage-events": "events import",
    "/usage-subjects": "subjects assign",
    "/allocations": "allocation set",
    "/allocations/{point}/{first}/withdraw": "allocation withdraw",
    "/tables": "table add",
    "/tables/{name}/{since}/withdraw": "table withdraw",
    "/tariffs": "tariff add",
    "/tariffs/{tariff}/{effective}/withdraw": "tariff withdraw",
}
"""The command, or the part of `import customers`, that does the same as a route or form."""
PARTS = {"account", "agreement", "installation", "seller", "service point"}
CUSTOMERS = """\
seller: {name: Valle Power}
accounts: [{number: A-9, name: Ada}]
"""
CUTOVER = """\
accounts:
  - {number: A-2, balance: -12.40, points: [{point: SP-2, last_billed: 2026-09-30}]}
"""
READINGS = "manufacturer,serial,obis,at,value,unit\nMTL,S9,1.8.0,2026-10-20T00:00:00Z,99,Wh\n"
HOLIDAYS = TARIFF.replace("tariff: HOME", "tariff: FEAST").replace(
    "  days: {work: mon-fri, weekend: rest}\n",
    "  holidays: {country: ES, subdivision: MD}\n"
    "  days: {off_day: holidays, work: mon-fri, weekend: rest}\n",
)
CYCLE = Cycle.parse("2026-10")
FEAST = date(2026, 12, 3)
FACT = Fact("contracted", Decimal(5), OCTOBER)
LIST = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 4)]
WHY = "a test of the log"


Deed = Callable[[Actor], Awaitable[object]]


class Office:
    """Whoever does one thing after another at a small utility, each by a use-case.

    Args:
        utility: Its stores.
        folder: For files.
    """

    def __init__(self, utility: Utility, folder: Path) -> None:
        self.utility = utility
        self.folder = folder
        self.edge = Edge("gw-2")
        self.agreement = NamedAgreement("A-3", "SP-3", date(2026, 9, 1))

    def now(self) -> datetime:
        return self.utility.now

    def file(self, text: str, suffix: str = "yaml") -> Path:
        path = self.folder / f"given.{suffix}"
        path.write_text(text, encoding="utf-8")
        return path

    def enrol(self, actor: Actor) -> Enrol:
        return Enrol(self.utility.registry, actor, self.now)

    def groups(self, actor: Actor) -> NamedGroups:
        return NamedGroups(self.utility.registry, actor, self.now, WHY)

    def cycles(self, actor: Actor) -> BillingCycles:
        return BillingCycles(self.utility.registry, actor, self.now, WHY)

    def facts(self, actor: Actor) -> AgreedFactChanges:
        return AgreedFactChanges(self.utility.registry, actor, self.now)

    def withdraw(self, actor: Actor) -> Withdraw:
        return Withdraw(self.utility.registry, actor, self.now)

    def holidays(self, actor: Actor) -> PublicHolidays:
        return PublicHolidays(self.utility.registry, actor, self.now)

    def note(self, actor: Actor) -> DecisionNote:
        return DecisionNote(actor, WHY, self.now())

    async def bill_run(self, actor: Actor) -> None:
        self.run = (await RunBills(self.utility.billing, self.now)(CYCLE, actor)).run

    async def discard(self, actor: Actor) -> None:
        uid = (await self.utility.billing.heads(self.run))[0].uid
        await DiscardBills(self.utility.billing, self.now)([uid], actor, WHY)

    async def withdraw_bills(self, actor: Actor) -> None:
        heads = await self.utility.billing.heads(self.run)
        uids = [head.uid for head in heads if head.state is BillState.APPROVED]
        await WithdrawBills(self.utility.billing, self.now)(uids, actor, WHY)

    async def begin(self) -> None:
        """Three customers; one month is there, one register twice, and a hole is estimated."""
        edge = await self.utility.found(customers=3, period_s=HOURLY)
        await self.utility.enrol.tariff(HOLIDAYS)
        readings = month(period_s=HOURLY, gaps={100: 1})
        await self.utility.deliver(edge, readings, [replace(readings[40], mantissa=5010)])
        await self.utility.validate()

    async def customers(self, actor: Actor) -> None:
        file, tariffs = read_customer_file(self.file(CUSTOMERS))
        await import_customers(self.utility.registry, self.enrol(actor), file, tariffs, WHY)

    async def decide(self, actor: Actor) -> None:
        decisions = self.utility.decisions
        (conflict,) = await decisions.conflicts(10)
        await decide_conflict(decisions, conflict.id, Choice.KEEP, self.note(actor))
        await self.utility.validate()

    async def accept(self, actor: Actor) -> None:
        utility = self.utility
        found = await utility.validation.open_findings(PointChannelId(1))
        number = next(one.id for one in found if one.code == "ESTIMATED_LINEAR")
        name = f"v{number}"
        await accept_finding(utility.decisions, utility.validation, name, self.note(actor))

    async def quarantined(self, actor: Actor) -> None:
        await enrol_gateway(self.utility.gateways, "gw-2", actor, self.now)
        await self.utility.deliver(self.edge, month(period_s=HOURLY)[4:8])

    async def erase(self, actor: Actor) -> None:
        await EraseAccount(self.utility.registry, self.utility.settings, actor, self.now)(
            "A-9", WHY
        )

    def deeds(self) -> dict[str, tuple[str, Deed]]:
        """By command: the action that its row names, and how it is done."""
        utility, now = self.utility, self.now
        gateways, series = utility.gateways, utility.series
        prices = PriceSeries("ES.DA", SEPTEMBER, 3600, tuple(range(24)), -3)
        table = LookupTable("vat", (), "percent", (DatedEntries(OCTOBER, (((), Decimal(21)),)),))
        payment = LedgerEntry("p", "A-1", EntryKind.PAYMENT, OCTOBER, "EUR", Decimal(1))
        quarterly = BillingCycle("quarterly", date(2026, 1, 1), 3)
        meter = NamedInstallation("SP-3", "MTL", "S3", SEPTEMBER)
        cutover = read_cutover_file(self.file(CUTOVER))
        later = TARIFF.replace("2026-01-01", "2027-01-01")

        async def extend(actor: Actor) -> None:
            utility.now += timedelta(days=200)
            await self.cycles(actor).extend()
            utility.now -= timedelta(days=200)

        return {
            "import customers": ("account.added", self.customers),
            "import cutover": ("cutover", lambda who: import_cutover(self.enrol(who), cutover)),
            "import series": ("series", lambda who: keep_series(series, prices, who, clock=now)),
            "table add": ("table.kept", lambda who: keep_table(series, table, who, clock=now)),
            "table withdraw": (
                "table.kept",
                lambda who: withdraw_table(series, "vat", OCTOBER, who, WHY, clock=now),
            ),
            "tariff add": ("tariff.added", lambda who: self.enrol(who).tariff(later)),
            "tariff withdraw": (
                "tariff",
                lambda who: self.enrol(who).withdraw_tariff("HOME", date(2027, 1, 1), WHY),
            ),
            "agreement fact": (
                "agreement",
                lambda who: self.facts(who).set(AgreedAt("A-1", "SP-1"), FACT, WHY),
            ),
            "agreement withdraw-fact": (
                "agreement",
                lambda who: self.facts(who).withdraw(
                    AgreedAt("A-1", "SP-1"), FACT.name, FACT.effective, WHY
                ),
            ),
            "cycle add": ("cycle.added", lambda who: self.cycles(who).add(quarterly)),
            "cycle extend": ("cycle.extended", extend),
            "cycle import": (
                "cycle.list_added",
                lambda who: self.cycles(who).put_lists([BillingCycle.by_hand("odd", LIST)]),
            ),
            "cycle assign": (
                "account.cycle",
                lambda who: self.cycles(who).assign("A-9", "quarterly", date(2027, 1, 1)),
            ),
            "group add": (
                "group.added",
                lambda who: self.groups(who).add(GroupRecord("route", GroupOf.ACCOUNT)),
            ),
            "group assign": (
                "group.member",
                lambda who: self.groups(who).assign("route", Membership("A-1", OCTOBER)),
            ),
            "group remove": (
                "group.member_left",
                lambda who: self.groups(who).remove("route", "A-1", date(2026, 10, 9)),
            ),
            "holidays seed": ("holidays.added", lambda who: self.holidays(who).seed()),
            "holidays change": (
                "holidays.changed",
                lambda who: self.holidays(who).change("ES-MD", {FEAST: "Feast"}, [], WHY),
            ),
            "holidays withdraw": (
                "holidays",
                lambda who: self.holidays(who).withdraw("ES-MD", FEAST.year, WHY),
            ),
            "settings set": (
                "billing_settings",
                lambda who: ChangeSettings(utility.settings, now)(
                    SettingsChange(due_days=30), who, WHY
                ),
            ),
            "ledger post": (
                "ledger",
                lambda who: AccountLedger(utility.ledger, utility.billing, now).post(
                    payment, who, WHY
                ),
            ),
            "finding accept": ("finding", self.accept),
            "conflict decide": ("conflict", self.decide),
            "gateway enrol": ("gateway.enrolled", self.quarantined),
            "gateway move-meter": (
                "meter",
                lambda who: move_meter(gateways, "MTL", "S1", "gw-2", who, now),
            ),
            "quarantine requeue": (
                "batch",
                lambda who: requeue(utility.ingest, now, who),
            ),
            "import readings": (
                "readings",
                lambda who: import_readings(
                    Ingest(utility.ingest, now), "gw-1", READINGS, who, now
                ),
            ),
            "import intervals": (
                "readings",
                lambda who: import_intervals(
                    Ingest(utility.ingest, now), "gw-1", INTERVALS, b"\1" * 32, who, now
                ),
            ),
            "gateway revoke-epoch": (
                "epoch",
                lambda who: revoke_epoch(gateways, "gw-2", self.edge.epoch, who, now),
            ),
            "gateway revoke": (
                "gateway.revoked",
                lambda who: revoke_gateway(gateways, "gw-2", who, now),
            ),
            "agreement withdraw": (
                "agreement.withdrawn",
                lambda who: self.withdraw(who).agreement(self.agreement, WHY),
            ),
            "installation withdraw": (
                "installation.withdrawn",
                lambda who: self.withdraw(who).installation(meter, WHY),
            ),
            "bill run": ("run.started", self.bill_run),
            "bill run, again": ("run.continued", self.bill_run),
            "bill discard": ("bill.discarded", self.discard),
            "bill run, a third time": ("run.continued", self.bill_run),
            "bill approve": (
                "bill.approved",
                lambda who: ApproveBills(utility.billing, now).run(self.run, who),
            ),
            "bill withdraw": ("bill.withdrawn", self.withdraw_bills),
            "bill approve, again": (
                "bill.approved",
                lambda who: ApproveBills(utility.billing, now).run(self.run, who),
            ),
            "bill issue": (
                "bill.issued",
                lambda who: IssueBills(utility.billing, now).run(self.run, who),
            ),
            "account erase": ("account.erased", self.erase),
        }


async def test_every_command_that_changes_something_leaves_a_row(
    utility: Utility, tmp_path: Path
) -> None:
    office = Office(utility, tmp_path)
    await office.begin()
    silent, mute = [], []
    for words, (action, deed) in office.deeds().items():
        actor = person(words.replace(" ", "-"))
        await deed(actor)
        done = await utility.audit.rows(AuditFilter(actor=actor.key, action=action), 9)
        if not done:
            silent.append(words)
        if not all({"old", "new"} <= set(row.detail) and row.detail["new"] for row in done):
            mute.append(words)
    assert silent == []
    assert mute == []


async def test_every_command_is_known_to_change_something_or_not(tmp_path: Path) -> None:
    async with memory_utility() as utility:
        deeds = {words.split(",")[0] for words in Office(utility, tmp_path).deeds()}
    assert not deeds & NOTHING
    there = {words for words, _ in commands(app)}
    assert there == deeds | NOTHING | set(ELSEWHERE)
    assert set(FORMS_AND_ROUTES.values()) <= there | PARTS


def test_every_route_and_form_that_changes_something_does_what_a_command_does() -> None:
    assert set(writing(routers)) | set(writing(pages)) == set(FORMS_AND_ROUTES)


def writing(package: ModuleType) -> Iterator[str]:
    """Paths of a package's routers that are sent something."""
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for router in vars(importlib.import_module(module.name)).values():
            if isinstance(router, APIRouter):
                yield from (
                    route.path
                    for route in router.routes
                    if isinstance(route, APIRoute) and (route.methods or set()) - {"GET", "HEAD"}
                )

"""What a check of the installation finds, and the judgement of what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from central.service.ports.installation import InstallationFacts
from central.service.ports.watch import CentreState

OLDEST_SERVER: Final = 15
_BACKUP_OLD: Final = timedelta(hours=26)
_WORKER_SILENT: Final = timedelta(minutes=5)
_SEAL_LATE: Final = timedelta(minutes=5)
_RUN_IDLE: Final = timedelta(hours=1)
_CERTIFICATE_SHORT: Final = timedelta(days=30)
_PER_MAJOR = 10_000


class Verdict(StrEnum):
    """How a step of the installation is."""

    OK = "ok"
    WARN = "look"
    """It works; somebody should look at it."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Checked:
    """A step of the installation that was checked.

    Args:
        step: What was checked, such as `database`.
        verdict: How it is.
        text: One sentence.
        remedy: What to do; empty where nothing is to be done.
    """

    step: str
    verdict: Verdict
    text: str
    remedy: str = ""


def good(step: str, text: str) -> Checked:
    """A step that is as it should be."""
    return Checked(step, Verdict.OK, text)


def warn(step: str, text: str, remedy: str) -> Checked:
    """A step that works and is to be looked at."""
    return Checked(step, Verdict.WARN, text, remedy)


def bad(step: str, text: str, remedy: str) -> Checked:
    """A step that keeps the centre from its work."""
    return Checked(step, Verdict.FAIL, text, remedy)


def judge_database(facts: InstallationFacts) -> Iterator[Checked]:
    """Judge how the database is set up."""
    major = facts.server // _PER_MAJOR
    if major < OLDEST_SERVER:
        text = f"The server is PostgreSQL {major}."
        yield bad("server", text, f"Upgrade it to PostgreSQL {OLDEST_SERVER} or newer.")
    elif facts.timescaledb is None:
        yield good("server", f"PostgreSQL {major}, without TimescaleDB.")
    else:
        yield good("server", f"PostgreSQL {major} with TimescaleDB {facts.timescaledb}.")
    if facts.owned:
        text = f"The application's role owns {facts.owned} tables, so it may change their guards."
        yield bad(
            "roles", text, "REASSIGN OWNED BY meterline_app TO the owner, as an administrator."
        )
    elif facts.is_superuser:
        yield warn(
            "roles",
            "The services sign in as a superuser of the database.",
            "Name the role meterline_app in METERLINE_DATABASE, and give it a password.",
        )
    else:
        yield good("roles", "The services sign in as a role that owns nothing.")


def judge_entered(facts: InstallationFacts) -> Iterator[Checked]:
    """Judge what was entered on the way to the first bill."""
    for step, is_there, there, missing, remedy in (
        (
            "gateways",
            facts.gateways,
            f"{facts.gateways} gateways are enrolled.",
            "No gateway is enrolled.",
            "`meterline-central gateway enrol NAME`",
        ),
        (
            "tariffs",
            facts.has_tariff,
            "There are tariffs.",
            "There is no tariff.",
            "`meterline-central tariff new`, then `tariff add`",
        ),
        (
            "customers",
            facts.has_agreement,
            "There are customers with agreements.",
            "No customer has an agreement.",
            "`meterline-central import customers FILE`",
        ),
        (
            "seller",
            facts.has_seller,
            "It is known who bills.",
            "It is not known who bills: no bill can be issued.",
            "Name the seller in the file of customers, or on the page Settings.",
        ),
    ):
        yield good(step, there) if is_there else warn(step, missing, remedy)


def judge_centre(state: CentreState) -> Iterator[Checked]:
    """Judge how the centre stands."""
    now, counted = state.seen_at, state.unclosed_counted_at
    if counted is None or now - counted > _WORKER_SILENT:
        since = "never" if counted is None else f"last at {counted:%Y-%m-%d %H:%M:%S%z}"
        yield bad(
            "worker",
            f"No worker is at work: days were counted {since}.",
            "Start `meterline-central worker`, or see what its log ends with.",
        )
    else:
        yield good("worker", "A worker is at work.")
    if state.jobs_given_up:
        yield bad(
            "jobs",
            f"{state.jobs_given_up} jobs of the last seven nights were given up.",
            "`meterline-central schedule list` has the errors; `schedule run NAME` does one again.",
        )
    else:
        yield good("jobs", "No job of the last seven nights was given up.")
    if state.unsealed_for > _SEAL_LATE:
        text = f"{state.unsealed} rows of the audit log have no seal."
        yield bad("audit log", text, "See the log of the workers (audit_not_sealed).")
    else:
        yield good("audit log", "Every row of the audit log is sealed.")
    if state.shards_open and state.runs_idle_for > _RUN_IDLE:
        text = f"A bill run has done nothing for {state.runs_idle_for}."
        yield warn("bill runs", text, "Start it again: `meterline-central bill run` goes on.")
    else:
        yield good("bill runs", f"{state.runs_open} bill runs are open, and none stands still.")
    if state.documents_failed:
        text = f"{state.documents_failed} invoices cannot be rendered."
        yield warn("invoices", text, "See the log of the workers (document_not_rendered).")
    else:
        yield good("invoices", f"{state.documents_waiting} invoices wait to be rendered.")
    yield _judge_certificates(state)
    if state.backup_at is None or now - state.backup_at > _BACKUP_OLD:
        when = "never" if state.backup_at is None else f"last at {state.backup_at:%Y-%m-%d %H:%M}"
        text = f"A backup was taken {when}."
        yield warn("backups", text, "`meterline-central backup FOLDER`, each night.")
    else:
        yield good("backups", f"A backup was taken at {state.backup_at:%Y-%m-%d %H:%M}.")


def _judge_certificates(state: CentreState) -> Checked:
    if state.certificates_ended or state.certificates_ending:
        text = (
            f"The certificates of {state.certificates_ended} gateways have ended, of"
            f" {state.certificates_ending} they soon end and were not renewed."
        )
        remedy = "See whether they reach the centre; `gateway invite NAME` gives a new code."
        judge = bad if state.certificates_ended else warn
        return judge("gateways' certificates", text, remedy)
    return good("gateways' certificates", "None has ended or is late to be renewed.")


def judge_certificate(
    step: str, until: datetime, now: datetime, short: timedelta = _CERTIFICATE_SHORT
) -> Checked:
    """Judge until when a certificate is valid.

    Args:
        step: Whose it is.
        until: When it ends.
        now: Aware.
        short: What is left where somebody should look.
    """
    left = until - now
    if left <= timedelta(0):
        return bad(step, f"It expired at {until:%Y-%m-%d}.", "Have a new one signed, and restart.")
    if left < short:
        text = f"It expires in {left.days} days, at {until:%Y-%m-%d}."
        return warn(step, text, "Have a new one signed before that.")
    return good(step, f"It is valid until {until:%Y-%m-%d}.")

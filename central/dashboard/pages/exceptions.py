"""The queue of what waits for a clerk: what it is, what it rests on, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.evidence_chart import draw_intervals
from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.language import chosen_language
from central.dashboard.page import ROWS, asked, cursor, pages_of
from central.domain.reason_code import ReasonCode
from central.domain.vee.finding import Severity
from central.service.exceptions.accept import accept, decide
from central.service.exceptions.actions import Action, act
from central.service.exceptions.assign import assign, suppress
from central.service.exceptions.edit import edit
from central.service.exceptions.estimate import estimate
from central.service.exceptions.field_order import field_order
from central.service.exceptions.release import release
from central.service.exceptions.rerun import rerun
from central.service.exceptions.show import show_exception
from central.service.exceptions.subject_events import assign_point, dismiss
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import (
    ExceptionFilter,
    ExceptionKey,
    ExceptionKind,
    ExceptionRow,
)
from central.service.validation.chosen_estimate import METHODS, ChosenEstimate

Member = TypeVar("Member", bound=StrEnum)
router = APIRouter(include_in_schema=False)
NOBODY = "-"
"""As owner in an address: those that nobody has."""
_PAGE = "/exceptions"
_AGES = (1, 3, 7, 30)
_TEXT_MAX = 200
_INTERVAL = "at "


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a form asks to be done.

    Args:
        do: The action's name.
        keys: About which exceptions.
        reason: Why, in words.
        code: Why, to be counted.
    """

    do: str
    keys: tuple[ExceptionKey, ...]
    reason: str
    code: ReasonCode


@router.get(_PAGE)
async def exceptions(request: Request) -> Response:
    """What waits, the oldest first, fifty at a time."""
    pages = pages_of(request)
    queue = pages.services.exceptions
    given = {
        name: asked(request, name, _TEXT_MAX)
        for name in ("kind", "severity", "code", "owner", "older", "subject", "hidden")
    }
    return pages.render(
        request,
        "exceptions.html",
        rows=await queue.page(_filter(given, pages.now()), cursor(request), ROWS),
        counts=await queue.counts(),
        given=given,
        ticked=bool(asked(request, "all")),
        kinds=list(ExceptionKind),
        severities=[Severity.CRITICAL, Severity.WARNING],
        ages=_AGES,
        reasons=list(ReasonCode),
        methods=list(METHODS),
        nobody=NOBODY,
        subject_of=subject_address,
    )


@router.post(f"{_PAGE}/do")
async def do(request: Request) -> Response:
    """Do one thing about some exceptions, or say what it would do."""
    pages, form = pages_of(request), await SentForm.of(request)
    sent = _sent(form)
    chosen = _action(sent.do, form, pages.now().date())
    note = ActionNote(DecisionNote(request.state.actor, sent.reason, pages.now()), sent.code)
    keep = not form.has("preview")
    outcomes = await act(pages.services.actions, sent.keys, chosen, note, keep=keep)
    return pages.render(
        request,
        "exception_outcome.html",
        outcomes=outcomes,
        keep=keep,
        do=sent.do,
        fields=form.pairs("csrf_token", "preview"),
        refused=[outcome for outcome in outcomes if outcome.code is not None],
    )


@router.get(_PAGE + "/{exception}")
async def exception(request: Request, exception: str) -> Response:
    """One, with what it rests on."""
    pages = pages_of(request)
    key = ExceptionKey.parse(exception)
    document = await show_exception(pages.services.exceptions, pages.services.evidence, key)
    tables = document.evidence.tables
    return pages.render(
        request,
        "exception.html",
        row=document.row,
        tables={title: rows for title, rows in tables.items() if rows},
        columns={
            title: list(dict.fromkeys(n for row in rows for n in row))
            for title, rows in tables.items()
        },
        drawing=draw_intervals(tables.get("Intervals", ()), chosen_language(request)),
        intervals=[row for row in tables.get("Intervals", ()) if row["within"]],
        actions=document.actions,
        reasons=list(ReasonCode),
        methods=list(METHODS),
        choices=list(Choice),
        subject_of=subject_address,
        interval=_INTERVAL,
    )


def subject_address(row: ExceptionRow) -> str | None:
    """Where what an exception is about is shown; None where no page shows it."""
    subject = row.subject
    match row.key.kind:
        case ExceptionKind.FINDING:
            return f"/points?{urlencode({'q': subject})}"
        case ExceptionKind.BILL:
            return f"/accounts?{urlencode({'q': subject.partition('/')[0]})}"
        case ExceptionKind.CONFLICT | ExceptionKind.METER:
            return (
                f"/meters/{row.key.number}"
                if row.key.kind is ExceptionKind.METER
                else f"/meters?{urlencode({'q': subject.rpartition('/')[2]})}"
            )
        case ExceptionKind.QUARANTINE | ExceptionKind.REPORT:
            return f"/gateways/{subject}" if subject else None
        case ExceptionKind.CANDIDATE:
            return "/candidates"
        case ExceptionKind.SUBJECT:
            return None


def _filter(given: Mapping[str, str], now: datetime) -> ExceptionFilter:
    """What the address asks for; what it says wrongly is refused.

    Raises:
        FieldRefusedError: A field is not what belongs there.
    """
    fields = SentForm(dict(given))
    kind, severity, owner = given["kind"], given["severity"], given["owner"]
    older = fields.optional_whole("older", "Waits for days", 36_500)
    return ExceptionFilter(
        (_member(ExceptionKind, kind, "Kind"),) if kind else (),
        _member(Severity, severity, "Severity") if severity else None,
        fields.optional("code", "Code") or None,
        "" if owner == NOBODY else owner or None,
        None if older is None else now - timedelta(days=older),
        fields.optional("subject", "Subject") or None,
        None if given["hidden"] else now.date(),
    )


def _sent(form: SentForm) -> _Sent:
    keys = tuple(map(ExceptionKey.parse, form.every("exception")))
    code = _member(ReasonCode, form.optional("reason_code", "Kind of reason") or "other", "Reason")
    return _Sent(form.text("do", "Action"), keys, form.text("reason", "Reason"), code)


def _action(name: str, form: SentForm, today: date) -> Action:
    """The action that a form names, with what it needs.

    Raises:
        FieldRefusedError: There is no such action, or a field is not what belongs there.
    """
    actions: dict[str, Callable[[], Action]] = {
        "accept": lambda: accept,
        "rerun": lambda: rerun,
        "release": lambda: release,
        "assign": lambda: assign(
            form.optional("owner", "Owner", _TEXT_MAX) or None, form.optional_day("day", "Day")
        ),
        "suppress": lambda: suppress(form.day("day", "Day"), today),
        "field-order": lambda: field_order(form.day("day", "Day"), today),
        "decide": lambda: decide(_member(Choice, form.text("value", "Value"), "Value")),
        "estimate": lambda: estimate(_method(form)),
        "edit": lambda: edit(_values(form)),
        "assign-point": lambda: assign_point(
            form.text("point", "Service point"),
            form.day("first", "First day there"),
            form.optional_day("end", "Day after the last"),
        ),
        "dismiss": lambda: dismiss,
    }
    if name not in actions:
        message = f"Action: {name!r} is not {', '.join(actions)}."
        raise FieldRefusedError(message, value=name)
    return actions[name]()


def _method(form: SentForm) -> ChosenEstimate:
    total = form.optional("total", "Total", 30)
    return ChosenEstimate(
        form.optional("method", "Method") or None,
        _number(total, "Total") if total else None,
        over_readings=form.has("over_readings"),
    )


def _values(form: SentForm) -> dict[datetime, Fraction]:
    """The intervals that were given another value, by their start."""
    given = {name: form.optional(name, "Value", 30) for name in form.names(_INTERVAL)}
    return {
        _instant(name.removeprefix(_INTERVAL)): _number(text, "Value")
        for name, text in given.items()
        if text
    }


def _number(text: str, label: str) -> Fraction:
    """A number that is not below zero, with a point or a comma."""
    plain = text.replace(",", ".", 1)
    whole, _, decimals = plain.partition(".")
    if not (whole + decimals).isascii() or not (whole + decimals).isdigit():
        message = f"{label}: {text!r} is not a number such as 1250 or 0.5."
        raise FieldRefusedError(message, value=text)
    return Fraction(plain)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        message = f"Interval: {text!r} is not an instant with its offset."
        raise FieldRefusedError(message, value=text)
    return instant


def _member(members: type[Member], text: str, label: str) -> Member:
    try:
        return members(text)
    except ValueError:
        message = f"{label}: {text!r} is not {' or '.join(map(str, members))}."
        raise FieldRefusedError(message, value=text) from None

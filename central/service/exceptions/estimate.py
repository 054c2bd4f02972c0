"""Estimate: the gap of a finding's day gets, by a method, what it lacks.

Whoever estimates it answers for the estimate: its days do not wait in the queue in their turn.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.notices import ESTIMATED_GAP
from central.domain.vee.rules import missing_intervals
from central.service.exceptions.actions import Action, ActionStores
from central.service.exceptions.finding_day import day_decisions, decision_text, finding_day
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey
from central.service.validation.chosen_estimate import ChosenEstimate
from central.service.validation.decisions import accept_finding

_DAY = timedelta(days=1)


def estimate(chosen: ChosenEstimate) -> Action:
    """The estimate of a finding's day, with the days in a row that miss intervals as it does.

    One register says what all of a gap used, so that a method says it of all its days. The versions
    of the days before it stay.

    Args:
        chosen: How; a total is that of the gap.

    Raises:
        InvalidValueError: There is no such method.
    """
    chosen.chain()

    async def estimated(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        channel, day = await finding_day(stores, key)
        use, note = day_decisions(stores, answer)
        findings = await stores.judgements.open_findings(channel)
        missing = {one.day for one in findings if one.code == missing_intervals.RULE.code}
        decision = await use.estimate(channel, _around(day, missing), chosen, note)
        days = {entry.after.day for entry in decision.days}
        for finding in await stores.judgements.open_findings(channel):
            mine = finding.day in days and finding.code == ESTIMATED_GAP.code
            if mine and finding.accepted_by is None:
                await accept_finding(
                    stores.reports, stores.judgements, f"v{finding.id}", answer.note
                )
        return f"estimated: {decision_text(decision)}"

    return estimated


def _around(day: date, missing: Collection[date]) -> DayRange:
    """A day, with those in a row with it that miss intervals, if it does."""
    first = end = day
    while first - _DAY in missing and day in missing:
        first -= _DAY
    while end + _DAY in missing and day in missing:
        end += _DAY
    return DayRange(first, end + _DAY)

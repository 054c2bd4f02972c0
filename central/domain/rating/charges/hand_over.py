"""What the state of another tariff becomes where no bill under that tariff has settled it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.at_end import settle_ended
from central.domain.rating.charges.budget import price_deferred
from central.domain.rating.charges.commitment import price_commitment
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.charges.in_advance import ended_advances
from central.domain.rating.charges.minimum import price_minimum
from central.domain.rating.determinants.context import RatingContext, credits_of, levels_of
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.credit_rules import BUDGET_BILLING
from central.domain.tariff.version import TariffVersion


@dataclass(frozen=True, slots=True)
class SettledLine:
    """A line that settles a state of the tariff before.

    Args:
        id: As the line is called.
        kind: `minimum` and `commitment` come before taxes, `settlement` after them.
        name: As the bill prints it.
        draft: The line.
    """

    id: str
    kind: str
    name: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class StateHandOver:
    """What became of the state of another tariff.

    Args:
        lines: That settle what is not taken over.
        state: What the new tariff opens with.
    """

    lines: tuple[SettledLine, ...] = ()
    state: CarriedState = CarriedState()  # noqa: RUF009 - frozen


NOTHING_HANDED = StateHandOver()


def hand_over(  # noqa: PLR0913, PLR0917 - all that the settlement depends on
    state: CarriedState,
    before: TariffVersion,
    segments: Sequence[Segment],
    period: BillingPeriod,
    facts: AgreementFacts,
    calendar: ResolvedCalendar,
) -> StateHandOver:
    """Settle what another tariff left, as its last bill would have.

    Args:
        state: The closing state of the last part under that tariff.
        before: Its version on that part's last day.
        segments: Of the first bill under the new tariff, whose lines these become.
        period: Of that bill.
        facts: Of the agreement.
        calendar: Holidays.

    Raises:
        HeldError: What is taken over does not fit, or a minimum needs a quantity of that bill.

    Source: docs/reference/charges.md, "The end of a state"
    """
    new, first = segments[0].version.document, segments[0].days.first
    day = DayRange(first - timedelta(days=1), first)
    context = RatingContext({}, facts, calendar, state, day.first.replace(day=1), credits_of(state))
    context.levels, context.quantities = levels_of(state), state.quantities
    segment = Segment(0, day, before, "")
    ending = PartEnding(successor=new)
    span = VersionSpan((segment,), before.document, day, period, context, [], _no_line, (), ending)
    lines = tuple(
        replace(line, draft=replace(line.draft, days=segments[0].days, label=before.tariff))
        for line in settled_lines(span)
    )
    return StateHandOver(lines, ending.carried(state, before.document).under(new.tariff))


def settled_lines(span: VersionSpan) -> Iterator[SettledLine]:
    """The lines that settle what ends with a span of which nothing else is charged.

    A year or term of which no day is counted yet needs no more than a term before it left short.

    Raises:
        HeldError: A minimum needs a quantity that only a bill of days has.
    """
    for name, draft in ended_advances(span):
        yield SettledLine(name, "fixed", printed_name(name), draft)
    yield from _yearly_minimums(span)
    for term in span.document.commitments:
        if span.ends(term.id):
            counted = _is_counted(term.id, span)
            for draft in price_commitment(term, span) if counted else _carried_short(term.id, span):
                yield SettledLine(term.id, "commitment", term.name or term.id, draft)
    if span.ends(BUDGET_BILLING):
        for draft in price_deferred(span):
            yield SettledLine(BUDGET_BILLING, "settlement", printed_name(BUDGET_BILLING), draft)
    for name, draft in settle_ended(span):
        yield SettledLine(name, "settlement", printed_name(name), draft)


def _yearly_minimums(span: VersionSpan) -> Iterator[SettledLine]:
    for minimum in span.document.minimums:
        if minimum.per == "year" and _is_counted(minimum.id, span) and span.ends(minimum.id):
            for draft in price_minimum(minimum, span):
                yield SettledLine(minimum.id, "minimum", minimum.name or minimum.id, draft)


def _is_counted(identifier: str, span: VersionSpan) -> bool:
    entry = span.context.opening.sum_entry(identifier)
    return entry is not None and entry.counts


def _carried_short(identifier: str, span: VersionSpan) -> Iterator[Draft]:
    """What a term left short to the next one, of which no day is counted."""
    short, code = -span.context.opening.sum_of(identifier), span.document.currency.code
    if short > 0:
        note = f"{short} {code} short, carried from the term before"
        yield Draft(span.days, span.segments[0].number, None, "", None, Fraction(short), note=note)


def printed_name(name: str) -> str:
    """A settlement as a line prints it."""
    return name.replace("_", " ").replace("-", " ")


def _no_line(identifier: str, kind: str, name: str, draft: Draft) -> RatedLine:
    raise AssertionError(identifier, kind, name, draft)

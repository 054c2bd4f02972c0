"""Settle what is carried when nothing is left to be billed: a final part without days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

from central.domain.rating.bill_lines.line import Rated, RatedLine
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.dropped import dropped_states
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.charges.hand_over import printed_name, settled_lines
from central.domain.rating.charges.round_total import round_total
from central.domain.rating.charges.tax_points import rate_inputs, rate_versions
from central.domain.rating.closing_state import month_of
from central.domain.rating.determinants.account_overrides import overridden
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    credits_of,
    levels_of,
)
from central.domain.rating.determinants.lookup import looked_up
from central.domain.rating.hashing import canonical
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState, Credit, Origin
from central.domain.rating.inputs.document_days import DocumentDays, rate_days
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.input_hash import input_hash, shared_inputs
from central.domain.rating.inputs.one_off import OneOff
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.rating.price_lines import add_one_offs, adder, price_taxes
from central.domain.tariff.calendar import ResolvedCalendar, season_on
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered, version_on


def settle(  # noqa: PLR0913, PLR0917 - all that a settlement depends on
    state: CarriedState,
    facts: AgreementFacts,
    versions: Sequence[TariffVersion],
    calendar: ResolvedCalendar,
    day: DayRange,
    period: BillingPeriod,
    ending: PartEnding,
    grants: Sequence[Grant] = (),
    document_days: DocumentDays | None = None,
    one_offs: Sequence[OneOff] = (),
) -> Rated:
    """Settle what the last bill of days left, as that bill would have.

    Minimums and commitments come before taxes, all else after them. What has nothing to settle
    stands on a line of zero.

    Args:
        state: What that bill left.
        facts: Of the agreement.
        versions: Of the tariff whose names the state has.
        calendar: Holidays.
        day: The last local day that was billed.
        period: Of that day.
        ending: Final.
        grants: Money paid into banks or the prepaid balance that no bill has consumed.
        document_days: Of the bill; None for those of one that is issued on the day after.
        one_offs: Charges and credits that were posted and that no bill has consumed.

    Returns:
        Lines and what goes on elsewhere; or `holds`, and no lines, where something is missing.

    Source: docs/reference/charges.md, "The end of a state"
    """
    in_force = ordered(versions)
    agreed = facts
    try:
        facts = looked_up(agreed, in_force)
        version = _version_of(in_force, day)
        days = document_days or DocumentDays.after(day.last)
        version = overridden([version], facts, day, rate_days(day.last, days))[0]
        document = version.document
        segment = Segment(0, day, version, season_on(document.calendar, day.first))
        context = RatingContext({}, facts, calendar, state, month_of(day), credits_of(state))
        context.levels, context.quantities = levels_of(state), state.quantities
        context.dropped = dropped_states(state, [segment], in_force)
        context.one_offs = tuple(one_offs)
        paid_in = _paid_in(grants, document)
        context.credits = credits_of(state.joined(paid_in))
        lines: list[RatedLine] = []
        add = adder(lines, version, document.currency.digits, several=False)
        priced = overridden(in_force, facts, day, rate_days(day.last, days))
        rates = rate_versions([segment], priced, None, days)
        span = VersionSpan(
            (segment,), document, day, period, context, lines, add, (), ending, rates=rates
        )
        _price(span)
        closing = ending.carried(state.joined(paid_in), document)
    except HeldError as held:
        return _held(in_force, state, held.hold, calendar)
    except NoTariffVersionError as error:
        return _held(in_force, state, Hold(error.code, error.message, str(error.value)), calendar)
    shared = shared_inputs([segment], calendar, day, period, {}) | ending.inputs
    shared |= rate_inputs(rates)
    shared["settles"] = canonical(True)
    if grants:
        shared["grants"] = canonical(sorted(grant.to_json() for grant in grants))
    if one_offs:
        shared["one_offs"] = canonical([each.to_json() for each in sorted(one_offs)])
    hashed = input_hash((), agreed, state, shared)
    return Rated(
        document.currency.code,
        tuple(lines),
        (),
        closing,
        input_sha256=hashed,
        tzdata=calendar.tzdata,
        expired=context.expired,
    )


def _version_of(versions: Sequence[TariffVersion], day: DayRange) -> TariffVersion:
    """The version on a day; of a tariff that came later, its first."""
    try:
        return version_on(versions, day.first)
    except NoTariffVersionError:
        if not versions:
            raise
        return versions[0]


def _paid_in(grants: Sequence[Grant], document: TariffDocument) -> CarriedState:
    """What was paid in, in its banks; it goes on where they do."""
    paid = []
    for grant in grants:
        owner = document.owners.get(grant.bank, Owner.OCCUPANCY)
        origin = Origin(grant.day, grant.day + timedelta(days=1), owner)
        month = grant.day.replace(day=1)
        amount = Fraction(grant.amount)
        paid.append(Credit(grant.bank, "", month, amount, origin, grant.expires))
    return CarriedState(credits=tuple(sorted(paid)))


def _price(span: VersionSpan) -> None:
    add_one_offs(span)
    ends = [name for name in span.context.opening.to_settle if _ends(name, span)]
    taxed = False
    for line in settled_lines(span):
        if line.kind == "settlement" and not taxed:
            price_taxes(span)
            taxed = True
        span.add(line.id, line.kind, line.name, line.draft)
    if not taxed:
        price_taxes(span)
    for name, draft in round_total(span):
        span.add(name, "settlement", printed_name(name), draft)
    line_ids = {line.id for line in span.lines}
    for name in ends:
        if not line_ids & {name, *(f"{name}{end}" for end in _SETTLED)}:
            nothing = Draft(span.days, 0, None, "", None, Fraction(0), note="nothing to settle")
            span.add(f"{name}-settlement", "settlement", printed_name(name), nothing)


_SETTLED = ("_settlement", "-settlement", "-peaks", "-levels")


def _ends(name: str, span: VersionSpan) -> bool:
    entries = span.context.opening.only(lambda its, _: its == name)
    whose = Owner.ACCOUNT if entries.of(Owner.ACCOUNT).names else Owner.OCCUPANCY
    return span.ending.name_after(name, span.document.owners.get(name, whose)) is None


def _held(
    versions: Sequence[TariffVersion], state: CarriedState, hold: Hold, calendar: ResolvedCalendar
) -> Rated:
    code = versions[-1].document.currency.code if versions else "XXX"
    return Rated(code, (), (), state, (hold,), tzdata=calendar.tzdata)

"""What another billing system left, as a tariff has it: whose it is, and what is none of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from central.domain.rating.determinants.netting import level_key
from central.domain.rating.inputs.carried_state import CarriedState, Origin
from central.domain.rating.inputs.expiry import NEVER
from central.domain.rating.inputs.segments import months_after
from central.domain.tariff.credit_rules import BUDGET_BILLING, PREPAID
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.state_rules import Owner


def owned_state(state: CarriedState, document: TariffDocument, begins: date) -> CarriedState:
    """A state of which each entry says whose it is, as the tariff has it, and of when."""
    owners, netted = document.owners, _netted(document)

    def origin(name: str, month: date | None = None) -> Origin:
        owner = owners.get(name, Owner.OCCUPANCY)
        if month is None:
            return Origin(None, begins, owner)
        return Origin(month, months_after(month, 1), owner)

    return replace(
        state,
        peaks=tuple(replace(p, origin=origin(p.name, p.month)) for p in state.peaks),
        credits=tuple(replace(c, origin=origin(c.bank, c.earned)) for c in state.credits),
        sums=tuple(
            replace(entry, origin=replace(origin(entry.id), first=entry.origin.first))
            for entry in state.sums
        ),
        totals=tuple(replace(t, origin=origin(BUDGET_BILLING, t.month)) for t in state.totals),
        levels=tuple(
            replace(
                level,
                key=level_key(netted[level.name]) if level.name in netted else "",
                origin=Origin(None, begins),
            )
            for level in state.levels
        ),
    )


def _netted(document: TariffDocument) -> dict[str, SumDeterminant]:
    """The determinants of a tariff that net over a season or year, by name."""
    sums = (rule for rule in document.determinants if isinstance(rule, SumDeterminant))
    return {rule.name: rule for rule in sums if rule.is_carried}


def _periods(document: TariffDocument, by: str) -> set[str]:
    """The periods that a determinant is split by; "" alone where it is not."""
    return {period.name for period in document.calendar.schedule(by).periods} if by else {""}


def unknown_figures(document: TariffDocument, state: CarriedState, begins: date) -> Iterator[str]:
    """What of a state the tariff does not know, or cannot be of an earlier month."""
    name = document.tariff
    settled = {type(rule).__name__ for rule in document.settlement}
    banks = {bank.name for bank in document.energy_banks}
    banks |= {bank.name for bank in document.money_banks}
    banks |= {charge.id for charge in document.charges if charge.rolls_over}
    if "Prepaid" in settled:
        banks.add(PREPAID)
    sums = {rule.id for rule in document.minimums if rule.per == "year"}
    sums |= {rule.id for rule in document.commitments}
    if "BudgetBilling" in settled:
        sums.add(BUDGET_BILLING)
    peaks = {entry.name for entry in document.history}
    nets = set(_netted(document))
    given: Sequence[tuple[str, str, set[str]]] = (
        *(("bank", credit.bank, banks) for credit in state.credits),
        *(("peak", peak.name, peaks) for peak in state.peaks),
        *(("sum", year_sum.id, sums) for year_sum in state.sums),
        *(("net of a season or year", level.name, nets) for level in state.levels),
    )
    for kind, wanted, names in given:
        if wanted not in names:
            has = ", ".join(sorted(names)) or "none"
            yield f"the tariff {name} has no {kind} {wanted!r}; it has {has}."
    if state.totals and BUDGET_BILLING not in sums:
        yield f"the tariff {name} levels no bills, so it needs no totals."
    months = [*(peak.month for peak in state.peaks), *(credit.earned for credit in state.credits)]
    for month in sorted({*months, *(total.month for total in state.totals)}):
        if month >= begins:
            yield f"{month:%Y-%m} is not before {begins}."
    yield from _unknown_nets(document, state)
    yield from _lapsing_money(document, state, begins)
    for entry in state.sums:
        if entry.origin.first is not None and entry.origin.first >= begins:
            yield f"{entry.id!r} counts since {entry.origin.first}, which is not before {begins}."


def _lapsing_money(document: TariffDocument, state: CarriedState, begins: date) -> Iterator[str]:
    """Credits of which a day is said on which they cannot lapse."""
    energy = {bank.name for bank in document.energy_banks}
    energy |= {charge.id for charge in document.charges if charge.rolls_over}
    for credit in state.credits:
        if credit.expires == NEVER:
            continue
        if credit.bank in energy:
            yield f"{credit.bank!r} keeps no money, so it has no day {credit.expires} of its own."
        elif credit.expires <= begins:
            yield f"{credit.bank!r} lapses on {credit.expires}, which is not after {begins}."


def _unknown_nets(document: TariffDocument, state: CarriedState) -> Iterator[str]:
    """Nets of periods that a determinant is not split by, or of one twice."""
    netted = _netted(document)
    for level in state.levels:
        rule = netted.get(level.name)
        periods = _periods(document, rule.by) if rule is not None else {level.label}
        if level.label not in periods:
            has = ", ".join(sorted(filter(None, periods))) or "none"
            yield f"{level.name!r} has no period {level.label!r}; it has {has}."
    twice = Counter((level.name, level.label) for level in state.levels)
    for name_of, count in sorted(twice.items()):
        if count > 1:
            yield f"{' '.join(filter(None, name_of))!r} has two nets."

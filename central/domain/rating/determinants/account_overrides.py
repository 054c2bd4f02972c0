"""Prices and discounts agreed with one customer, in place of the tariff's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from central.domain.rating.determinants.context import HeldError
from central.domain.rating.determinants.lookup import changes_prices, rated_by_fact, with_rates
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts, FactValue
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.document import ALL, Charge, Percent, TariffDocument
from central.domain.tariff.price_rules import PriceTable, TierRules
from central.domain.tariff.version import TariffVersion, version_on

PRICE, DISCOUNT = "price.", "discount."
ENDED = "tariff"
"""The value of a fact that ends an override: from then on the tariff's own price counts."""


def overrides_in(facts: AgreementFacts) -> list[str]:
    """Names of the facts that agree a price or discount."""
    return sorted({f.name for f in facts.facts if f.name.startswith((PRICE, DISCOUNT))})


def overridden(
    versions: Sequence[TariffVersion],
    facts: AgreementFacts,
    days: DayRange,
    by_point: Mapping[str, date] | None = None,
) -> tuple[TariffVersion, ...]:
    """The tariff as it is for one agreement: each change of an agreed price begins a version.

        price.<charge>            the price, instead of prices by season and period, or of steps
        price.<charge>.<period>   the price of one period
        price.<percent rider>     the percent
        discount.<charge>         a line of its own: -percent of the charge
        discount.all              the same for every charge and rider that has none of its own

    A price or percent that a fact or table gives (`rate`) begins a version where it changes, too.

    The word `tariff` ends an override. Versions keep the hash of the tariff's document: what is
    agreed is a fact, and hashed as such. Whatever rests on a charge rests on its discount too.

    Args:
        versions: Ascending.
        facts: Of the agreement.
        days: Local days billed.
        by_point: Days of taxes that are one for the bill, by the point of the tax; None for the
            last of these days.

    Raises:
        HeldError: A fact names no charge, or is not a number.

    Source: docs/reference/charges.md, "Commitments and credits"
    """
    names = overrides_in(facts)
    rates = {name for version in versions for name in changes_prices(version.document)}
    none = not names and not any(rated_by_fact(version.document) for version in versions)
    by_point = by_point or {"period_end": days.last}
    last = max(days.last, *by_point.values())
    if none or not versions or versions[0].effective > days.first:
        return tuple(versions)
    changes = {fact.effective for fact in facts.facts if fact.name in rates.union(names)}
    changes |= {version.effective for version in versions}
    firsts = sorted({days.first} | {day for day in changes if days.first < day < days.end})
    found: list[TariffVersion] = []
    for first in firsts:
        version = version_on(versions, first)
        document = with_rates(version.document, facts, first, by_point)
        for name in sorted(names, key=lambda one: one == f"{DISCOUNT}{ALL}"):
            value = facts.at(name, first)
            if value is not None and value != ENDED:
                document = _applied(document, name, _number(name, value))
        if not found or found[-1].document != document:
            found.append(replace(version, effective=first, document=document))
    # Later versions say the rates of taxes alone.
    later = (version for version in versions if days.end <= version.effective <= last)
    rated = (
        replace(version, document=with_rates(version.document, facts, version.effective, by_point))
        for version in later
    )
    return (*found, *rated)


def _number(name: str, value: FactValue) -> Decimal:
    if not isinstance(value, Decimal):
        message = f"The agreement's {name!r} is not a number."
        raise HeldError(Hold("BAD_OVERRIDE", message, name))
    return value


def _applied(document: TariffDocument, name: str, value: Decimal) -> TariffDocument:
    kind, _, rest = name.partition(".")
    identifier, _, label = rest.partition(".")
    entries = (*document.charges, *document.riders)
    if (kind, identifier) == ("discount", ALL):
        known = {found.id for found in entries}
        for found in entries:
            if not found.id.endswith("_discount") and f"{found.id}_discount" not in known:
                document = _discounted(document, found, value)
        return document
    entry = next((found for found in entries if found.id == identifier), None)
    if entry is None:
        message = f"{name!r} is not a charge or rider of {document.tariff!r}."
        raise HeldError(Hold("UNKNOWN_OVERRIDE", message, name))
    if kind == "discount":
        return _discounted(document, entry, value)
    agreed = _agreed(entry, label, value, name)
    return replace(
        document,
        charges=tuple(
            agreed if found is entry and isinstance(agreed, Charge) else found
            for found in document.charges
        ),
        riders=tuple(agreed if found is entry else found for found in document.riders),
    )


def _agreed(entry: Charge | Percent, label: str, value: Decimal, name: str) -> Charge | Percent:
    if isinstance(entry, Percent):
        return replace(entry, percent=value)
    if entry.times is not None:
        message = f"{name!r} sets one price for {entry.id!r}, which has a price per interval."
        raise HeldError(Hold("BAD_OVERRIDE", message, name))
    title = f"{entry.name or entry.id}, agreed price"
    if not label:
        table = PriceTable(((("", ""), value),))
        return replace(entry, name=title, price=table, steps=(), tiers=TierRules())
    rows = () if entry.price is None else entry.price.rows
    if label not in {period for (_, period), _ in rows}:
        message = f"{name!r} is not a period that {entry.id!r} has a price for."
        raise HeldError(Hold("BAD_OVERRIDE", message, name))
    changed = tuple((place, value if place[1] == label else price) for place, price in rows)
    return replace(entry, name=title, price=PriceTable(changed))


def _discounted(
    document: TariffDocument, entry: Charge | Percent, percent: Decimal
) -> TariffDocument:
    own = f"{entry.id}_discount"
    line = Percent(own, f"Discount on {entry.name or entry.id}", -percent, (entry.id,))

    def widened(names: tuple[str, ...]) -> tuple[str, ...]:
        return (*names, own) if entry.id in names else names

    riders = tuple(
        replace(found, of=widened(found.of)) if isinstance(found, Percent) else found
        for found in document.riders
    )
    place = 1 + next((n for n, found in enumerate(document.riders) if found.id == entry.id), -1)
    return replace(
        document,
        riders=(*riders[:place], line, *riders[place:]),
        money_banks=tuple(
            replace(bank, offsets=widened(bank.offsets)) for bank in document.money_banks
        ),
        minimums=tuple(replace(m, of=widened(m.of)) for m in document.minimums),
        commitments=tuple(replace(c, of=widened(c.of)) for c in document.commitments),
        taxes=tuple(replace(tax, of=widened(tax.of)) for tax in document.taxes),
    )

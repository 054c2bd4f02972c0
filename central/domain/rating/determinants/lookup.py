"""What a tariff's parameters and tables say of an agreement; they count like facts of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, FactValue
from central.domain.tariff.document import BY_DAY, Charge, Percent, TariffDocument
from central.domain.tariff.parameters import Parameter
from central.domain.tariff.price_rules import PriceTable
from central.domain.tariff.version import TariffVersion

_NOTHING = ""
"""Value of a table on days of which it says nothing; no number, so that it holds a bill."""


def looked_up(facts: AgreementFacts, versions: Sequence[TariffVersion]) -> AgreementFacts:
    """The facts of an agreement, with its tariff's parameters and what its tables say of it.

    A parameter changes with its dates, with the agreement where that may give its own, and with
    the tariff's version; a table with its rows and with what its keys are values of, as well.

    Args:
        facts: Of the agreement.
        versions: Of its tariff, ascending.

    Raises:
        HeldError: The agreement gives a parameter a value that it cannot have.

    Source: docs/reference/charges.md, "Lookup tables"
    """
    documents = [version.document for version in versions]
    if not any(document.tables or document.parameters for document in documents):
        return facts
    names = {each.name for document in documents for each in document.parameters}
    others = tuple(fact for fact in facts.facts if fact.name not in names)
    joined = AgreementFacts((*others, *_of_parameters(facts, versions)))
    return AgreementFacts((*joined.facts, *_of_tables(joined, versions)))


def _spans(versions: Sequence[TariffVersion]) -> Iterator[tuple[TariffDocument, date, date]]:
    ends = [version.effective for version in versions[1:]]
    for version, begin, end in zip(versions, (date.min, *ends), (*ends, date.max), strict=True):
        yield version.document, begin, end


def _of_parameters(facts: AgreementFacts, versions: Sequence[TariffVersion]) -> Iterator[Fact]:
    for document, begin, end in _spans(versions):
        for parameter in document.parameters:
            changes = {dated.since for dated in parameter.values}
            changes |= {fact.effective for fact in facts.facts if fact.name == parameter.name}
            for day in sorted({begin} | {day for day in changes if begin < day < end}):
                value = _value_of(parameter, facts, day)
                if value is not None:
                    yield Fact(parameter.name, value, day)


def _value_of(parameter: Parameter, facts: AgreementFacts, day: date) -> FactValue | None:
    given = facts.at(parameter.name, day) if parameter.agreed else None
    if given is None:
        dated = [entry for entry in parameter.values if entry.since <= day]
        return dated[-1].value if dated else None
    fault = parameter.fault_of(given)
    if fault is not None:
        message = f"The agreement's {parameter.name!r} from {day} on {fault}."
        raise HeldError(Hold("BAD_PARAMETER", message, parameter.name))
    return given


def _of_tables(facts: AgreementFacts, versions: Sequence[TariffVersion]) -> Iterator[Fact]:
    for document, begin, end in _spans(versions):
        for table in document.tables:
            changes = {row.since for row in table.rows}
            changes |= {fact.effective for fact in facts.facts if fact.name in table.by}
            for day in sorted({begin} | {day for day in changes if begin < day < end}):
                value = table.at([_key(facts.at(name, day)) for name in table.by], day)
                yield Fact(table.name, _NOTHING if value is None else value, day)


def _key(value: FactValue | None) -> str:
    """A fact as a key: what was entered as a number is a key of the same digits."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def rated_by_fact(document: TariffDocument) -> tuple[str, ...]:
    """The facts and tables that prices and percents are taken from."""
    lines = (*document.charges, *document.riders, *document.taxes)
    return tuple(dict.fromkeys(line.rate for line in lines if line.rate is not None))


def changes_prices(document: TariffDocument) -> tuple[str, ...]:
    """Those of these whose change begins a segment: a tax of one rate a bill has none."""
    taxes = (tax for tax in document.taxes if tax.point in BY_DAY)
    lines = (*document.charges, *document.riders, *taxes)
    return tuple(dict.fromkeys(line.rate for line in lines if line.rate is not None))


def with_rates(
    document: TariffDocument, facts: AgreementFacts, day: date, by_point: Mapping[str, date]
) -> TariffDocument:
    """A tariff with the prices and percents that facts and tables give on a day.

    Args:
        document: What it says.
        facts: Of the agreement, with what tables say.
        day: Local date.
        by_point: Days of taxes that are one for the bill, by the point of the tax.

    Raises:
        HeldError: One is not known.
    """
    if not rated_by_fact(document):
        return document
    return replace(
        document,
        charges=tuple(_priced(charge, facts, day) for charge in document.charges),
        riders=tuple(
            _priced(rider, facts, day) if isinstance(rider, Charge) else _shared(rider, facts, day)
            for rider in document.riders
        ),
        taxes=tuple(
            _shared(tax, facts, by_point.get(tax.point or "", day)) for tax in document.taxes
        ),
    )


def _priced(charge: Charge, facts: AgreementFacts, day: date) -> Charge:
    if charge.rate is None:
        return charge
    price = PriceTable(((("", ""), _number(charge.rate, facts, day)),))
    return replace(charge, price=price)


def _shared(percent: Percent, facts: AgreementFacts, day: date) -> Percent:
    if percent.rate is None:
        return percent
    return replace(percent, percent=_number(percent.rate, facts, day))


def _number(name: str, facts: AgreementFacts, day: date) -> Decimal:
    value = facts.at(name, day)
    if not isinstance(value, Decimal):
        message = f"Neither the agreement nor a table has a number {name!r} on {day}."
        raise HeldError(Hold("MISSING_FACT", message, name))
    return value

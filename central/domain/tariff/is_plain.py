"""Whether a tariff's bills depend on nothing but each meter's own intervals and facts."""

from __future__ import annotations

from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    Determinant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import Charge, TariffDocument


def is_plain(document: TariffDocument) -> bool:
    """Whether many meters may be priced as columns, as far as determinants and steps go.

    Named intervals, one side of every interval, baselines, events, maxima of each meter, peaks of
    the whole bill, and steps on each day's demand need more than a matrix holds.
    """
    daily = {
        rule.name
        for rule in document.determinants
        if isinstance(rule, MaxDeterminant) and rule.daily
    }
    stepped = {
        (entry.qty or "").partition(".")[0]
        for entry in (*document.charges, *document.riders)
        if isinstance(entry, Charge) and entry.steps
    }
    return (
        document.on_change.demand != "bill_peak"
        and not daily & stepped
        and all(map(_is_plain, document.determinants))
    )


def _is_plain(rule: Determinant) -> bool:
    match rule:
        case SumDeterminant():
            return rule.during is None and rule.outside is None and rule.each == "bill"
        case MaxDeterminant():
            return rule.during is None and rule.meters == "together"
        case AllowanceDeterminant() | CounterDeterminant():
            return True
        case _:
            return False

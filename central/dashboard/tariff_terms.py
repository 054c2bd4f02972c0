"""What a tariff charges, credits and taxes, part by part, in words of the field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from central.dashboard.language import marked
from central.dashboard.present import Presenter
from central.domain.tariff.credit_rules import (
    BudgetBilling,
    Commitment,
    EnergyBank,
    MoneyBank,
    Prepaid,
    RoundTotal,
    Settlement,
    in_paying_order,
)
from central.domain.tariff.document import Charge, Minimum, Percent, TariffDocument
from central.domain.tariff.price_rules import PriceTable, Step
from central.domain.tariff.quantity import QuantityKind, measured_by

_PER = {
    "day": marked("per day"),
    "month": marked("per month"),
    "year": marked("per year"),
    "year_by_days": marked("per year, by days"),
}
_MEASURED = {
    QuantityKind.USE: marked("energy taken"),
    QuantityKind.FED_IN: marked("energy fed in"),
    QuantityKind.REACTIVE: marked("reactive energy"),
    QuantityKind.APPARENT: marked("apparent energy"),
    QuantityKind.VOLUME: marked("volume"),
    QuantityKind.SERIES: marked("sum of %(series)s"),
    QuantityKind.POWER: marked("highest power"),
    QuantityKind.EXCESS: marked("power beyond what is contracted"),
    QuantityKind.FORMULA: marked("computed quantity"),
    QuantityKind.ALLOWANCE: marked("allowance per day"),
    QuantityKind.COUNT: marked("agreed count"),
    QuantityKind.REBATE: marked("use saved in events, against a baseline"),
    QuantityKind.EVENTS: marked("events of %(series)s"),
    QuantityKind.FACT: marked("what the agreement says"),
}
_KINDS = {
    "graduated": marked("each part in its step"),
    "volume": marked("all of it at the step that is reached"),
    "package": marked("whole packages"),
    "stair": marked("one amount, by the step that is reached"),
}
_POINTS = {
    None: marked("at the rate of each day"),
    "interval": marked("at the rate of each day"),
    "period_end": marked("at the rate of the period's last day"),
    "issue": marked("at the rate of the day of issue"),
    "due": marked("at the rate of the day on which it is due"),
}

TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a tariff.

    Args:
        name: As the invoice prints it, else its identifier.
        id: As other parts name it.
        what: What it is taken on.
        prices: When, and how much.
        notes: What else it depends on.
    """

    name: str
    id: str
    what: str
    prices: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TermGroup:
    """Parts of one kind.

    Args:
        title: Of the kind, in English.
        terms: In the order in which they are charged.
    """

    title: str
    terms: tuple[Term, ...]


def terms_of(document: TariffDocument, presenter: Presenter) -> tuple[TermGroup, ...]:
    """All parts of a tariff by kind, in the language of the page; no kind is empty."""
    spell = _Spelling(document, presenter)
    kinds = (
        (marked("Charges"), map(spell.charge, document.charges)),
        (marked("Riders"), map(spell.rider, document.riders)),
        (marked("Banks of energy"), map(spell.energy_bank, document.energy_banks)),
        (
            marked("Banks of money"),
            map(spell.money_bank, in_paying_order(document.money_banks, document.bank_order)),
        ),
        (marked("Minimums"), map(spell.minimum, document.minimums)),
        (marked("Commitments"), map(spell.commitment, document.commitments)),
        (marked("Taxes"), map(spell.percent, document.taxes)),
        (marked("What is due"), map(spell.settlement, document.settlement)),
    )
    groups = (TermGroup(title, tuple(terms)) for title, terms in kinds)
    return tuple(group for group in groups if group.terms)


class _Spelling:
    """Writes the parts of one document."""

    def __init__(self, document: TariffDocument, presenter: Presenter) -> None:
        self._document = document
        self._presenter = presenter
        self.gettext = presenter.language.gettext
        self._currency = document.currency.code

    def rider(self, rider: Charge | Percent) -> Term:
        return self.charge(rider) if isinstance(rider, Charge) else self.percent(rider)

    def charge(self, charge: Charge) -> Term:
        what, unit = self._quantity(charge.qty)
        if charge.per:
            what = f"{what}, {self.gettext(_PER[charge.per])}"
        if charge.steps:
            kind = charge.tiers.kind
            prices = tuple(
                (", ".join(filter(None, (season, bound))), price)
                for season, steps in charge.steps
                for bound, price in self._steps(steps, unit, kind)
            )
            what = f"{what}: {self.gettext(_KINDS[kind])}"
        else:
            prices = self._prices(charge.price, unit)
        return Term(
            charge.name or charge.id, charge.id, what, prices, tuple(self._of_charge(charge))
        )

    def _of_charge(self, charge: Charge) -> Iterator[str]:
        gettext = self.gettext
        if charge.times:
            yield gettext("by the price series %(name)s, interval by interval") % {
                "name": charge.times
            }
        if charge.rate:
            yield gettext("the price is %(name)s of the agreement or its table") % {
                "name": charge.rate
            }
        if charge.included is not None:
            yield gettext("%(number)s each month are included") % {
                "number": self._presenter.number(charge.included.per_month)
            }
        if charge.in_advance:
            yield gettext("for the period to come")
        if charge.on:
            yield gettext("once, on %(days)s") % {"days": ", ".join(charge.on)}
        if charge.prorate == "none" and charge.per:
            yield gettext("a part of a month pays all of it")
        yield from self._conditions(charge.only, charge.unless)

    def percent(self, percent: Percent) -> Term:
        share = self.gettext("%(percent)s percent of %(lines)s") % {
            "percent": self._presenter.number(percent.percent),
            "lines": self._lines(percent.of),
        }
        notes = list(self._conditions(percent.only, percent.unless))
        if percent in self._document.taxes:
            notes.insert(0, self.gettext(_POINTS[percent.point]))
        if percent.rate:
            notes.append(
                self.gettext("the percent is %(name)s of the agreement or its table")
                % {"name": percent.rate}
            )
        return Term(percent.name or percent.id, percent.id, share, (), tuple(notes))

    def minimum(self, minimum: Minimum) -> Term:
        amount = self.gettext("%(lines)s come to at least %(amount)s %(per)s") % {
            "lines": self._lines(minimum.of),
            "amount": self._amount(minimum.amount, minimum.qty),
            "per": self.gettext(_PER[minimum.per]),
        }
        notes = tuple(self._conditions(minimum.only, minimum.unless))
        return Term(minimum.name or minimum.id, minimum.id, amount, (), notes)

    def commitment(self, commitment: Commitment) -> Term:
        months = self._presenter.language.ngettext(
            "%(lines)s come to %(amount)s in %(count)s month",
            "%(lines)s come to %(amount)s in %(count)s months",
            commitment.months,
        ) % {
            "lines": self._lines(commitment.of),
            "amount": self._amount(commitment.amount, commitment.qty),
            "count": commitment.months,
        }
        charged = (
            self.gettext("what is short is charged")
            if commitment.shortfall == "charge"
            else self.gettext("what is short is added to the next term")
        )
        notes = (charged, *self._conditions(commitment.only, commitment.unless))
        return Term(commitment.name or commitment.id, commitment.id, months, (), notes)

    def energy_bank(self, bank: EnergyBank) -> Term:
        what = self.gettext("energy fed in beyond use is kept, and pays later use")
        notes = [] if bank.true_up is None else [self._settled(bank.true_up.month)]
        return Term(bank.name, bank.name, what, (), tuple(notes))

    def money_bank(self, bank: MoneyBank) -> Term:
        gettext = self.gettext
        earned, unit = self._quantity(bank.earn) if bank.earn else (gettext("money granted"), "")
        what = gettext("earns on %(what)s, and pays %(lines)s") % {
            "what": earned,
            "lines": self._lines(bank.offsets),
        }
        notes = [] if bank.true_up is None else [self._settled(bank.true_up.month)]
        if bank.times:
            notes.append(
                gettext("by the price series %(name)s, interval by interval") % {"name": bank.times}
            )
        if bank.expires_months is not None:
            lapses = self._presenter.language.ngettext(
                "lapses after %(count)s month", "lapses after %(count)s months", bank.expires_months
            )
            notes.append(lapses % {"count": bank.expires_months})
        notes += self._conditions(bank.only, bank.unless)
        return Term(bank.name, bank.name, what, self._prices(bank.price, unit), tuple(notes))

    def settlement(self, rule: Settlement) -> Term:
        gettext = self.gettext
        match rule:
            case BudgetBilling():
                what = gettext("bills are paid at the average of so many: %(count)s") % {
                    "count": rule.months
                }
                only = rule.only
            case Prepaid():
                what, only = gettext("a balance paid in before is drawn down"), rule.only
            case RoundTotal():
                what = gettext("rounded to a multiple of %(amount)s") % {
                    "amount": self._amount(rule.to, None)
                }
                only = None
            case _:
                what, only = gettext("banks are settled"), None
        return Term(what, "", "", (), tuple(self._conditions(only, None)))

    def _settled(self, month: int) -> str:
        return self.gettext("settled with the bill of month %(month)s") % {"month": month}

    def _conditions(self, only: str | None, unless: str | None) -> Iterator[str]:
        if only:
            yield self.gettext("only where the agreement says %(name)s") % {"name": only}
        if unless:
            yield self.gettext("not where the agreement says %(name)s") % {"name": unless}

    def _lines(self, names: Sequence[str]) -> str:
        every = self.gettext("all lines")
        return ", ".join(every if name == "all" else name for name in names)

    def _quantity(self, qty: str | None) -> tuple[str, str]:
        """What a charge is taken on, and its unit."""
        if qty is None:
            return self.gettext("fixed amount"), ""
        how = measured_by(self._document, qty)
        text = self.gettext(_MEASURED[how.measured])
        if "%(" in text:
            text %= {"series": how.series}
        if how.window_min:
            text += f" ({how.window_min} min)"
        if how.label not in {"", "total"}:
            text += " " + self.gettext("in period %(name)s") % {"name": how.label}
        elif how.by and how.label != "total":
            text += " " + self.gettext("by period")
        return f"{text} ({qty})", how.unit

    def _prices(self, table: PriceTable | None, unit: str) -> tuple[tuple[str, str], ...]:
        if table is None:
            return ()
        return tuple(
            (", ".join(filter(None, when)), self._price(price, unit)) for when, price in table.rows
        )

    def _price(self, price: Decimal, unit: str) -> str:
        per = f"/{unit}" if unit else ""
        return f"{self._presenter.price(price)} {self._currency}{per}"

    def _amount(self, amount: Decimal, qty: str | None) -> str:
        text = self._price(amount, "")
        return f"{text} {TIMES} {qty}" if qty else text

    def _steps(self, steps: Sequence[Step], unit: str, kind: str) -> Iterator[tuple[str, str]]:
        for step in steps:
            bound = self._bound(step, unit)
            priced_by = "" if kind in {"package", "stair"} else unit
            for when, price in self._prices(step.price, priced_by):
                yield ", ".join(filter(None, (bound, when))), price
            for inner, price in self._steps(step.steps, unit, kind):
                yield f"{bound}, {inner}", price

    def _bound(self, step: Step, unit: str) -> str:
        if step.to is None:
            return self.gettext("above")
        named = f"{self._presenter.number(step.to)} {step.unit or unit}"
        return self.gettext("up to %(bound)s") % {
            "bound": f"{named} {TIMES} {step.of}" if step.of else named
        }

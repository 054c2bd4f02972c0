"""The invoice: what an issued bill says in the terms of the law, whatever form it is written in.

The page and the structured forms are made of it. Nothing is computed anew: amounts are the bill's,
and what a tax line says it is a share of is its base.

Which taxes are value added taxes is said by the tariff: those with a category. Where a tariff gives
none a category, they are the taxes that no later tax is on. The others, such as a levy on
electricity that bears tax itself, are charges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from central.domain.billing.bill import Bill, BillLine, EarlierBill, Party
from central.domain.billing.bill_amounts import BillAmounts
from central.domain.billing.invoice_terms import InvoiceTerms, PartyTerms, PaymentMeans, SupplyTerms
from central.domain.billing.issue import IssueFacts
from central.domain.currency import digits_of
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.tariff.document import Percent, TariffDocument

_NOTHING = Decimal(0)
_STANDARD, _ZERO = "S", "Z"


class TaxRate(NamedTuple):
    """A tax at a rate.

    Args:
        name: As the tariff calls it.
        category: Of UNTDID 5305: `S`, `AA`, `Z`, `E` and so on.
        percent: Of the base. [%]
    """

    name: str
    category: str
    percent: Decimal


class TaxedSum(NamedTuple):
    """What bears a tax at a rate, and the tax on it.

    Args:
        rate: The tax.
        base: What bears it. [currency]
        tax: What is charged. [currency]
    """

    rate: TaxRate
    base: Decimal
    tax: Decimal


class InvoiceParty(NamedTuple):
    """Seller or buyer.

    Args:
        party: As it is printed.
        terms: What the law asks beside it.
    """

    party: Party
    terms: PartyTerms


class InvoiceLine(NamedTuple):
    """A line that is no value added tax.

    Args:
        entry: As the bill has it: position, service point, quantity, unit, price, amount, days.
        rates: The taxes that it bears, nearly always one; none where it bears no tax.
    """

    entry: BillLine
    rates: tuple[TaxRate, ...]

    @property
    def price_unit(self) -> str:
        """What the price is per: the unit of the quantity; "" where there is no price."""
        line = self.entry.line
        return "" if line.price is None or line.note == "percent" else line.unit


@dataclass(frozen=True, slots=True)
class Invoice:
    """An issued bill.

    Args:
        bill: What is charged.
        issue: Number, dates, kind and texts.
        seller: Who charges.
        buyer: Who is charged.
        lines: What was supplied, in print order: no value added taxes, no settlements.
        settlements: Lines that change what is due and not what was supplied.
        taxes: By category and rate, in the order of the bill; `untaxed` is not among them.
        amounts: What it comes to.
        digits: Of the currency's smaller unit.
        payment: Where to pay.
        supplies: Codes and addresses of the service points.
        titles: Title of each supply's tariff by its name, where the tariff has one.
    """

    bill: Bill
    issue: IssueFacts
    seller: InvoiceParty
    buyer: InvoiceParty
    lines: tuple[InvoiceLine, ...]
    settlements: tuple[BillLine, ...]
    taxes: tuple[TaxedSum, ...]
    amounts: BillAmounts
    digits: int
    payment: PaymentMeans | None
    supplies: tuple[SupplyTerms, ...]
    titles: Mapping[str, str]

    @property
    def cancels(self) -> EarlierBill | None:
        """The invoice that it is the credit note of."""
        return self.bill.cancels

    @property
    def net(self) -> Decimal:
        """The sum of the lines: other than the bill's net it counts taxes that bear tax."""
        return sum((line.entry.line.amount for line in self.lines), _NOTHING)

    @property
    def tax(self) -> Decimal:
        """The sum of the taxes. [currency]."""
        return sum((group.tax for group in self.taxes), _NOTHING)

    @property
    def untaxed(self) -> Decimal:
        """The sum of the lines that bear no tax. [currency]."""
        amounts = (line.entry.line.amount for line in self.lines if not line.rates)
        return sum(amounts, _NOTHING)


def invoice_of(bill: Bill, issue: IssueFacts, tariffs: Mapping[str, TariffDocument]) -> Invoice:
    """The invoice of an issued bill.

    Args:
        bill: Of which it is.
        issue: What it was given.
        tariffs: The versions that its lines name, by hash; where one is not there, a tax has the
            category of its rate, and an adjustment bears the taxes adjusted with it.
    """
    terms = issue.terms or InvoiceTerms()
    rates = {
        entry.position: _rate_of(entry.line, tariffs)
        for entry in bill.lines
        if _is_value_added(entry, bill, tariffs)
    }
    bears = _bearing(bill, rates, tariffs)
    rest = [entry for entry in bill.lines if entry.position not in rates]
    apart = not bill.settled_in_net
    settlements = [entry for entry in rest if apart and entry.line.kind == "settlement"]
    return Invoice(
        bill=bill,
        issue=issue,
        seller=InvoiceParty(bill.seller, terms.seller),
        buyer=InvoiceParty(bill.buyer, terms.buyer),
        lines=tuple(
            InvoiceLine(entry, tuple(bears.get(entry.position, ())))
            for entry in rest
            if entry not in settlements
        ),
        settlements=tuple(settlements),
        taxes=_summed(bill, rates),
        amounts=bill.amounts,
        digits=digits_of(bill.currency) or 0,
        payment=terms.payment,
        supplies=terms.supplies,
        titles=_titles(bill, tariffs),
    )


def _titles(bill: Bill, tariffs: Mapping[str, TariffDocument]) -> dict[str, str]:
    named = (tariffs.get(entry.line.tariff_sha256) for entry in bill.lines)
    return {document.tariff: document.title for document in named if document and document.title}


def _charge_of(line: RatedLine) -> str:
    """Identifier of what a line charges; of an adjustment, of what it adjusts."""
    return line.id if line.adjusts is None else line.adjusts.key.partition("/")[0]


def _terms_of(line: RatedLine, tariffs: Mapping[str, TariffDocument]) -> Percent | None:
    document = tariffs.get(line.tariff_sha256)
    taxes = () if document is None else document.taxes
    return next((tax for tax in taxes if tax.id == _charge_of(line)), None)


def _rate_of(line: RatedLine, tariffs: Mapping[str, TariffDocument]) -> TaxRate:
    tax = _terms_of(line, tariffs)
    percent = line.price or _NOTHING
    name = line.name if tax is None or tax.name is None else tax.name
    category = None if tax is None else tax.category
    return TaxRate(name, category or (_STANDARD if percent else _ZERO), percent.normalize() + 0)


def _is_value_added(entry: BillLine, bill: Bill, tariffs: Mapping[str, TariffDocument]) -> bool:
    line = entry.line
    if line.kind != "tax":
        return False
    document = tariffs.get(line.tariff_sha256)
    if document is None:
        return not any(
            line.key in other.line.of and other.service_point == entry.service_point
            for other in bill.lines
            if other.line.kind == "tax"
        )
    if any(tax.category for tax in document.taxes):
        tax = _terms_of(line, tariffs)
        return tax is not None and tax.category is not None
    return not any(_charge_of(line) in tax.of for tax in document.taxes)


def _bearing(
    bill: Bill, rates: Mapping[int, TaxRate], tariffs: Mapping[str, TariffDocument]
) -> dict[int, list[TaxRate]]:
    """The taxes that each line bears, by its position."""
    bears: dict[int, list[TaxRate]] = {}
    for entry in bill.lines:
        rate = rates.get(entry.position)
        if rate is None:
            continue
        for position in (
            _adjusted_with(entry, bill, tariffs)
            if entry.line.adjusts
            else _shared_in(entry, bill.lines)
        ):
            if position not in rates and rate not in bears.setdefault(position, []):
                bears[position].append(rate)
    return bears


def _shared_in(tax: BillLine, lines: tuple[BillLine, ...]) -> list[int]:
    """The positions of the lines that a tax is a share of: of its part, which stands before it."""
    wanted, positions = set(tax.line.of), []
    for entry in sorted(lines, key=lambda each: (each.position > tax.position, -each.position)):
        if entry.service_point == tax.service_point and entry.line.key in wanted:
            wanted.discard(entry.line.key)
            positions.append(entry.position)
    return positions


def _adjusted_with(tax: BillLine, bill: Bill, tariffs: Mapping[str, TariffDocument]) -> list[int]:
    """The positions of the adjustments that an adjusted tax is on: of one bill and tariff."""
    terms = _terms_of(tax.line, tariffs)
    return [
        entry.position
        for entry in bill.lines
        if entry.line.adjusts is not None
        and tax.line.adjusts is not None
        and entry.line.adjusts.bill == tax.line.adjusts.bill
        and entry.service_point == tax.service_point
        and entry.line.tariff_sha256 == tax.line.tariff_sha256
        and entry.line.kind != "settlement"
        and (terms is None or _names(terms, entry.line))
    ]


def _names(tax: Percent, line: RatedLine) -> bool:
    return _charge_of(line) in tax.of or ("all" in tax.of and line.kind != "tax")


def _summed(bill: Bill, rates: Mapping[int, TaxRate]) -> tuple[TaxedSum, ...]:
    groups: dict[TaxRate, TaxedSum] = {}
    for entry in bill.lines:
        rate = rates.get(entry.position)
        if rate is not None:
            group = groups.get(rate, TaxedSum(rate, _NOTHING, _NOTHING))
            base = group.base + (entry.line.quantity or _NOTHING)
            groups[rate] = TaxedSum(rate, base, group.tax + entry.line.amount)
    return tuple(groups.values())

"""The semantic model of EN 16931: what an invoice or credit note says to a machine.

Fields name their business terms (BT) and groups (BG). Amounts have the sign that the form wants: in
a credit note what is given back is positive.

Source: EN 16931-1:2017, "Semantic data model of the core elements of an electronic invoice"
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from central.domain.billing.invoice_terms import PaymentMeans
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import OperatorError

INVOICE, CREDIT_NOTE = "380", "381"
"""Types of document (UNTDID 1001)."""


class NotStructuredError(OperatorError):
    """A bill cannot be said in a structured form."""

    code = "EINVOICE_IMPOSSIBLE"
    default_remedy = "Send its PDF; `bill show` lists its lines, taxes and currency."


class VatRate(NamedTuple):
    """A category of value added tax at a rate.

    Args:
        category: Of UNTDID 5305, as EN 16931 allows: S, Z, E, AE, K, G, O, L, M.
        percent: [%]; None for O, which has none.
    """

    category: str
    percent: Decimal | None


class VatGroup(NamedTuple):
    """What bears a rate, and the tax on it (BG-23).

    Args:
        rate: The category at its rate.
        base: The sum of lines and charges that bear it (BT-116). [currency]
        tax: As the bill's tax lines say it (BT-117). [currency]
        reason: Why there is none, in words (BT-120), "" for none.
        reason_code: The same as a code of the list VATEX (BT-121), "" for none.
    """

    rate: VatRate
    base: Decimal
    tax: Decimal
    reason: str = ""
    reason_code: str = ""


class Price(NamedTuple):
    """How a line's amount is made: quantity x amount / per, exactly, rounded to the currency.

    Args:
        quantity: Below zero where money is given back (BT-129).
        unit: Code of UN/ECE recommendation 20 (BT-130).
        amount: Never below zero (BT-146). [currency]
        per: Of how many units the amount is (BT-149); None for one.
    """

    quantity: Decimal
    unit: str
    amount: Decimal
    per: Decimal | None = None


class EInvoiceLine(NamedTuple):
    """A line (BG-25).

    Args:
        id: Position on the bill (BT-126).
        name: As printed (BT-153).
        description: What a reader needs to follow it (BT-154), "" for none.
        net: Amount without tax (BT-131). [currency]
        price: How it is made.
        rate: Value added tax (BG-30).
        period: What it covers (BG-26); None where it bills no day.
        supply: Code or name of the supply point (BT-128).
        attributes: What else the bill prints of it (BG-32): names and values.
    """

    id: str
    name: str
    description: str
    net: Decimal
    price: Price
    rate: VatRate
    period: DayRange | None
    supply: str
    attributes: tuple[tuple[str, str], ...] = ()


class DocumentCharge(NamedTuple):
    """A charge (BG-21), or an allowance (BG-20), on the whole document: a levy that bears tax.

    Args:
        reason: What it is (BT-104, BT-97).
        amount: Below zero for an allowance (BT-99, BT-92). [currency]
        base: What it is a share of (BT-100, BT-93); None where nobody said it. [currency]
        percent: Of the base (BT-101, BT-94); None likewise. [%]
        rate: Value added tax on it.
    """

    reason: str
    amount: Decimal
    base: Decimal | None
    percent: Decimal | None
    rate: VatRate


@dataclass(frozen=True, slots=True)
class Trader:
    """Seller (BG-4) or buyer (BG-7).

    Args:
        name: Legal name (BT-27, BT-44).
        lines: Street and what else the address has but town and postcode.
        town: BT-37, BT-52.
        postcode: BT-38, BT-53.
        region: BT-39, BT-54.
        country: ISO 3166 alpha-2 (BT-40, BT-55).
        vat_id: With the country before it (BT-31, BT-48), "" for none.
        tax_id: Local number of a seller that has no such one (BT-32), "" for none.
        legal_id: Of the register of companies (BT-30, BT-47), "" for none.
        endpoint: Electronic address and its scheme (BT-34, BT-49); None where nobody said it.
        contact: Telephone, mail or web address (BG-6, BG-9), "" for none.
        key: Number at the other one: the account of a buyer (BT-46), "" for none.
    """

    name: str
    lines: tuple[str, ...]
    town: str
    postcode: str
    region: str
    country: str
    vat_id: str = ""
    tax_id: str = ""
    legal_id: str = ""
    endpoint: tuple[str, str] | None = None
    contact: str = ""
    key: str = ""


class Totals(NamedTuple):
    """The sums (BG-22), in the currency.

    Args:
        lines: Sum of the lines (BT-106).
        allowances: Sum of allowances, not below zero (BT-107).
        charges: Sum of charges, not below zero (BT-108).
        net: Without tax (BT-109).
        tax: Value added tax (BT-110).
        gross: With tax (BT-112).
        prepaid: What is paid already, or given back by it (BT-113).
        rounding: Of what is due (BT-114).
        due: What is to be paid (BT-115).
    """

    lines: Decimal
    allowances: Decimal
    charges: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    prepaid: Decimal
    rounding: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class EInvoice:
    """An issued bill in the terms of EN 16931.

    Args:
        number: BT-1.
        issued: BT-2.
        type_code: `INVOICE` or `CREDIT_NOTE` (BT-3).
        currency: BT-5.
        digits: Of the currency's smaller unit, 2 at most.
        due: Day of payment (BT-9); None where nothing is to be paid.
        terms: How to pay, in words (BT-20), "" for none.
        notes: BT-22.
        reference: By which the buyer finds it (BT-10), "" for none.
        preceding: The invoice that it credits or replaces (BG-3); its day where it is known.
        seller: Who charges.
        buyer: Who is charged.
        period: First to last day of all supplies (BG-14), on whose last day the supply is whole
            (BT-72); None where it bills no day.
        payment: Where to pay (BG-16); None where nobody said it.
        lines: At least one.
        charges: On the document.
        vat: By category and rate, at least one.
        totals: Sums.
    """

    number: str
    issued: date
    type_code: str
    currency: str
    digits: int
    due: date | None
    terms: str
    notes: tuple[str, ...]
    reference: str
    preceding: tuple[str, date | None] | None
    seller: Trader
    buyer: Trader
    period: DayRange | None
    payment: PaymentMeans | None
    lines: tuple[EInvoiceLine, ...]
    charges: tuple[DocumentCharge, ...]
    vat: tuple[VatGroup, ...]
    totals: Totals

    @property
    def is_credit_note(self) -> bool:
        """Whether it gives back what an invoice charged."""
        return self.type_code == CREDIT_NOTE

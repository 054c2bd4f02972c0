"""Every bill that is worked out by hand is a valid e-invoice, and so is its credit note."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from lxml import etree

from central.domain.billing.invoice import Invoice
from central.domain.einvoice.document import EInvoice
from central.domain.einvoice.form import WRITERS, EInvoiceForm
from central.domain.einvoice.make import einvoice_of
from central.domain.rating.rounding import half_away
from central.service.rating.bill_case import BillCase, read_case
from central.service.rating.tariff_library import library_bills, library_names
from tests.support.data import REPOSITORY
from tests.support.einvoices import (
    bill_of,
    broken_rules,
    credit_note_of,
    issued_as,
    packaged_rules,
    ubl_schema,
)
from tests.support.size import sized

FOLDER = REPOSITORY / "docs" / "reference" / "tariffs"
CII = sized("METERLINE_CII_INVOICES", 12, 1_000)


def cases() -> Iterator[tuple[str, BillCase]]:
    for path in sorted(FOLDER.glob("*.bill.yaml")):
        yield path.name, read_case(path.read_text(), path.name, read_tariff)
    for name in library_names():
        yield from library_bills(name)


def read_tariff(name: str) -> str:
    return (FOLDER / name).read_text()


def invoices() -> Iterator[tuple[str, Invoice]]:
    """The invoice and the credit note of every bill that has lines."""
    for name, case in cases():
        priced = case.priced()
        zone = case.documents[0].zone if case.documents else "UTC"
        bill = bill_of([priced.rated], case.period, case.days, str(zone))
        tariffs = {version.sha256: version.document for version in case.versions}
        yield name, issued_as(bill, tariffs)
        if bill.lines:
            yield f"credit of {name}", issued_as(credit_note_of(bill), tariffs)


def test_every_worked_bill_and_its_credit_note_keep_the_published_rules() -> None:
    said = list(invoices())
    written = [einvoice_of(invoice) for _, invoice in said]
    assert len(written) > 240
    roots = [etree.fromstring(WRITERS[EInvoiceForm.UBL](each)) for each in written]
    broken = broken_rules(roots)
    for (name, invoice), each, root, rules in zip(said, written, roots, broken, strict=True):
        ubl_schema(str(etree.QName(root).localname)).assertValid(root)
        assert not rules, name
        check_sums(name, invoice, each)
    # All of them take half a minute by these rules.
    for (name, _), each in list(zip(said, written, strict=True))[:: max(len(said) // CII, 1)]:
        assert packaged_rules()(EInvoiceForm.CII, WRITERS[EInvoiceForm.CII](each)) == (), name


def check_sums(name: str, invoice: Invoice, said: EInvoice) -> None:
    """Each figure is what EN 16931 computes, to the cent, and what the bill says."""
    totals, sign = said.totals, -1 if said.is_credit_note else 1
    assert totals.lines == sum(line.net for line in said.lines), name
    levied = [charge.amount for charge in said.charges]
    assert totals.charges - totals.allowances == sum(levied), name
    assert totals.net == totals.lines + sum(levied), name
    assert totals.tax == sum(group.tax for group in said.vat), name
    assert totals.gross == totals.net + totals.tax == sign * invoice.amounts.total, name
    assert totals.due == totals.gross - totals.prepaid + totals.rounding, name
    assert totals.due == sign * invoice.amounts.due, name
    for line in said.lines:
        price = line.price
        exact = Fraction(price.quantity) * Fraction(price.amount) / Fraction(price.per or 1)
        assert half_away(exact, said.digits) == line.net, (name, line.id)
        assert price.amount >= 0, (name, line.id)
    groups = {g.rate.percent: sign * g.base for g in said.vat if g.rate.category in {"S", "Z"}}
    assert groups == bases_of(invoice), name
    # A tariff may round to whole pesos what its currency has cents of.
    digits = max(-int(entry.line.amount.as_tuple().exponent) for entry in invoice.bill.lines)
    for group in said.vat:
        exact = Fraction(group.base) * Fraction(group.rate.percent or 0) / 100
        # A tax is rounded on each line that the bill has of it.
        apart = max(1, sum(entry.line.kind == "tax" for entry in invoice.bill.lines))
        assert abs(Fraction(group.tax) - exact) <= Fraction(apart, 2 * 10**digits), name


def bases_of(invoice: Invoice) -> dict[Decimal | None, Decimal]:
    """What the bill's tax lines say they are a share of, by rate."""
    bases: dict[Decimal | None, Decimal] = {}
    for group in invoice.taxes:
        percent = group.rate.percent
        bases[percent] = bases.get(percent, Decimal(0)) + group.base
    return bases

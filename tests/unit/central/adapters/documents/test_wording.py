"""Documents say in their language what the code says in English, credit notes as well."""

from __future__ import annotations

import ast
import inspect
import io
import string
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import chain

import pytest
from pypdf import PdfReader

from central.adapters.documents import invoice
from central.adapters.documents import invoice_sections as parts
from central.adapters.documents.invoice import render_invoice
from central.adapters.documents.wording import SPANISH, Wording
from central.domain.billing.adjustment import OpenAdjustment, adjustment_lines
from central.domain.billing.bill import BillLine, EarlierBill
from central.domain.billing.bill_amounts import BillAmounts
from central.domain.billing.billing_settings import BillingSettings, BillingSettingsError
from central.domain.billing.credit_note import mirrored
from central.domain.billing.document_template import template_of
from central.domain.billing.line_difference import LineDifference
from central.domain.billing.state import BillState
from tests.unit.central.adapters.documents.test_invoice import ISSUE, made

NAMES = {"text", "name"}
OF = EarlierBill("INV-000007", date(2026, 11, 2), "ab" * 32)


def said() -> Iterator[str]:
    """Every text that the code of documents gives to a wording."""
    trees = (ast.parse(inspect.getsource(module)) for module in (invoice, parts))
    for node in chain.from_iterable(map(ast.walk, trees)):
        texts: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            texts = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.expr)]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {
            "text",
            "name",
        }:
            texts = [part for part in ast.walk(node.value) if isinstance(part, ast.expr)]
        for part in texts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value
    yield from invoice._WORDS.values()
    yield from parts._CAUSES.values()
    yield from [*invoice._UNITS, *invoice._UNITS.values()]
    for due in (Decimal(1), Decimal(-1)):
        amounts = BillAmounts(due, due, due, due)
        yield from [amounts.due_label, *(row.name for row in amounts.rows)]


def test_every_text_has_its_spanish() -> None:
    texts = {text for text in said() if text.strip(" ,")}
    # Heading and status of what is no document of record stay English.
    assert {text for text in texts if text not in SPANISH} <= {"2:.2f"}
    assert set(SPANISH) <= texts


@pytest.mark.parametrize("text", SPANISH)
def test_a_translation_puts_in_the_same_values(text: str) -> None:
    names = [
        sorted(name for _, name, *_ in string.Formatter().parse(each) if name)
        for each in (text, SPANISH[text])
    ]
    assert names[0] == names[1]


def test_a_credit_note_is_printed_in_both_languages() -> None:
    bill, _ = made()
    note = replace(
        mirrored(bill, OF, {entry.position for entry in bill.lines}), state=BillState.ISSUED
    )
    printed = {}
    for locale in ("en", "es"):
        facts = replace(ISSUE, number="CN-000001", locale=locale, template="invoice-3")
        pdf = render_invoice(note, issue=facts, template=template_of("invoice-3"))
        reader = PdfReader(io.BytesIO(pdf))
        assert reader.metadata is not None
        printed[locale] = str(reader.metadata["/Title"])
        text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
        total = Wording(locale).money(abs(bill.amounts.total))
        assert f"-{total}" in text
        for word in {
            "en": ("Credit in your favour", "Of invoice INV-000007", "Bill to".upper()),
            "es": ("Saldo a su favor", "De la factura INV-000007", "CLIENTE", "2 nov 2026"),
        }[locale]:
            assert word in text
    assert printed == {
        "en": "Credit note CN-000001 of invoice INV-000007",
        "es": "Factura rectificativa CN-000001 de la factura INV-000007",
    }


@pytest.mark.parametrize(
    ("locale", "wanted"),
    [
        (
            "en",
            (
                "Adjustment of INV-000007: Energy",
                "was 1,300.5 kWh: 390.15, is 1,290 kWh: 387.00",
                "Adjustment of INV-000007: VAT",
                "was 81.93, is 81.27",
            ),
        ),
        (
            "es",
            (
                "Ajuste de INV-000007: Energy",
                "era 1.300,5 kWh: 390,15, es 1.290 kWh: 387,00",
                "Ajuste de INV-000007: VAT",
                "era 81,93, es 81,27",
            ),
        ),
    ],
)
def test_an_adjustment_is_printed_in_both_languages(locale: str, wanted: tuple[str, ...]) -> None:
    bill, _ = made()
    energy = LineDifference(
        service_point="SP-1",
        key="energy",
        charge="energy",
        kind="energy",
        name="Energy",
        label="",
        first=bill.days.first,
        end=bill.days.end,
        unit="kWh",
        price=Decimal("0.30"),
        old_quantity=Decimal("1300.5"),
        new_quantity=Decimal(1290),
        old_amount=Decimal("390.15"),
        new_amount=Decimal("387.00"),
        tariff_sha256="ab" * 32,
    )
    tax = replace(
        energy,
        name="VAT",
        kind="tax",
        price=Decimal(21),
        unit="EUR",
        old_quantity=Decimal("390.15"),
        new_quantity=Decimal("387.00"),
        old_amount=Decimal("81.93"),
        new_amount=Decimal("81.27"),
    )
    carried = [
        OpenAdjustment(number, "c", OF.number, bill.currency, line)
        for number, line in enumerate((energy, tax))
    ]
    lines = tuple(
        BillLine(position, point, line)
        for position, (point, line) in enumerate(adjustment_lines(carried), start=1)
    )
    facts = replace(ISSUE, locale=locale, template="invoice-3")
    adjusting = replace(bill, lines=lines)
    pdf = render_invoice(adjusting, issue=facts, template=template_of("invoice-3"))
    reader = PdfReader(io.BytesIO(pdf))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert [each for each in wanted if each not in text] == []


def test_spanish_needs_a_template_that_has_it() -> None:
    with pytest.raises(BillingSettingsError, match="invoice-2"):
        BillingSettings(locale="es", template="invoice-2")
    assert BillingSettings(locale="es", template="invoice-3").locale == "es"


def test_numbers_and_days_are_written_as_the_language_does() -> None:
    say = Wording("es")
    assert say.money(Decimal("1234.50")) == "1.234,50"
    assert say.number(Decimal("0.0314"), least=2) == "0,0314"
    assert say.day(date(2026, 1, 5)) == "5 ene 2026"

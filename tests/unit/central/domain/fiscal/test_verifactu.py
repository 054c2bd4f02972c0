"""Records of the register: their hashes are the agency's, and a chain that was touched shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from central.domain.billing.cycle import Cycle
from central.domain.einvoice.document import EInvoice
from central.domain.einvoice.make import einvoice_of
from central.domain.fiscal.record import (
    ChainedRecord,
    FiscalRecord,
    RecordKind,
    chain_faults,
)
from central.domain.fiscal.verifactu import (
    BillingSoftware,
    FiscalIssuerError,
    Linked,
    cancellation_xml,
    check_address,
    registration,
    registration_xml,
)
from tests.support.data import data_root
from tests.support.einvoices import bill_of, credit_note_of, issued_as, without_tax_number
from tests.support.rating import rated_month

CYCLE = Cycle.parse("2026-10")
MADRID = ZoneInfo("Europe/Madrid")
AT = datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC).astimezone(MADRID)
SOFTWARE = BillingSoftware("Producer SL", "B87654323", "1", "0.2.0")
TARIFF = """\
tariff: home
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants: {kwh: {sum: import}}
charges:
  - {id: energy, name: Energy, qty: kwh, price: 0.10}
  - {id: fund, name: Fund, price: 1.00, per: month}
taxes: [{id: vat, name: IVA, percent: 21, of: [energy], category: S, point: interval}]
"""


def recorded(kind: str, text: str) -> FiscalRecord:
    """The record that a hashed text says."""
    told = {
        name.removesuffix("Anulada"): value
        for name, value in parse_qsl(text.replace("+", "%2B"), keep_blank_values=True)
    }
    day = datetime.strptime(told["FechaExpedicionFactura"], "%d-%m-%Y").replace(tzinfo=UTC).date()
    return FiscalRecord(
        kind=RecordKind(kind),
        issuer=told["IDEmisorFactura"],
        number=told["NumSerieFactura"],
        issued=day,
        invoice_type=told.get("TipoFactura", ""),
        tax=Decimal(told.get("CuotaTotal", "0")),
        total=Decimal(told.get("ImporteTotal", "0")),
        previous=told["Huella"],
        at=datetime.fromisoformat(told["FechaHoraHusoGenRegistro"]),
    )


def published() -> list[ChainedRecord]:
    given = json.loads((data_root("spain") / "verifactu.json").read_text())["records"]
    return [
        ChainedRecord(ordinal, recorded(each["kind"], each["text"]), each["sha256"])
        for ordinal, each in enumerate(given, start=1)
    ]


def invoice(*, credit: bool = False, without_number: bool = False) -> EInvoice:
    result, tariffs = rated_month(CYCLE, TARIFF)
    drafted = bill_of([result], CYCLE.period, CYCLE.days)
    if without_number:
        drafted = replace(drafted, buyer=replace(drafted.buyer, tax_id=""))
    return einvoice_of(issued_as(credit_note_of(drafted) if credit else drafted, tariffs))


def test_the_published_records_are_reproduced_with_their_hashes() -> None:
    given = json.loads((data_root("spain") / "verifactu.json").read_text())["records"]
    chain = published()
    assert [entry.record.hashed_text for entry in chain] == [each["text"] for each in given]
    assert [entry.record.sha256 for entry in chain] == [each["sha256"] for each in given]
    assert list(chain_faults(chain)) == []


def test_a_chain_that_was_touched_names_the_record() -> None:
    first, second, third = published()
    changed = replace(first, record=replace(first.record, total=Decimal("1.00")))
    assert [fault.ordinal for fault in chain_faults([changed, second, third])] == [1]
    # With its hash made anew it no longer is what the next one names.
    again = replace(changed, sha256=changed.record.sha256)
    assert [fault.ordinal for fault in chain_faults([again, second, third])] == [2]
    missing = list(chain_faults([first, third]))
    assert [fault.message for fault in missing] == ["Records 2 to 2 are missing."]


def test_an_invoice_is_registered_with_its_tax_and_total() -> None:
    # 745 kWh x 0.10 = 74.50, 15.65 tax, and 1.00 that bears none.
    record = registration(invoice(), of_simplified=False, previous="", at=AT)
    assert record.hashed_text == (
        "IDEmisorFactura=B12345674&NumSerieFactura=INV-000007&FechaExpedicionFactura=01-11-2026"
        "&TipoFactura=F1&CuotaTotal=15.65&ImporteTotal=91.15&Huella="
        "&FechaHoraHusoGenRegistro=2026-11-02T10:00:00+01:00"
    )


def test_a_credit_note_is_registered_below_zero_with_what_it_credits() -> None:
    credit = invoice(credit=True)
    record = registration(credit, of_simplified=False, previous="AB", at=AT)
    assert (record.invoice_type, record.tax, record.total) == (
        "R1",
        Decimal("-15.65"),
        Decimal("-91.15"),
    )
    before = Linked("B12345674", "INV-000001", date(2026, 11, 1), "AB")
    root = etree.fromstring(registration_xml(credit, record, before, SOFTWARE))
    assert _texts(root, "FacturasRectificadas/IDFacturaRectificada/NumSerieFactura") == [
        "INV-000001"
    ]
    assert _texts(root, "Encadenamiento/RegistroAnterior/Huella") == ["AB"]
    assert _texts(root, "Desglose/DetalleDesglose/BaseImponibleOimporteNoSujeto") == [
        "-74.50",
        "-1.00",
    ]


def test_an_invoice_that_names_no_number_of_the_buyer_is_simplified() -> None:
    record = registration(invoice(without_number=True), of_simplified=False, previous="", at=AT)
    assert record.invoice_type == "F2"
    credit = registration(invoice(credit=True), of_simplified=True, previous="", at=AT)
    assert credit.invoice_type == "R5"
    root = etree.fromstring(registration_xml(invoice(without_number=True), record, None, SOFTWARE))
    assert not _texts(root, "Destinatarios/IDDestinatario/NIF")


def test_the_xml_says_the_record_its_taxes_and_the_software() -> None:
    made = invoice()
    record = registration(made, of_simplified=False, previous="", at=AT)
    root = etree.fromstring(registration_xml(made, record, None, SOFTWARE))
    assert etree.QName(root).localname == "RegistroAlta"
    assert _texts(root, "Encadenamiento/PrimerRegistro") == ["S"]
    assert _texts(root, "Destinatarios/IDDestinatario/NIF") == ["12345678Z"]
    assert _texts(root, "Desglose/DetalleDesglose/CuotaRepercutida") == ["15.65"]
    assert _texts(root, "Desglose/DetalleDesglose/OperacionExenta") == ["E1"]
    assert _texts(root, "Huella") == [record.sha256]
    assert _texts(root, "SistemaInformatico/Version") == ["0.2.0"]


def test_a_cancellation_names_only_the_invoice() -> None:
    third = published()[2].record
    before = Linked(third.issuer, "12345679/G34", date(2024, 1, 1), third.previous)
    root = etree.fromstring(cancellation_xml(third, before, SOFTWARE))
    assert _texts(root, "IDFactura/NumSerieFacturaAnulada") == ["12345679/G34"]
    assert _texts(root, "Huella") == [third.sha256]


def test_the_address_of_the_code_asks_for_the_invoice() -> None:
    record = replace(published()[0].record, total=Decimal("241.40"))
    assert check_address(record) == (
        "https://www2.agenciatributaria.gob.es/wlpl/TIKE-CONT/ValidarQR"
        "?nif=89890001K&numserie=12345678%2FG33&fecha=01-01-2024&importe=241.40"
    )


def test_a_seller_without_a_number_cannot_be_registered() -> None:
    result, tariffs = rated_month(CYCLE, TARIFF)
    nameless = without_tax_number(bill_of([result], CYCLE.period, CYCLE.days))
    with pytest.raises(FiscalIssuerError, match="Sierra Power SA"):
        registration(
            einvoice_of(issued_as(nameless, tariffs)), of_simplified=False, previous="", at=AT
        )


def _texts(root: etree._Element, path: str) -> list[str]:
    steps = "/".join(f"*[local-name()='{name}']" for name in path.split("/"))
    return [str(text) for text in root.xpath(f"{steps}/text()")]

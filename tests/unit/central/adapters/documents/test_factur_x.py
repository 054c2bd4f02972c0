"""A document with CII inside is a Factur-X invoice, and still the PDF/A-3 that it was."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import facturx
import pytest
from lxml import etree
from pypdf import PdfReader
from pypdf.generic import StreamObject

from central.adapters.documents.factur_x import with_factur_x
from central.adapters.documents.invoice import render_invoice
from central.domain.billing.state import BillState
from central.domain.einvoice.cii import cii
from central.domain.einvoice.make import einvoice_of
from central.domain.einvoice.ubl import ubl
from central.service.billing.invoice_document import AttachedFile, DocumentError
from tests.support.einvoices import TERMS, issued_as
from tests.unit.central.adapters.documents.test_invoice import made
from tests.unit.central.adapters.documents.test_invoice_sections import beside

_NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "fx": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfaExtension": "http://www.aiim.org/pdfa/ns/extension/",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
    "pdfaProperty": "http://www.aiim.org/pdfa/ns/property#",
}


@pytest.fixture(scope="module")
def documents() -> tuple[bytes, bytes, dict[str, bytes]]:
    """A hybrid document, made twice, and the files that are inside of it."""
    bill, usage = made()
    bill = replace(bill, state=BillState.ISSUED)
    given = beside(bill)
    invoice = issued_as(bill, dict(given.tariffs), TERMS)
    model = einvoice_of(invoice)
    files = {"factur-x.xml": cii(model), "invoice.ubl.xml": ubl(model)}
    attached = tuple(AttachedFile(name, content.decode()) for name, content in files.items())
    given = replace(given, attached=attached)
    first, second = (
        render_invoice(bill, usage=[usage], issue=invoice.issue, beside=given) for _ in range(2)
    )
    return first, second, files


def test_it_is_read_as_factur_x(documents: tuple[bytes, bytes, dict[str, bytes]]) -> None:
    pdf, again, files = documents
    assert pdf == again
    name, content = facturx.get_facturx_xml_from_pdf(pdf, check_xsd=True, check_schematron=False)
    assert (name, content) == ("factur-x.xml", files["factur-x.xml"])
    assert facturx.get_level(etree.fromstring(content)) == "en16931"
    attachments = PdfReader(io.BytesIO(pdf)).attachments
    assert {each: attachments[each] for each in attachments} == {
        each: [files[each]] for each in files
    }


def test_the_metadata_say_what_is_inside_and_what_their_members_mean(
    documents: tuple[bytes, bytes, dict[str, bytes]],
) -> None:
    pdf, *_ = documents
    metadata = PdfReader(io.BytesIO(pdf)).root_object["/Metadata"].get_object()
    assert isinstance(metadata, StreamObject)
    root = etree.fromstring(metadata.get_data())
    members = {
        etree.QName(member).localname: member.text for member in root.iterfind(".//fx:*", _NAMES)
    }
    assert members == {
        "DocumentFileName": "factur-x.xml",
        "DocumentType": "INVOICE",
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }
    (schema,) = (
        each
        for each in root.iterfind(".//pdfaExtension:schemas/rdf:Bag/rdf:li", _NAMES)
        if each.findtext("pdfaSchema:prefix", namespaces=_NAMES) == "fx"
    )
    assert schema.findtext("pdfaSchema:namespaceURI", namespaces=_NAMES) == _NAMES["fx"]
    explained = schema.iterfind(".//pdfaProperty:name", _NAMES)
    assert {each.text for each in explained} == members.keys()
    assert root.findtext(".//pdfaid:part", namespaces=_NAMES) == "3"
    assert root.findtext(".//pdfaid:conformance", namespaces=_NAMES) == "B"


def test_every_object_stands_where_the_table_says(
    documents: tuple[bytes, bytes, dict[str, bytes]],
) -> None:
    pdf, *_ = documents
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    assert pdf[start:].startswith(b"xref\n")
    entries = re.findall(rb"(\d{10}) \d{5} ([nf])", pdf[start:])
    assert len(entries) > 50
    for number, (offset, kind) in enumerate(entries):
        if kind == b"n":
            assert pdf[int(offset) :].startswith(b"%d 0 obj" % number)
    # One file, not one that was changed afterwards.
    assert pdf.count(b"startxref") == 1
    assert pdf.rstrip().endswith(b"%%EOF")


def test_a_file_that_is_written_otherwise_is_refused() -> None:
    with pytest.raises(DocumentError, match="metadata otherwise"):
        with_factur_x(b"%PDF-1.7\n%%EOF", "factur-x.xml", "EN 16931")

"""Factur-X: what the metadata of a PDF say of the invoice as XML inside of it.

The typesetter attaches files and writes PDF/A-3, but lets nobody add metadata. So their stream is
written anew, and what stands behind it in the file moves; nothing else changes.

Source: https://fnfe-mpe.org/factur-x/ (names of the members)
"""

from __future__ import annotations

import re

from central.service.billing.invoice_document import DocumentError

_SCHEMA = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_MEMBERS = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters",
    "Version": "The version of the standard that the XML document follows",
    "ConformanceLevel": "The conformance level of the XML document",
}
_SCHEMAS_END = b"</rdf:Bag></pdfaExtension:schemas>"
_METADATA_END = b"</rdf:RDF>"
_METADATA = re.compile(
    rb"<</Length (?P<length>\d+)/Type/Metadata/Subtype/XML>>\nstream\n(?P<xmp><\?xpacket.*?)"
    rb"\nendstream",
    re.DOTALL,
)
_TABLE_START = re.compile(rb"startxref\n(\d+)\n%%EOF\s*\Z")
_OFFSET = re.compile(rb"(\d{10}) (\d{5}) n")


def with_factur_x(pdf: bytes, name: str, level: str) -> bytes:
    """A document of which the metadata name the invoice inside of it.

    Args:
        pdf: PDF/A-3, as the typesetter wrote it.
        name: Of the attached file.
        level: Conformance level of its XML, such as `EN 16931`.

    Raises:
        DocumentError: The file is not written as it was when this was made.
    """
    metadata, table = _METADATA.search(pdf), _TABLE_START.search(pdf)
    if metadata is None or table is None or len(metadata["xmp"]) != int(metadata["length"]):
        message = "The typesetter writes metadata otherwise than this release knows."
        raise DocumentError(message)
    begins = int(table[1])
    xmp = _named(metadata["xmp"], name, level)
    stream = b"<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%s\nendstream" % (len(xmp), xmp)
    moved = len(stream) - (metadata.end() - metadata.start())

    def behind(entry: re.Match[bytes]) -> bytes:
        offset = int(entry[1])
        return b"%010d %s n" % (offset + moved * (offset > metadata.start()), entry[2])

    return b"".join(
        (
            pdf[: metadata.start()],
            stream,
            pdf[metadata.end() : begins],
            _OFFSET.sub(behind, pdf[begins : table.start()]),
            b"startxref\n%d\n%%%%EOF" % (begins + moved),
        )
    )


def _named(xmp: bytes, name: str, level: str) -> bytes:
    """Metadata with what Factur-X adds: what its members mean, and what they are."""
    members = {
        "DocumentFileName": name,
        "DocumentType": "INVOICE",
        "Version": "1.0",
        "ConformanceLevel": level,
    }
    meanings = "".join(
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{meaning}</pdfaProperty:description>"
        f"<pdfaProperty:name>{member}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        for member, meaning in _MEMBERS.items()
    )
    schema = (
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_SCHEMA}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{meanings}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
    values = "".join(f"<fx:{member}>{text}</fx:{member}>" for member, text in members.items())
    about = f'<rdf:Description rdf:about="" xmlns:fx="{_SCHEMA}">{values}</rdf:Description>'
    for end, text in ((_SCHEMAS_END, schema), (_METADATA_END, about)):
        if xmp.count(end) != 1:
            message = "The typesetter writes metadata otherwise than this release knows."
            raise DocumentError(message)
        xmp = xmp.replace(end, text.encode() + end)
    return xmp

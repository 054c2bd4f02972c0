"""What the rules' publishers give to try a judge by is judged as they say."""

from __future__ import annotations

from lxml import etree

from central.domain.einvoice.form import EInvoiceForm
from tests.support.data import data_root
from tests.support.einvoices import broken_rules, packaged_rules, ubl_schema

VALIDATOR = "{http://difi.no/xsd/vefa/validator/1.0}"
VERDICTS = [f"{VALIDATOR}{name}" for name in ("success", "error", "warning")]


def test_every_unit_file_is_judged_as_it_says() -> None:
    cases, documents = [], []
    for path in sorted(data_root("einvoice", "en16931", "unit").glob("*.xml")):
        for test in etree.parse(path).getroot().iter(f"{VALIDATOR}test"):
            verdicts = list(test.iter(*VERDICTS))
            (document,) = (
                child
                for child in test
                if isinstance(child.tag, str) and not child.tag.startswith(VALIDATOR)
            )
            assert verdicts, path.name
            cases.append((path.name, verdicts))
            documents.append(document)
    assert len(documents) == 714
    wrong = []
    for (name, verdicts), broken in zip(cases, broken_rules(documents), strict=True):
        for verdict in verdicts:
            wanted = 0 if verdict.tag == VERDICTS[0] else int(verdict.get("number", "1"))
            if broken[verdict.text] != wanted:
                wrong.append((name, verdict.text, wanted, broken[verdict.text]))
    assert not wrong


def test_the_whole_examples_keep_schema_and_rules() -> None:
    paths = sorted(data_root("einvoice", "en16931", "examples").glob("*.xml"))
    roots = [etree.parse(path).getroot() for path in paths]
    assert len(roots) == 16
    for path, root in zip(paths, roots, strict=True):
        ubl_schema(etree.QName(root).localname).assertValid(root)
        assert packaged_rules()(EInvoiceForm.UBL, path.read_bytes()) == (), path.name
    assert [set(broken) for broken in broken_rules(roots)] == [set()] * len(roots)


def test_a_document_that_breaks_rules_is_told_by_their_names() -> None:
    path = data_root("einvoice", "en16931", "examples") / "ubl-tc434-example8.xml"
    text = path.read_bytes()
    due = text.replace(b">1099.78</cbc:PayableAmount>", b">99.78</cbc:PayableAmount>")
    assert due != text
    assert [breach.rule for breach in packaged_rules()(EInvoiceForm.UBL, due)] == ["BR-CO-16"]
    misplaced = text.replace(
        b"<cbc:DocumentCurrencyCode", b"<cbc:Note>late</cbc:Note><cbc:DocumentCurrencyCode"
    ).replace(b"<cbc:IssueDate", b"<cbc:BuyerReference>1</cbc:BuyerReference><cbc:IssueDate")
    assert "XSD" in {breach.rule for breach in packaged_rules()(EInvoiceForm.UBL, misplaced)}

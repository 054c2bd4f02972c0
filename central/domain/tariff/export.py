"""A document back as text, in the syntax it was loaded from; what is not said is left out."""

from __future__ import annotations

import json

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.grammar.document import DOCUMENT
from central.domain.tariff.grammar.kind import Json


def to_canonical_text(document: TariffDocument) -> str:
    """The document as JSON with no spaces: what a version's hash covers.

    Order is kept where it means something (charges, periods) and is that of the grammar elsewhere,
    so that only a change of content changes the text.
    """
    return json.dumps(to_source(document), separators=(",", ":"), ensure_ascii=True)


def to_source(document: TariffDocument) -> Json:
    """The document as nested mappings, lists and strings that `load_tariff` reads back."""
    return DOCUMENT.write(document)

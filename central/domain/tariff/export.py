"""A document back as text, in the syntax it was loaded from; what is not said is left out."""

from __future__ import annotations

import json

from central.domain.tariff.document import TariffDocument
from central.domain.tariff.grammar.document import DOCUMENT
from central.domain.tariff.grammar.kind import Json

_NORMAL_DAYS = "30"


def to_canonical_text(document: TariffDocument) -> str:
    """The document as JSON with no spaces, which `load_tariff` reads back.

    Order is kept where it means something (charges, periods) and is that of the grammar elsewhere,
    so that only a change of content changes the text.
    """
    return _text(to_source(document))


def to_hashed_text(document: TariffDocument) -> str:
    """The canonical text that a version's hash covers.

    It leaves out the 30 days of a month: so every text did when a tariff had not to say them, and
    what was billed under such a version names its hash.
    """
    source = to_source(document)
    cycle = dict(source["cycle"])
    if cycle["normal_days"] == _NORMAL_DAYS:
        del cycle["normal_days"]
    return _text(
        {
            key: cycle if key == "cycle" else value
            for key, value in source.items()
            if key != "cycle" or cycle
        }
    )


def to_source(document: TariffDocument) -> Json:
    """The document as nested mappings, lists and strings that `load_tariff` reads back."""
    return DOCUMENT.write(document)


def _text(source: Json) -> str:
    return json.dumps(source, separators=(",", ":"), ensure_ascii=True)

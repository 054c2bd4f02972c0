"""The JSON Schema of tariff documents, published as docs/reference/tariffs/schema.json.

It checks shapes, for editors and other tools; what must hold between parts (names that exist,
hours that are covered once, bounds that ascend) is checked by `load_tariff`. Run as a module, it
prints the file.
"""

from __future__ import annotations

import json
import sys

from central.domain.tariff.grammar.charges import CHARGE, MINIMUM, PERCENT, TAX
from central.domain.tariff.grammar.commitments import COMMITMENT
from central.domain.tariff.grammar.determinants import DETERMINANT
from central.domain.tariff.grammar.document import DOCUMENT
from central.domain.tariff.grammar.kind import NUMBER, Schema
from central.domain.tariff.grammar.prices import PRICES, STEP, STEPS

_DEFINITIONS = (NUMBER, PRICES, STEPS, STEP, CHARGE, PERCENT, TAX, MINIMUM, COMMITMENT, DETERMINANT)


def tariff_schema() -> Schema:
    """The schema, JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Meterline tariff",
        "description": "Prices as strings or plain numbers; both load as exact decimals.",
        **DOCUMENT.shape,
        "$defs": {kind.ref: kind.shape for kind in _DEFINITIONS},
    }


def published() -> str:
    """The schema as the file holds it."""
    return json.dumps(tariff_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(published())

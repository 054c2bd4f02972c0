"""Numbers as people and files write them: ASCII digits, one reading."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


def plain_decimal(text: str) -> Decimal | None:
    """The exact number that a text is; None where it is none.

    Python's own reading also takes `1_000`, digits of other scripts, `NaN` and `Infinity`, which
    nobody who writes a bill means.

    Args:
        text: Any; blanks around it are left out.
    """
    stripped = text.strip(" \t")
    return Decimal(stripped) if _NUMBER.fullmatch(stripped) else None

"""Binary floats as the decimals that a meter can have meant. Source: IEEE 754."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

# Digits that always suffice to tell a float of the width from its neighbours.
_DIGITS = {"f": 9, "d": 17}


def shortest_decimal(raw: bytes, form: str) -> Decimal | None:
    """The shortest decimal that rounds to the same float; None for NaN and infinities.

    A binary float is not a decimal: 0.2 in 32 bits is 0.200000003. The shortest decimal that gives
    the same bits again has every digit the meter can have meant and none of the noise.

    Args:
        raw: Its bytes.
        form: As `struct` names width and order: `<f`, `>f`, `<d`, `>d`.
    """
    (number,) = struct.unpack(form, raw)
    if not math.isfinite(number):
        return None
    for digits in range(1, _DIGITS[form[-1]]):
        text = f"{number:.{digits}g}"
        try:
            same = struct.pack(form, float(text)) == raw
        except OverflowError:
            continue  # rounded up beyond the largest float of this width
        if same:
            return Decimal(text)
    return Decimal(f"{number:.{_DIGITS[form[-1]]}g}")

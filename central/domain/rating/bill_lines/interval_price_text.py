"""The price of every interval as one short text, so that a bill keeps what its energy was worth.

`BOTTOM:CODE`: prices are whole numbers over `BOTTOM`. The code is Base64 of runs of equal prices,
each as the number 2 x zigzag(price - price before) + (1 where the run is longer than one interval),
then the intervals beyond the first where it is. Numbers are in groups of 7 bits, the lowest first,
with the high bit on all but the last. No library that packs otherwise elsewhere has a part in it,
since the text is hashed.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import groupby, repeat
from math import gcd


def price_text(tops: Sequence[int], bottom: int) -> str:
    """The text of some prices.

    Args:
        tops: One per interval, ascending in time.
        bottom: What they are divided by, above zero. [1 / (currency per unit)]
    """
    return _price_text(tuple(tops), bottom)


# The bills of a tariff and period have the same prices.
@lru_cache(maxsize=64)
def _price_text(tops: tuple[int, ...], bottom: int) -> str:
    shared = gcd(bottom, *tops)
    code, before = bytearray(), 0
    for price, run in groupby(top // shared for top in tops):
        step, length = price - before, sum(1 for _ in run)
        before = price
        zigzag = 2 * step if step >= 0 else -2 * step - 1
        _append(code, 2 * zigzag + (length > 1))
        if length > 1:
            _append(code, length - 1)
    return f"{bottom // shared}:{binascii.b2a_base64(code, newline=False).decode()}"


_LOW, _MORE = 0x7F, 0x80


def _append(code: bytearray, number: int) -> None:
    while number > _LOW:
        code.append(number & _LOW | _MORE)
        number >>= 7
    code.append(number)


def prices_in(text: str) -> list[Fraction]:
    """The prices that `price_text` wrote, one per interval.

    Raises:
        ValueError: The text is no such text.
    """
    bottom, code = text.split(":")
    found: list[Fraction] = []
    numbers, price = _numbers(binascii.a2b_base64(code, strict_mode=True)), 0
    for number in numbers:
        zigzag, is_longer = divmod(number, 2)
        price += -(zigzag + 1) // 2 if zigzag % 2 else zigzag // 2
        length = 1 + (next(numbers, 0) if is_longer else 0)
        found += repeat(Fraction(price, int(bottom)), length)
    return found


def _numbers(code: bytes) -> Iterator[int]:
    number, shift = 0, 0
    for byte in code:
        number |= (byte & _LOW) << shift
        shift += 7
        if byte <= _LOW:
            yield number
            number, shift = 0, 0

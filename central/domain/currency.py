"""Currencies of ISO 4217: which codes there are, and how many decimals each has."""

from __future__ import annotations

from iso4217 import Currency


def digits_of(code: str) -> int | None:
    """The decimals of a currency's smaller unit: 2 for EUR, 0 for JPY, 3 for KWD.

    Args:
        code: Three letters.

    Returns:
        None where ISO 4217 lists no such currency, or one without a smaller unit, as gold.
    """
    try:
        return Currency(code).exponent
    except ValueError:
        return None


def number_of(code: str) -> str:
    """The number of a currency by ISO 4217, such as 978 for EUR; "" where it lists none."""
    try:
        return str(Currency(code).number)
    except ValueError:
        return ""

"""Codes by which networks call a supply point: CUPS in Spain, EAN elsewhere, MPAN in Britain.

Each has check digits; codes of other schemes are taken as they are written.
"""

from __future__ import annotations

import re

from firmware_bridge.contract.errors import OperatorError

SCHEMES = ("CUPS", "EAN", "MPAN")
_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CUPS = re.compile(r"ES(\d{16})([A-Z]{2})(?:\d[FPRCXYZ])?")
_EAN = re.compile(r"\d{18}")
_MPAN = re.compile(r"\d{13}")
_OTHER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,39}")
_CUPS_MODULUS = 529
_MPAN_WEIGHTS = (3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43)


class SupplyCodeError(OperatorError):
    """A code of a supply point is not written as its scheme says."""

    code = "SUPPLY_CODE"
    default_remedy = "Copy it from a bill, or from the network's register."


def read_supply_code(scheme: str, code: str) -> str:
    """The code without blanks, its check digits proven.

    Args:
        scheme: `CUPS`, `EAN`, `MPAN`, or the name of another.
        code: As somebody wrote it.

    Raises:
        SupplyCodeError: It is not one of its scheme.

    A CUPS ends with two letters: its number modulo 529, divided by 23. An EAN has the check digit
    of GS1, modulo 10. An MPAN has the remainder by 11, then by 10, of its digits times primes
    without 11.
    """
    plain = code if scheme not in SCHEMES else "".join(code.split()).upper()
    proven = {"CUPS": _is_cups, "EAN": _is_ean, "MPAN": _is_mpan}.get(scheme, _is_other)
    if not proven(plain):
        message = f"{code!r} is no {scheme or 'code of a supply point'}, or a sign of it is wrong."
        raise SupplyCodeError(message, value=code)
    return plain


def _is_cups(code: str) -> bool:
    match = _CUPS.fullmatch(code)
    if match is None:
        return False
    first, second = divmod(int(match[1]) % _CUPS_MODULUS, len(_LETTERS))
    return match[2] == _LETTERS[first] + _LETTERS[second]


def _is_ean(code: str) -> bool:
    if not _EAN.fullmatch(code):
        return False
    # From the right, every second digit counts three times.
    return sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(reversed(code))) % 10 == 0


def _is_mpan(code: str) -> bool:
    if not _MPAN.fullmatch(code):
        return False
    pairs = zip(code, _MPAN_WEIGHTS, strict=False)
    return sum(int(digit) * weight for digit, weight in pairs) % 11 % 10 == int(code[-1])


def _is_other(code: str) -> bool:
    return _OTHER.fullmatch(code) is not None

"""Data lines of IEC 62056-21: `address(value*unit)(value)...`, one or more per line.

DSMR P1 telegrams are mode D read-outs and use the same lines.

Source: EN 62056-21:2002, 6.5 (data message), annex A; EN 62056-61 for the reduced codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.driver.telegram import TelegramSyntaxError, TelegramTooLargeError

LINE_MAX = 8192
DATASETS_MAX = 2000

_NUMBER = re.compile(r"[+-]?\d{1,20}(?:[.,]\d{1,15})?", re.ASCII)
_STAMP = re.compile(r"\d{10,14}[SW]?", re.ASCII)
# From 91 on, what countries and makers put under codes of their own is no number alone.
_LAST_COUNTED = 90
_PORT_VALUE = re.compile(r"0-[1-9]\d{0,2}:24\.2\.\d{1,3}(?:\*255)?", re.ASCII)
_ADDRESS = re.compile(
    r"(?:(?P<a>\d{1,3})-(?P<b>\d{1,3}):)?(?P<c>\d{1,3}|[CFLP])\.(?P<d>\d{1,3}|[CFLP])"
    r"(?:\.(?P<e>\d{1,3}))?(?:[*&](?P<f>\d{1,3}))?",
    re.ASCII,
)
# The letters stand for the abstract groups. Source: EN 62056-61, table 1.
_LETTERS = {"C": 96, "F": 97, "L": 98, "P": 99}
_BYTE_MAX = 255
_ADDRESS_MAX = len("255-255:255.255.255*255")
# A meter's telegrams have the same addresses for ever.
_ADDRESSES_CACHED = 1024


@dataclass(frozen=True, slots=True)
class DataSet:
    """An address and the texts of the brackets that follow it.

    Args:
        address: As sent; an OBIS code, or a maker's own name.
        values: The text inside each pair of brackets.
    """

    address: str
    values: tuple[str, ...]

    @property
    def obis(self) -> Obis | None:
        """The code the address spells, None where it is the maker's own."""
        return parse_address(self.address)


def parse_address(address: str) -> Obis | None:
    """The OBIS code of an address; what is left out is 1-0 and 255, letters are their numbers.

    Of what electricity codes count, an E left out is 0, the total.
    """
    return _parsed_address(address) if len(address) <= _ADDRESS_MAX else None


@lru_cache(maxsize=_ADDRESSES_CACHED)
def _parsed_address(address: str) -> Obis | None:
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return None
    abstract = match["c"] in _LETTERS or match["c"] == "0"
    total = "0" if match["a"] in (None, "1") and not abstract else "255"
    defaults = {"a": "0" if abstract else "1", "b": "0", "e": total, "f": "255"}
    groups = []
    for name in "abcdef":
        text = match[name] or defaults.get(name, "0")
        groups.append(_LETTERS[text] if text in _LETTERS else int(text))
    return Obis(bytes(groups)) if max(groups) <= _BYTE_MAX else None


def parse_number(text: str) -> tuple[Decimal, str] | None:
    """The number and unit of `1.5*kWh` or `1.5`; None if it is not a number.

    The standard has a point before the decimals, and nothing before thousands, so that a comma is
    no other mark.
    """
    digits, _, unit = text.partition("*")
    digits = digits.strip()
    if _NUMBER.fullmatch(digits) is None:
        return None
    return Decimal(digits.replace(",", ".")), unit.strip()


def unread(objects: Iterable[DataSet]) -> list[str]:
    """The objects under whose codes a number belongs and none is read, as they were sent.

    An object without a digit (`--.---*kW`) says that there is no value, and is none of these; nor
    is one whose time is none, which a port without a device shows.

    Args:
        objects: Of a telegram.
    """
    return [
        item.address + "".join(f"({text})" for text in item.values)
        for item in objects
        if (text := _counted(item)) is not None
        and any(char.isdecimal() for char in text)
        and _STAMP.fullmatch(text) is None
        and not _is_read(item, text)
    ]


def _is_read(item: DataSet, text: str) -> bool:
    number = parse_number(text)
    if number is None:
        return False
    # The code of a port names no unit; 0 without one is shown where no device hangs any more.
    return bool(number[1] or not number[0]) or _PORT_VALUE.fullmatch(item.address) is None


def _counted(item: DataSet) -> str | None:
    """The text where the value of a counting code stands; None for any other object."""
    code = item.obis
    is_own = code is not None and code.code[0] == 1 and 0 < code.code[2] <= _LAST_COUNTED
    if not is_own and _PORT_VALUE.fullmatch(item.address) is None:
        return None
    if len(item.values) == 1:
        return item.values[0] if is_own else None
    dated = len(item.values) == 2 and _STAMP.fullmatch(item.values[0]) is not None  # noqa: PLR2004 - time and value
    return item.values[1] if dated else None


def parse_line(line: str) -> list[DataSet]:
    """The data sets of one line. The first has an empty address where the line continues another.

    Raises:
        TelegramSyntaxError: Brackets do not pair, or something else is in the line.
        TelegramTooLargeError: The line is longer than any real one.
    """
    if len(line) > LINE_MAX:
        message = f"A data line of {len(line)} characters is longer than {LINE_MAX}."
        raise TelegramTooLargeError(message)
    sets = []
    at = 0
    while at < len(line):
        bracket = line.find("(", at)
        address = line[at:bracket]
        if bracket < 0 or ")" in address:
            message = "A data line is not of the form address(value)."
            raise TelegramSyntaxError(message, value=line)
        at, values = _values(line, bracket)
        sets.append(DataSet(address.strip(), values))
    return sets


def _values(line: str, at: int) -> tuple[int, tuple[str, ...]]:
    values = []
    while at < len(line) and line[at] == "(":
        end = line.find(")", at)
        text = line[at + 1 : end]
        if end < 0 or "(" in text:
            message = "A data line has an unpaired bracket."
            raise TelegramSyntaxError(message, value=line)
        values.append(text)
        at = end + 1
    return at, tuple(values)


def parse_block(text: str, *, lenient: bool) -> tuple[DataSet, ...]:
    """The data sets of a block of lines.

    Args:
        text: The lines between identification and end, separated by CR, LF or both.
        lenient: Whether a line of another form is passed over. Right where a checksum vouches
            for the bytes: it is then the maker's own line and not a damaged one.

    Raises:
        TelegramSyntaxError: A line has another form, or an unprintable character.
        TelegramTooLargeError: There are more data sets than in any real telegram.
    """
    sets: list[DataSet] = []
    for line in re.split(r"[\r\n]+", text):
        if not line.strip():
            continue
        try:
            if not line.isascii() or not line.isprintable():
                message = "A data line holds an unprintable character."
                raise TelegramSyntaxError(message, value=line)  # noqa: TRY301 - one path for both
            found = parse_line(line.strip())
        except TelegramSyntaxError:
            if lenient:
                continue
            raise
        if found and not found[0].address and sets:
            # DSMR 2.2 and 3 write the gas value on a line of its own under its object.
            sets[-1] = DataSet(sets[-1].address, sets[-1].values + found.pop(0).values)
        sets += found
        if len(sets) > DATASETS_MAX:
            message = f"The telegram has more than {DATASETS_MAX} data sets."
            raise TelegramTooLargeError(message)
    return tuple(sets)


def hex_text(text: str) -> str:
    """The printable text that hex digits spell, else the text itself.

    Meters send identifiers as octet strings in hex; some makers put plain digits there.
    """
    try:
        decoded = bytes.fromhex(text).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return text
    return decoded if decoded and decoded.isprintable() else text


def checked_obis(text: str) -> Obis:
    """The code of a constant of this package.

    Raises:
        InvalidValueError: It is none.
    """
    code = parse_address(text)
    if code is None:
        message = f"{text!r} is not an OBIS code."
        raise InvalidValueError(message, value=text)
    return code

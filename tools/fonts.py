"""Measure which characters the invoice's fonts print: `python -m tools.fonts`.

Every character is typeset by the compiler that makes invoices, in both weights that they use; PDF/A
allows no missing glyph, so what is refused is what a font lacks. The answer is kept in
`central/domain/billing/printable.txt`; write it again where the compiler changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import typst

FAMILIES = (
    "Libertinus Serif",
    "New Computer Modern",
    "New Computer Modern Math",
    "DejaVu Sans Mono",
)
WEIGHTS = ("regular", "bold")
TABLE = Path(__file__).parents[1] / "central" / "domain" / "billing" / "printable.txt"
_SOURCE = """\
#set page(width: 9000cm, height: auto)
#set text(font: "{family}", weight: "{weight}", fallback: {fallback}, size: 6pt)
#sys.inputs.data
"""
_REFUSED = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
# A text that is refused costs more than in proportion to what it lacks.
_AT_A_TIME = 48
# Control, unassigned, private (nobody's letter), half of a pair.
_NO_CHARACTER = frozenset({"Cc", "Cn", "Co", "Cs"})
_BLANKS = "\t\n"
# Thousands each, of which the fonts have none: the tests try samples.
_WITHOUT = ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "HANGUL SYLLABLE", "TANGUT ")
_PLANES = 0x20000


def candidates() -> list[str]:
    """The characters that a font of ours might have."""
    every = map(chr, range(_PLANES))
    return [
        one
        for one in every
        if (unicodedata.category(one) not in _NO_CHARACTER or one in _BLANKS)
        and not unicodedata.name(one, "").startswith(_WITHOUT)
    ]


def compiler() -> typst.Compiler:
    """A compiler that knows the fonts that invoices know."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    return typst.Compiler(font_paths=fonts)


def refused(
    press: typst.Compiler, text: str, weight: str, family: str = FAMILIES[0], *, alone: bool = False
) -> set[str]:
    """The characters of a text that are missed first; empty where all of it is printed.

    Args:
        press: From `compiler`.
        text: To be typeset.
        weight: Of the letters.
        family: Of the fonts.
        alone: Whether no other family may help.
    """
    source = _SOURCE.format(family=family, weight=weight, fallback=str(not alone).lower())
    try:
        press.compile(
            source.encode(), format="pdf", sys_inputs={"data": text}, pdf_standards="a-3b"
        )
    except typst.TypstError as error:
        found = set(chain.from_iterable(map(_unescaped, _REFUSED.findall(str(error)))))
        if not found:
            raise
        return found & set(text)
    return set()


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else _PLAIN.get(found[2], found[2])

    return _ESCAPE.sub(plain, text)


def printed(
    press: typst.Compiler, chars: Sequence[str], family: str = FAMILIES[0], *, alone: bool = False
) -> list[str]:
    """Those of some characters that are printed in every weight."""
    found = []
    for lot in _lots(chars):
        left = lot
        for weight in WEIGHTS:
            # A line each: letters that join are refused with one that a font lacks beside them.
            while lacking := refused(press, "\n".join(left), weight, family, alone=alone):
                left = [one for one in left if one not in lacking]
        found += left
    return found


def _lots(chars: Sequence[str]) -> Iterator[list[str]]:
    """Characters that may be tried together; one that changes its neighbour is tried alone."""
    lot: list[str] = []
    for one in chars:
        if unicodedata.category(one)[0] == "M" or unicodedata.category(one) == "Cf":
            yield [one]
            continue
        lot.append(one)
        if len(lot) == _AT_A_TIME:
            yield lot
            lot = []
    yield lot


def ranges(codes: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Runs of ascending numbers, as first and last."""
    first = last = -2
    for code in codes:
        if code != last + 1:
            if first >= 0:
                yield first, last
            first = code
        last = code
    if first >= 0:
        yield first, last


def section(name: str, chars: Iterable[str]) -> Iterator[str]:
    """The lines of the table that name some characters."""
    yield f"[{name}]"
    for first, last in ranges(sorted(map(ord, chars))):
        yield f"{first:x}-{last:x}" if last > first else f"{first:x}"


def main() -> None:
    """Measure, and write the table."""
    press = compiler()
    lines = [f"# Measured with typst {version('typst')} by `python -m tools.fonts`."]
    # Which font helps out depends on what stands before, so each is tried alone as well.
    every = [
        one
        for one in printed(press, candidates())
        if not any(refused(press, one, weight) for weight in WEIGHTS)
    ]
    lines += section("together", every)
    for family in FAMILIES:
        lines += section(family, printed(press, every, family, alone=True))
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

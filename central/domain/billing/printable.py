"""What the invoice's fonts can print, and what of a bill they cannot.

A bill whose texts cannot be printed is held before it is issued, since nothing of it can be changed
afterwards. What the fonts cover is measured, not guessed: see `tools/fonts.py`. What nobody sees is
not printed either, though a font has it: an override of the direction turns round the amount that
stands after it, and two names that look alike would be two customers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.resources import files

from central.domain.rating.hold import Hold

UNPRINTABLE_TEXT = "UNPRINTABLE_TEXT"
_NAMED_AT_MOST = 8
_JOINERS = frozenset("\u200c\u200d")
# Control, format, unassigned, private, half a pair, separators of lines and paragraphs.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Blank letters, signs and marks of other categories.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
# A place to part a word, which a typesetter understands, and the blanks between lines and fields.
_UNDERSTOOD = frozenset("\u00ad\t\n")
Text = tuple[str, str]
"""What a text is, as one would call it, and the text as it is printed."""


def unprintable(text: str) -> tuple[str, ...]:
    """The characters of a text that the invoice's fonts cannot print, each once, in order."""
    # What nearly every text is made of costs next to nothing.
    if text.isascii() and text.isprintable():
        return ()
    return _searched(text)


@lru_cache(maxsize=65_536)
def _searched(text: str) -> tuple[str, ...]:
    lacking = [one for part in _clusters(text) for one in _lacking(part)]
    return tuple(dict.fromkeys(lacking))


def _clusters(text: str) -> Iterator[str]:
    """Letters with the marks that stand on them."""
    held = ""
    for sign in text:
        if held and not (unicodedata.category(sign)[0] == "M" or sign in _JOINERS):
            yield held
            held = ""
        held += sign
    if held:
        yield held


def _lacking(cluster: str) -> tuple[str, ...]:
    """What is missing of a letter with its marks, as they stand and as one sign."""
    unseen = tuple(sign for sign in cluster if is_unseen(sign, cluster[0]))
    if unseen:
        return unseen
    missed = _missed(cluster)
    return missed if missed and _missed(unicodedata.normalize("NFC", cluster)) else ()


def is_unseen(sign: str, letter: str = "a") -> bool:
    """Whether nobody sees a sign, or has no business with it.

    Args:
        sign: One character.
        letter: What it stands behind; a joiner behind an Arabic letter is spelling.
    """
    if sign in _JOINERS:
        return unicodedata.bidirectional(letter) != "AL"
    if sign in _UNDERSTOOD:
        return False
    return sign in _UNSEEN or unicodedata.category(sign) in _UNSEEN_CATEGORIES


def _missed(cluster: str) -> tuple[str, ...]:
    """What no font has; of a letter with marks, the marks that its font has not.

    The first font is the invoice's own, the others help out; which of them does is not ours to say.
    """
    together, *fonts = _coverage()
    alone = tuple(sign for sign in cluster if ord(sign) not in together)
    if alone or len(cluster) == 1:
        return alone
    letter, marks = cluster[0], cluster[1:]
    with_letter = [font for font in fonts if ord(letter) in font]
    asked = with_letter[:1] if ord(letter) in fonts[0] else with_letter
    return tuple(sign for sign in marks if not all(ord(sign) in font for font in asked))


@cache
def _coverage() -> tuple[frozenset[int], ...]:
    """The code points of the fonts together, and of each by itself."""
    fonts: list[set[int]] = []
    table = files(__package__).joinpath("printable.txt").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line.startswith("["):
            fonts.append(set())
        elif line and not line.startswith("#"):
            first, _, last = line.partition("-")
            fonts[-1].update(range(int(first, 16), int(last or first, 16) + 1))
    return tuple(map(frozenset, fonts))


def named(signs: Iterable[str]) -> str:
    """Characters by code point and name, since they cannot be printed themselves."""
    listed = list(signs)
    names = [
        f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".strip()
        for sign in listed[:_NAMED_AT_MOST]
    ]
    more = len(listed) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def unprintable_holds(texts: Iterable[Text]) -> tuple[Hold, ...]:
    """A hold per text that cannot be printed; each text once.

    Args:
        texts: All that goes on a bill.
    """
    listed = list(texts)
    # Of nearly every bill all can be printed: asked once, not for each text.
    if not unprintable("".join([text for _, text in listed])):
        return ()
    found: dict[str, Hold] = {}
    for place, text in listed:
        signs = unprintable(text)
        if signs and text not in found:
            message = f"The invoice's fonts cannot print the {place}: they have no {named(signs)}."
            found[text] = Hold(UNPRINTABLE_TEXT, message, text)
    return tuple(found.values())

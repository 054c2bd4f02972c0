"""Text that every reader and store can hold and show as it is.

No NUL, unpaired surrogate or control character, and no control of direction: an override turns
round what stands after it, so that two names that look alike would be two customers.
"""

from __future__ import annotations

import re
from typing import Final

# C0, DEL and C1 steer terminals and logs; U+D800 .. U+DFFF alone are no characters at all.
_TURNS: Final = "\u202a-\u202e\u2066-\u2069"
_BAD: Final = re.compile(f"[\x00-\x1f\x7f-\x9f{_TURNS}\ud800-\udfff]")
_BAD_IN_LINES: Final = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_TURNS}\ud800-\udfff]")
_DIRECTION: Final = re.compile(f"[{_TURNS}]")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_SURROGATES: Final = range(0xD800, 0xE000)


def flaw(text: str, *, lines: bool = False) -> str | None:
    """What stands in a text that cannot be kept or shown, in words; None where nothing does.

    Args:
        text: Any.
        lines: Whether it is a document, in which tabs and line ends belong.
    """
    found = (_BAD_IN_LINES if lines else _BAD).search(text)
    if found is None:
        return None
    code = ord(found[0])
    if code == 0:
        return "NUL"
    if code in _SURROGATES:
        return f"the unpaired surrogate U+{code:04X}"
    if _DIRECTION.match(found[0]):
        return f"the control of direction U+{code:04X}"
    return f"the control character U+{code:04X}"


def storable(text: str) -> bool:
    """Whether a database's text can hold it: control characters are ugly, and no more."""
    return _UNSTORABLE.search(text) is None


def plain(text: str, longest: int) -> str:
    r"""The text as it can be kept and shown: what cannot is written as `\x00` is, and it ends.

    Args:
        text: Any, such as a sentence that quotes what somebody sent.
        longest: Most characters of the result.
    """
    kept = _BAD.sub(lambda found: repr(found[0])[1:-1], text)
    return kept if len(kept) <= longest else f"{kept[: longest - 3]}..."

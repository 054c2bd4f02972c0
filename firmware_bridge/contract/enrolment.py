"""What is said when a gateway claims its name, and when it renews its certificate.

JSON over HTTPS. The gateway makes its keys and never sends one: it sends a request for a
certificate (PKCS #10), and shows with signatures that it has the keys. What is signed for one
purpose fits no other.
"""

from __future__ import annotations

import hashlib
from typing import Final

from firmware_bridge.contract.errors import InvalidValueError

CLAIM_PATH: Final = "/api/v1/enrolment/claim"
RENEW_PATH: Final = "/api/v1/enrolment/renew"
_KEY_DOMAIN: Final = b"meterline gateway signing key\0"
_RENEWAL_DOMAIN: Final = b"meterline gateway renewal\0"
# Without I, L, O and U: nobody takes one character for another.
CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARACTERS: Final = 20
CODE_GROUP: Final = 4
_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def canonical_code(code: str) -> str:
    """A claim code as it is compared: capitals without hyphens, misread signs mended.

    >>> canonical_code("abcd-efgh-jkmn-pqrs-tvol")
    'ABCDEFGHJKMNPQRSTV01'

    Raises:
        InvalidValueError: It does not have the form of a claim code. The code is not repeated.
    """
    text = code.upper().translate(_MISREAD)
    if len(text) != CODE_CHARACTERS or not set(text) <= set(CODE_ALPHABET):
        message = (
            f"A claim code has {CODE_CHARACTERS} letters and digits, in groups of {CODE_GROUP}."
        )
        raise InvalidValueError(message, remedy="Type it as `gateway invite` printed it.")
    return text


def printed_code(canonical: str) -> str:
    """A claim code as it is printed, in groups."""
    starts = range(0, CODE_CHARACTERS, CODE_GROUP)
    return "-".join(canonical[start : start + CODE_GROUP] for start in starts)


def signing_key_frame(request: str) -> bytes:
    """What a gateway's signing key signs of a request for a certificate (PEM): that it is there."""
    return _KEY_DOMAIN + hashlib.sha256(request.encode()).digest()


def renewal_frame(request: str) -> bytes:
    """What the key of the present certificate signs of the request for the next one (PEM)."""
    return _RENEWAL_DOMAIN + hashlib.sha256(request.encode()).digest()

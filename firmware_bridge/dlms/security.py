"""General ciphering of APDUs: AES-GCM with a global key. Source: IEC 62056-5-3, 5.4 and 9.2."""
# ruff: noqa: PLR2004 - the security header's fixed places

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, GCM

from firmware_bridge.dlms.axdr import read_length
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    KeyMissingError,
    Keys,
    TelegramTruncatedError,
    TelegramUnsupportedError,
)

_TAG_SIZE = 12
_AUTHENTICATED, _ENCRYPTED, _COMPRESSED = 0x10, 0x20, 0x80
_TITLE_SIZE = 8


@dataclass(frozen=True, slots=True)
class Ciphered:
    """A ciphered APDU.

    Args:
        title: System title of the sender, eight bytes: three letters of the maker, its number.
        control: Security control byte.
        counter: Frame counter, four bytes.
        text: Cipher text, with the tag where the control byte says that there is one.
        size: Bytes of the whole APDU, its tag byte included.
    """

    title: bytes
    control: int
    counter: bytes
    text: bytes
    size: int


def parse_ciphered(data: bytes) -> Ciphered:
    """Read a general-glo-ciphering or general-ded-ciphering APDU from its tag byte on.

    Raises:
        TelegramTruncatedError: It is cut.
        TelegramUnsupportedError: The system title has another size.
    """
    title_size, at = read_length(data, 1)
    if title_size != _TITLE_SIZE:
        message = f"A system title of {title_size} bytes is not supported."
        raise TelegramUnsupportedError(message, value=title_size)
    title = data[at : at + title_size]
    size, at = read_length(data, at + title_size)
    body = data[at : at + size]
    if len(body) < size or size < 5:
        message = f"The ciphered text has {len(body)} of {size} bytes."
        raise TelegramTruncatedError(message)
    return Ciphered(title, body[0], body[1:5], body[5:], at + size)


def decrypt(apdu: Ciphered, keys: Keys | None) -> bytes:
    """The plain APDU.

    Where the control byte asks for authentication and an authentication key is at hand the tag is
    checked. Without that key the text is decrypted unchecked: the link's checksum and the APDU's
    own form then vouch for it, as they do for meters that only encrypt.

    Raises:
        KeyMissingError: It is encrypted, or authenticated only, and the key for it is missing.
        AuthenticationError: The tag does not hold.
        TelegramUnsupportedError: It is compressed.
    """
    if apdu.control & _COMPRESSED:
        message = "A compressed APDU is not supported."
        raise TelegramUnsupportedError(message)
    key = keys.encryption if keys else None
    authentication = keys.authentication if keys else None
    if not apdu.control & (_ENCRYPTED | _AUTHENTICATED):
        return apdu.text
    if key is None:
        message = "The telegram is encrypted."
        raise KeyMissingError(message, remedy="Set `key` to the meter's global encryption key.")
    vector = apdu.title + apdu.counter
    if not apdu.control & _AUTHENTICATED:
        return _keystream(key, vector, apdu.text)
    if len(apdu.text) < _TAG_SIZE:
        message = "The ciphered text is shorter than its tag."
        raise TelegramTruncatedError(message)
    text, tag = apdu.text[:-_TAG_SIZE], apdu.text[-_TAG_SIZE:]
    if authentication is None:
        return _keystream(key, vector, text) if apdu.control & _ENCRYPTED else text
    extra = bytes([apdu.control]) + authentication
    if not apdu.control & _ENCRYPTED:
        _open(key, vector, b"", tag, extra + text)
        return text
    return _open(key, vector, text, tag, extra)


def _open(key: bytes, vector: bytes, text: bytes, tag: bytes, extra: bytes) -> bytes:
    decryptor = Cipher(AES(key), GCM(vector, tag, min_tag_length=_TAG_SIZE)).decryptor()
    decryptor.authenticate_additional_data(extra)
    try:
        return decryptor.update(text) + decryptor.finalize()
    except InvalidTag:
        message = "The authentication tag does not match: a key is wrong or the text was changed."
        raise AuthenticationError(message) from None


def _keystream(key: bytes, vector: bytes, text: bytes) -> bytes:
    """GCM without its tag is counter mode from 2. Source: NIST SP 800-38D, 7.1."""
    decryptor = Cipher(AES(key), CTR(vector + b"\x00\x00\x00\x02")).decryptor()
    return decryptor.update(text) + decryptor.finalize()

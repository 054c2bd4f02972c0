"""Wireless M-Bus: radio frames of formats A and B, extended link layer, authentication layer.

How it works: both formats open with length, control, manufacturer and address. Format A ends each
block (10 bytes, then 16) with a CRC that the length does not count; format B has one CRC over the
first 126 bytes and one over the rest, and counts them. Receivers that strip the CRCs are read only
when told so, since nothing then vouches for the bytes.

Source: EN 13757-4:2019, 12 (formats) and 13 (layers); EN 13757-7:2018; OMS Volume 2.
"""
# ruff: noqa: PLR2004 - the frame's fixed places

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from firmware_bridge.codec.crc import en13757
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    ChecksumError,
    Keys,
    Telegram,
    TelegramSyntaxError,
    TelegramTruncatedError,
    TelegramUnsupportedError,
)
from firmware_bridge.mbus.application.security import (
    MODE_5,
    MODE_7,
    Config,
    Fragment,
    TelegramSecurity,
    check_mac,
    link_decrypt,
)
from firmware_bridge.mbus.application.telegram import (
    COMPACT_LONG,
    MAKERS_OWN,
    VARIABLE_LONG,
    Address,
)

# Unsolicited, installation and alarm messages, answers. Source: EN 13757-4, table 26.
_CONTROLS = frozenset({0x44, 0x46, 0x47, 0x48, 0x08, 0x18, 0x28, 0x38})
_HEAD_BYTES = re.compile(rb"[\x0a-\xff](?=[\x44\x46\x47\x48\x08\x18\x28\x38])", re.DOTALL)
MAKERS_OWN_FORM = frozenset(bytes([code]) for code in MAKERS_OWN)
APPLICATIONS = MAKERS_OWN_FORM | {
    bytes([code]) for code in (*range(0x69, 0x80), *range(0x8A, 0x91))
}
LONG_HEADERS = frozenset({bytes([VARIABLE_LONG]), bytes([COMPACT_LONG])})
_HEAD = 10
_BLOCK = 16
_B_FIRST = 126
_FRAME_MAX = 256 + 2 * 17
_ELL_SIZES = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}
_AFL = 0x90
_MODE_ELL = Config(1 << 8)


@dataclass(frozen=True, slots=True)
class RadioFrame:
    """A frame whose CRCs hold.

    Args:
        control: C field.
        address: The sender.
        user: From the CI field on.
        raw: All bytes.
        checked: Whether CRCs vouch for the bytes, ours or the receiver's that stripped them.
    """

    control: int
    address: Address
    user: bytes
    raw: bytes = field(repr=False)
    checked: bool = True


def size_a(length: int) -> int:
    """Bytes of a frame of format A with this L field."""
    rest = length - 9
    return 12 + rest + 2 * -(-rest // _BLOCK)


def parse_a(raw: bytes) -> RadioFrame:
    """Read a frame of format A that fills `raw`.

    Raises:
        TelegramTruncatedError: Bytes are missing.
        TelegramSyntaxError: Bytes are left over, or the length cannot be.
        ChecksumError: A block's CRC does not hold.
    """
    _check_length(raw, size_a)
    plain = bytearray(_block(raw, 0, _HEAD))
    at = _HEAD + 2
    while at < len(raw):
        size = min(_BLOCK, len(raw) - at - 2)
        plain += _block(raw, at, size)
        at += size + 2
    return _frame(bytes(plain), raw)


def parse_b(raw: bytes) -> RadioFrame:
    """Read a frame of format B that fills `raw`.

    Raises:
        TelegramTruncatedError: Bytes are missing.
        TelegramSyntaxError: Bytes are left over, or the length cannot be.
        ChecksumError: A CRC does not hold.
    """
    _check_length(raw, lambda length: length + 1)
    first = min(len(raw) - 2, _B_FIRST)
    plain = bytearray(_block(raw, 0, first))
    if len(raw) > first + 2:
        plain += _block(raw, first + 2, len(raw) - first - 4)
    return _frame(bytes(plain), raw)


def parse_stripped(raw: bytes) -> RadioFrame:
    """Read a frame whose CRCs the receiver has checked and removed.

    Raises:
        TelegramTruncatedError: Bytes are missing.
        TelegramSyntaxError: Bytes are left over, or the length cannot be.
    """
    _check_length(raw, lambda length: length + 1)
    return _frame(raw, raw)


def _check_length(raw: bytes, size_of: object) -> None:
    if len(raw) < _HEAD + 2:
        message = "The radio frame ends within its first block."
        raise TelegramTruncatedError(message)
    size = size_of(raw[0]) if callable(size_of) else 0
    if raw[0] < _HEAD or len(raw) > size:
        message = "The radio frame's length field is not its size."
        raise TelegramSyntaxError(message, value=raw[0])
    if len(raw) < size:
        message = f"The radio frame has {len(raw)} of {size} bytes."
        raise TelegramTruncatedError(message)


def _block(raw: bytes, start: int, size: int) -> bytes:
    data = raw[start : start + size]
    if size < 1 or en13757(data) != int.from_bytes(raw[start + size : start + size + 2], "big"):
        message = f"The CRC of the block at byte {start} does not match."
        raise ChecksumError(message, value=start)
    return data


def _frame(plain: bytes, raw: bytes) -> RadioFrame:
    if plain[1] not in _CONTROLS:
        message = f"The control field {plain[1]:02X} is not that of a meter."
        raise TelegramSyntaxError(message, value=plain[1])
    return RadioFrame(plain[1], Address.parse_radio(plain[2:10]), plain[10:], raw)


@dataclass(frozen=True, slots=True)
class Transport:
    """What the layers between radio and application left.

    Args:
        user: From the application's CI field on.
        security: For the application.
        address: The sender the application's short header means.
        authenticated: Whether a code over the whole message was checked.
    """

    user: bytes
    security: TelegramSecurity
    address: Address
    authenticated: bool = False

    @property
    def sealed(self) -> bool:
        """Whether everything after the header is encrypted: frames with CRCs never look so."""
        head = {0x7A: 1, 0x7B: 1, 0x72: 9, 0x73: 9}.get(self.user[0] if self.user else 0)
        if head is None or len(self.user) < head + 4:
            return False
        config = Config(int.from_bytes(self.user[head + 2 : head + 4], "little"))
        size = head + 4 + (config.mode == MODE_7) + config.encrypted_size
        return config.mode in (MODE_5, MODE_7) and size == len(self.user)


def unwrap(frame: RadioFrame, keys: Keys | None) -> Transport:
    """Take off the extended link layer and the authentication layer.

    Raises:
        KeyMissingError: A layer is encrypted or authenticated and no key was given.
        AuthenticationError: The code or the encrypted CRC does not hold.
        TelegramTruncatedError: A layer is cut.
        TelegramUnsupportedError: A message in several fragments.
    """
    user, address = frame.user, frame.address
    security = TelegramSecurity(keys, radio=True)
    authenticated = False
    if user[:1] and user[0] in _ELL_SIZES:
        user, address = _extended_link(user, address, security)
    if user[:1] == bytes([_AFL]):
        fragment, user = _fragment(user)
        security = TelegramSecurity(keys, radio=True, counter=fragment.counter)
        if fragment.mac and security.keyed:
            # The meter itself, where a long header follows, is the one whose key it is.
            sender = Address.parse(user[1:9]) if user[:1] in LONG_HEADERS else address
            check_mac(fragment, user, security.key(Config(7 << 8)), sender.raw)
            authenticated = True
    return Transport(user, security, address, authenticated)


def _extended_link(
    user: bytes, address: Address, security: TelegramSecurity
) -> tuple[bytes, Address]:
    kind = user[0]
    size = _ELL_SIZES[kind]
    if len(user) < 1 + size:
        message = "The extended link layer is cut short."
        raise TelegramTruncatedError(message)
    head, rest = user[1 : 1 + size], user[1 + size :]
    if kind in (0x8E, 0x8F):
        address = Address.parse_radio(head[2:10])
    if kind in (0x8C, 0x8E):
        return rest, address
    session, crc = head[-6:-2], head[-2:]
    decrypted = not security.keyed and en13757(rest) == int.from_bytes(crc, "little")
    if session[3] >> 5 and not decrypted:
        vector = address.raw + head[:1] + session + b"\x00\x00\x00"
        plain = link_decrypt(security.key(_MODE_ELL), vector, crc + rest)
        crc, rest = plain[:2], plain[2:]
    if en13757(rest) != int.from_bytes(crc, "little"):
        message = "The CRC of the extended link layer does not match."
        raise AuthenticationError(message) if session[3] >> 5 else ChecksumError(message)
    return rest, address


def _fragment(user: bytes) -> tuple[Fragment, bytes]:
    """Split the authentication and fragmentation layer from what follows it."""
    if len(user) < 4 or len(user) < 2 + user[1] or user[1] < 2:
        message = "The authentication and fragmentation layer is cut short."
        raise TelegramTruncatedError(message)
    control = int.from_bytes(user[2:4], "little")
    if control & 0x4000:
        message = "A message in several fragments is not supported."
        raise TelegramUnsupportedError(message)
    body, at = user[4 : 2 + user[1]], 0
    parts = {}
    mac_size = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16, 8: 12}.get(body[0] & 0x0F if body else 0, 8)
    sizes = {"mcl": (13, 1), "ki": (9, 2), "mcr": (11, 4), "mac": (10, mac_size), "ml": (12, 2)}
    for name, (bit, size) in sizes.items():
        present = control >> bit & 1
        parts[name] = body[at : at + size] if present else b""
        if len(parts[name]) < size * present:
            message = f"The layer ends within its field {name}."
            raise TelegramTruncatedError(message)
        at += size * present
    covered = parts["mcl"] + parts["mcr"] + parts["ml"]
    return Fragment(parts["mcr"], parts["mac"], covered), user[2 + user[1] :]


class RadioSplitter:
    """Cuts recorded radio frames out of a stream.

    Args:
        stripped: Whether the receiver removed the CRCs; every frame must then begin where the one
            before it ends.
    """

    def __init__(self, *, stripped: bool = False) -> None:
        self._stripped = stripped
        self._buffer = bytearray()
        self._due = 0

    def feed(self, data: bytes) -> Iterator[RadioFrame | Telegram]:
        """Sound frames, and refusals of those whose first block holds but not the rest."""
        for at in range(0, len(data), 4096):
            self._buffer += data[at : at + 4096]
            yield from self._drain(last=False)

    def close(self) -> Iterator[RadioFrame | Telegram]:
        """What an ended stream still holds."""
        yield from self._drain(last=True)

    def _drain(self, *, last: bool) -> Iterator[RadioFrame | Telegram]:
        data, at = bytes(self._buffer), 0
        while True:
            head = _HEAD_BYTES.search(data, at)
            # A last byte may be the length of a frame to come.
            at = head.start() if head else max(at, len(data) - 1)
            if head is None or (not last and len(data) - at < _FRAME_MAX):
                break
            found = self._at(data, at)
            if found is None:
                at += 1
                continue
            at += len(found.raw)
            self._due = at
            yield found
        del self._buffer[: len(data) if last else at]
        self._due -= at

    def _at(self, data: bytes, at: int) -> RadioFrame | Telegram | None:
        length = data[at]
        if self._stripped:
            return _attempt(parse_stripped, data[at : at + length + 1])
        # One sound block says that a frame of format A was meant; its CRC costs noise least.
        head = data[at : at + _HEAD + 2]
        meant = en13757(head[:-2]) == int.from_bytes(head[-2:], "big")
        found = _attempt(parse_a, data[at : at + size_a(length)]) if meant else None
        if isinstance(found, RadioFrame):
            return found
        # A whole frame's CRC is dear, so noise is told by its CI field first.
        if data[at + _HEAD : at + _HEAD + 1] in APPLICATIONS:
            other = _attempt(parse_b, data[at : at + length + 1])
            if isinstance(other, RadioFrame):
                return other
        # Nothing else begins where a frame is due: perhaps its receiver removed the CRCs.
        if at == self._due and len(data) > at + length:
            bare = _attempt(parse_stripped, data[at : at + length + 1])
            if isinstance(bare, RadioFrame) and data[at + _HEAD : at + _HEAD + 1] in APPLICATIONS:
                return replace(bare, checked=False)
        # Without any sound block it was noise, or all is lost.
        if at == 0 and len(data) in (length + 1, size_a(length)):
            return found or _attempt(parse_a, data[: size_a(length)])
        return found


def _attempt(parse: object, raw: bytes) -> RadioFrame | Telegram:
    try:
        return parse(raw)  # type: ignore[operator,no-any-return]
    except (TelegramTruncatedError, TelegramSyntaxError, ChecksumError) as error:
        return Telegram.refused(raw, error)

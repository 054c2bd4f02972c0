"""Encryption of M-Bus telegrams: modes 5 and 7, and the authentication of the AFL.

Source: EN 13757-7:2018; OMS Specification Volume 2, 4.1.2, clause 9 (key derivation with AES-CMAC).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR
from cryptography.hazmat.primitives.cmac import CMAC

from firmware_bridge.driver.telegram import (
    AuthenticationError,
    KeyMissingError,
    Keys,
    TelegramTruncatedError,
    TelegramUnsupportedError,
)

MODE_5, MODE_7 = 5, 7
_BLOCK = 16
_VERIFIED = b"\x2f\x2f"
DERIVE_ENCRYPTION, DERIVE_AUTHENTICATION = 0x00, 0x01


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration word of a transport header."""

    word: int

    @property
    def mode(self) -> int:
        """Security mode; 0 is none."""
        return self.word >> 8 & 0x1F

    @property
    def encrypted_size(self) -> int:
        """Bytes from the start of the data that are encrypted."""
        return (self.word >> 4 & 0x0F) * _BLOCK


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an authentication and fragmentation layer says.

    Args:
        counter: Message counter, four bytes, low first; empty where it is not sent.
        mac: The code; empty where there is none.
        covered_head: The bytes of this layer that the code covers, before the next layer's.
    """

    counter: bytes = b""
    mac: bytes = b""
    covered_head: bytes = b""


@dataclass(frozen=True, slots=True)
class TelegramSecurity:
    """What is needed to open a telegram.

    Args:
        keys: The device's key.
        radio: Whether the configuration word is binding. Wired meters from before encryption
            send anything in its place, so there only the known modes count.
        counter: The AFL's message counter, for the key derivation of mode 7.
    """

    keys: Keys | None = None
    radio: bool = False
    counter: bytes = b""

    def open(self, word: int, data: bytes, sender: bytes, access: int) -> bytes:
        """The records of a telegram, decrypted where they were encrypted.

        Args:
            word: The configuration word.
            data: Everything after it.
            sender: Manufacturer, identification, version, medium; low byte first each.
            access: Access number.

        Raises:
            KeyMissingError: It is encrypted and no key was given.
            AuthenticationError: The plain text does not begin as it must: the key is wrong.
            TelegramUnsupportedError: Another security mode, or an unnamed sender.
            TelegramTruncatedError: Fewer bytes than the word says are encrypted.
        """
        config = Config(word)
        known = config.mode in (MODE_5, MODE_7) and config.encrypted_size
        if config.mode == 0 or not (self.radio or known):
            return data
        if config.mode not in (MODE_5, MODE_7):
            message = f"Security mode {config.mode} is not supported."
            raise TelegramUnsupportedError(message, value=config.mode)
        if not sender:
            message = "The telegram is encrypted and has no sender."
            raise TelegramUnsupportedError(message)
        text = data if config.mode == MODE_5 else data[1:]
        if not self.keyed and text.startswith(_VERIFIED):
            return text  # the receiver has the key, and has decrypted it already
        if config.mode == MODE_5:
            return _cbc(config, data, self.key(config), sender + bytes([access]) * 8)
        key = self.key(config)
        if data[:1] and data[0] >> 4 & 0x03 == 1:
            key = derive(DERIVE_ENCRYPTION, key, self.counter, sender)
        return _cbc(config, data[1:], key, bytes(_BLOCK))

    @property
    def keyed(self) -> bool:
        """Whether there is a key."""
        return self.keys is not None and self.keys.encryption is not None

    def key(self, config: Config) -> bytes:
        """The device's key.

        Raises:
            KeyMissingError: None was given.
        """
        key = self.keys.encryption if self.keys else None
        if key is None:
            message = f"The telegram is encrypted in mode {config.mode}."
            raise KeyMissingError(message, remedy="Set `key` to the device's key.")
        return key


WIRED = TelegramSecurity()


def _cbc(config: Config, data: bytes, key: bytes, vector: bytes) -> bytes:
    size = config.encrypted_size
    if size > len(data):
        message = f"The telegram has {len(data)} of {size} encrypted bytes."
        raise TelegramTruncatedError(message)
    if not size:
        return data
    decryptor = Cipher(AES128(key), CBC(vector)).decryptor()
    text = decryptor.update(data[:size]) + decryptor.finalize()
    if not text.startswith(_VERIFIED):
        message = "The decrypted telegram does not begin with 2F 2F: the key is wrong."
        raise AuthenticationError(message)
    return text + data[size:]


def derive(purpose: int, key: bytes, counter: bytes, sender: bytes) -> bytes:
    """The ephemeral key of a message. OMS Volume 2, 9.5: CMAC(K, D | C | ID | 07..07)."""
    return cmac(key, bytes([purpose]) + counter + sender[2:6] + b"\x07" * 7)


def cmac(key: bytes, data: bytes) -> bytes:
    """AES-CMAC. Source: RFC 4493."""
    code = CMAC(AES128(key))
    code.update(data)
    return code.finalize()


def check_mac(fragment: Fragment, covered: bytes, key: bytes, sender: bytes) -> None:
    """Check the code of the AFL over itself and the message.

    Raises:
        AuthenticationError: It does not hold.
    """
    own = derive(DERIVE_AUTHENTICATION, key, fragment.counter, sender)
    computed = cmac(own, fragment.covered_head + covered)[: len(fragment.mac)]
    if not hmac.compare_digest(computed, fragment.mac):
        message = "The message's authentication code does not match."
        raise AuthenticationError(message)


def link_decrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """The extended link layer's payload, AES-128 in counter mode. Source: EN 13757-4, 13.2.10."""
    decryptor = Cipher(AES128(key), CTR(vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()

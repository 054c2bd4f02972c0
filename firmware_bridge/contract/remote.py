"""What the centre tells one gateway under a signature: its meters, and updates to take.

Bodies are msgpack maps. A body must be the one that its own fields encode to, so that no two
messages say the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firmware_bridge.contract import codec
from firmware_bridge.contract.errors import InvalidValueError, MalformedError
from firmware_bridge.contract.reading import AT_MAX_MS, from_ms, to_ms
from firmware_bridge.contract.release import TEXT_MAX, Release
from firmware_bridge.contract.topics import check_gateway

VERSION_MAX: Final = 2**53
TOML_MAX: Final = 60_000
URL_MAX: Final = 1_000
ARTEFACT_MAX_BYTES: Final = 256 * 1024 * 1024
AGENT: Final = "agent"
# Printable ASCII, for a space or a line break could mean one thing here and another to a server.
_URL: Final = re.compile(r"https?://[!-.0-~][!-~]*|file:///[!-~]+")
_COMPONENT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class RemoteConfiguration:
    """The meters of one gateway.

    Args:
        gateway: Whose.
        version: From 1; every one that is published is higher than the one before.
        made_at: When it was signed. Aware.
        toml: `[[meters]]` tables, as in the gateway's own file.
    """

    gateway: str
    version: int
    made_at: datetime
    toml: str


@dataclass(frozen=True, slots=True)
class Update:
    """A version of a component that a gateway is to install.

    Args:
        gateway: Whose.
        component: `agent`, or a name that the gateway's installer knows (a device's firmware).
        version: Of the artefact.
        minimum: The lowest version from which this one may be installed; None for any.
        sha256: Of the artefact, 32 bytes.
        size: Of the artefact. [bytes]
        url: Where it is fetched: https, http or file. Only the hash makes it trusted.
        made_at: When it was signed. Aware.
    """

    gateway: str
    component: str
    version: Release
    minimum: Release | None
    sha256: bytes
    size: int
    url: str
    made_at: datetime


def encode_configuration(message: RemoteConfiguration) -> bytes:
    """The body of a configuration."""
    return codec.pack(
        {
            "gateway": message.gateway,
            "version": message.version,
            "made_at": to_ms(message.made_at),
            "toml": message.toml,
        }
    )


def decode_configuration(body: bytes) -> RemoteConfiguration:
    """Read the body of a configuration.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    names = frozenset(RemoteConfiguration.__slots__)
    fields = codec.mapping("A configuration", codec.unpack(body), names, frozenset())
    message = RemoteConfiguration(
        gateway=_gateway(fields["gateway"]),
        version=codec.integer("version", fields["version"], 1, VERSION_MAX),
        made_at=from_ms(codec.integer("made_at", fields["made_at"], 0, AT_MAX_MS)),
        toml=codec.text("toml", fields["toml"], TOML_MAX, lines=True),
    )
    _check_canonical(body, encode_configuration(message))
    return message


def encode_update(message: Update) -> bytes:
    """The body of an update."""
    return codec.pack(
        {
            "gateway": message.gateway,
            "component": message.component,
            "version": str(message.version),
            "minimum": None if message.minimum is None else str(message.minimum),
            "sha256": message.sha256,
            "size": message.size,
            "url": message.url,
            "made_at": to_ms(message.made_at),
        }
    )


def decode_update(body: bytes) -> Update:
    """Read the body of an update.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    names = frozenset(Update.__slots__)
    fields = codec.mapping("An update", codec.unpack(body), names, frozenset())
    message = Update(
        gateway=_gateway(fields["gateway"]),
        component=component("component", fields["component"]),
        version=release("version", fields["version"]),
        minimum=codec.optional(fields["minimum"], lambda given: release("minimum", given)),
        sha256=codec.octets("sha256", fields["sha256"], 32),
        size=codec.integer("size", fields["size"], 1, ARTEFACT_MAX_BYTES),
        url=_url(fields["url"]),
        made_at=from_ms(codec.integer("made_at", fields["made_at"], 0, AT_MAX_MS)),
    )
    _check_canonical(body, encode_update(message))
    return message


def component(name: str, value: object) -> str:
    """`value` as a component's name.

    Raises:
        SchemaError: It is not 1 to 32 of a-z, 0-9 and hyphen, hyphen not first.
    """
    if _COMPONENT.fullmatch(text := codec.text(name, value, 32)) is None:
        codec.refuse(name, value, "1 to 32 characters of a-z, 0-9 and -, not beginning with -")
    return text


def release(name: str, value: object) -> Release:
    """`value` as a version.

    Raises:
        SchemaError: It is none.
    """
    try:
        return Release.parse(codec.text(name, value, TEXT_MAX))
    except InvalidValueError:
        codec.refuse(name, value, "a version such as 1.4.0")


def _gateway(value: object) -> str:
    try:
        return check_gateway(codec.text("gateway", value, 63))
    except InvalidValueError:
        codec.refuse("gateway", value, "a gateway's name")


def _url(value: object) -> str:
    text = codec.text("url", value, URL_MAX)
    if _URL.fullmatch(text) is None:
        codec.refuse("url", value, "an https, http or file address")
    return text


def _check_canonical(body: bytes, ours: bytes) -> None:
    if body != ours:
        message = "The body is not in its canonical form."
        raise MalformedError(message)

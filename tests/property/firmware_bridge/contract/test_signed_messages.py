"""A signature is good for exactly the bytes that were signed; everything else is refused."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.contract import messages
from firmware_bridge.contract.errors import MessageError
from firmware_bridge.contract.plain_text import flaw
from firmware_bridge.contract.reading import from_ms
from firmware_bridge.contract.release import Release
from firmware_bridge.contract.remote import (
    RemoteConfiguration,
    Update,
    decode_configuration,
    decode_update,
    encode_configuration,
    encode_update,
)
from firmware_bridge.contract.reports import (
    ConfigurationReport,
    ConfigurationState,
    UpdateReport,
    UpdateState,
)
from firmware_bridge.contract.signed import Purpose, Signed, key_id, open_signed, to_sign
from tests.support.size import sized

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ID = key_id(KEY.public_key().public_bytes_raw())
FUZZ = sized("METERLINE_SIGNED_FUZZ", 20_000, 1_000_000)
SEED = 20261123
AT = datetime(2026, 11, 23, tzinfo=UTC)

gateways = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
instants = st.integers(0, 253_402_214_400_000).map(from_ms)
numbers = st.lists(st.integers(0, 999_999_999), min_size=1, max_size=4)
releases = numbers.map(lambda given: Release.parse(".".join(map(str, given))))
documents = st.text(max_size=400).filter(lambda text: flaw(text, lines=True) is None)
configurations = st.builds(
    RemoteConfiguration, gateways, st.integers(1, 2**53), instants, documents
)
updates = st.builds(
    Update,
    gateway=gateways,
    component=st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True),
    version=releases,
    minimum=st.none() | releases,
    sha256=st.binary(min_size=32, max_size=32),
    size=st.integers(1, 256 * 1024 * 1024),
    url=st.sampled_from(["https://updates.example/a?b=c", "file:///media/a.deb"]),
    made_at=instants,
)


def signed(purpose: Purpose, body: bytes) -> Signed:
    return Signed(purpose, ID, KEY.sign(to_sign(purpose, ID, body)), body)


def check(purpose: Purpose, payload: bytes) -> bytes:
    found = open_signed(purpose, payload)
    KEY.public_key().verify(found.signature, found.frame)
    return found.body


@given(configurations)
def test_a_configuration_survives_the_wire(message: RemoteConfiguration) -> None:
    payload = signed(Purpose.CONFIGURATION, encode_configuration(message)).encode()
    assert decode_configuration(check(Purpose.CONFIGURATION, payload)) == message


@given(updates)
def test_an_update_survives_the_wire(message: Update) -> None:
    payload = signed(Purpose.UPDATE, encode_update(message)).encode()
    assert decode_update(check(Purpose.UPDATE, payload)) == message


@given(
    st.builds(
        ConfigurationReport,
        st.sampled_from(ConfigurationState),
        st.integers(0, 2**53),
        st.integers(0, 2**53),
        st.just("CONFIGURATION_STALE"),
    ),
    st.lists(
        st.builds(
            UpdateReport,
            st.just("agent"),
            releases.map(str),
            st.sampled_from(UpdateState),
            st.none() | st.just("UPDATE_HASH"),
        ),
        max_size=16,
    ).map(tuple),
)
def test_a_report_survives_the_wire(
    report: ConfigurationReport, done: tuple[UpdateReport, ...]
) -> None:
    status = messages.Status(messages.GatewayState.ONLINE, "a", AT, 1, report, done)
    assert messages.decode_status(messages.encode_status(status)) == status


BODY = encode_configuration(RemoteConfiguration("roof-7", 3, AT, "[[meters]]\n"))
PAYLOAD = signed(Purpose.CONFIGURATION, BODY).encode()


def test_any_flipped_bit_and_any_cut_is_noticed() -> None:
    for bit in range(8 * len(PAYLOAD)):
        flipped = bytearray(PAYLOAD)
        flipped[bit // 8] ^= 1 << bit % 8
        # A key id that is another one names a key that is not known; the signature covers it too.
        with pytest.raises((MessageError, InvalidSignature)):
            check(Purpose.CONFIGURATION, bytes(flipped))
    for length in range(len(PAYLOAD)):
        with pytest.raises((MessageError, InvalidSignature)):
            check(Purpose.CONFIGURATION, PAYLOAD[:length])


def test_a_signature_for_one_purpose_is_none_for_another() -> None:
    turned = Signed(Purpose.UPDATE, ID, open_signed(Purpose.CONFIGURATION, PAYLOAD).signature, BODY)
    with pytest.raises(InvalidSignature):
        check(Purpose.UPDATE, turned.encode())


def test_hostile_bodies_are_refused_with_errors_of_ours(record_property: object) -> None:
    """What a thief of the key could sign must not break the reader either."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    update = encode_update(
        Update("roof-7", "agent", Release((1,)), None, bytes(32), 9, "https://a.example/b", AT)
    )
    bases = [(BODY, decode_configuration), (update, decode_update)]
    refused = 0
    for _ in range(FUZZ):
        base, decode = chance.choice(bases)
        hostile = bytearray(base)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(hostile))
            match chance.randrange(3):
                case 0:
                    hostile[at] = chance.randrange(256)
                case 1:
                    del hostile[at]
                case _:
                    hostile.insert(at, chance.randrange(256))
        try:
            decode(bytes(hostile))
        except MessageError:
            refused += 1
    assert refused > FUZZ // 2
    assert callable(record_property)
    record_property("hostile bodies", f"{FUZZ}, refused {refused}")

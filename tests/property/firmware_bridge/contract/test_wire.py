"""What is sealed opens as it was, and nothing else opens at all."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.contract import messages
from firmware_bridge.contract.body import Void
from firmware_bridge.contract.envelope import Link, open_batch, seal, seal_void
from firmware_bridge.contract.errors import MessageError
from firmware_bridge.contract.messages import Ack, EpochState, Hello
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.plain_text import flaw
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import (
    Channel,
    Kind,
    Quality,
    Reading,
    Source,
    TimeQuality,
    from_ms,
    to_ms,
    unpack_flags,
)


def texts(longest: int) -> st.SearchStrategy[str]:
    """What a message may hold."""
    return st.text(max_size=longest).filter(lambda text: flaw(text) is None)


plates = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=16)
channels = st.builds(
    Channel,
    manufacturer=plates,
    serial=plates,
    obis=st.binary(min_size=6, max_size=6).map(Obis),
    kind=st.sampled_from(Kind),
    period_s=st.integers(1, 86_400),
    source=st.sampled_from(Source),
    unit=st.sampled_from(Unit),
)
instants = st.integers(0, 253_402_214_400_000).map(from_ms)
int64 = st.integers(-(2**63), 2**63 - 1)
readings = st.builds(
    Reading,
    channel=st.shared(st.lists(channels, min_size=1, max_size=5), key="meters").flatmap(
        st.sampled_from
    ),
    at=instants,
    mantissa=int64,
    exponent=st.integers(-30, 30),
    quality=st.sampled_from(Quality),
    time_quality=st.sampled_from(TimeQuality),
    span_ms=st.integers(0, 10**9),
)
hashes = st.binary(min_size=32, max_size=32)
epochs = st.uuids()
# After the last one another must be possible.
sequences = st.integers(1, 2**63 - 2)
links = st.builds(Link, st.just("roof-7"), epochs, sequences, hashes)


def rows(batch_readings: list[Reading]) -> list[tuple[object, ...]]:
    return sorted(
        (str(r.channel), r.channel.unit, to_ms(r.at), r.exponent, r.mantissa, r.flags, r.span_ms)
        for r in batch_readings
    )


@given(links, instants, st.lists(readings, min_size=1, max_size=60))
def test_sealed_readings_open_as_they_were(
    link: Link, made_at: datetime, given_readings: list[Reading]
) -> None:
    sealed = seal(link, made_at, given_readings)
    batch = open_batch("roof-7", sealed.payload)
    columns = batch.columns
    spans = columns.span_ms or [0] * len(columns)
    opened = [
        Reading(batch.channels[c], from_ms(at), m, e, *unpack_flags(flags), span)
        for c, at, e, m, flags, span in zip(
            columns.channel,
            columns.at_ms,
            columns.exponent,
            columns.mantissa,
            columns.flags,
            spans,
            strict=True,
        )
    ]
    assert rows(opened) == rows(given_readings)
    assert batch.header.sha256 == sealed.sha256
    assert (batch.header.epoch, batch.header.sequence) == (link.epoch, link.sequence)
    assert (batch.prev_hash, batch.made_at_ms) == (link.prev_hash, to_ms(made_at))
    assert len(columns) == sealed.count


@given(links, instants, hashes, texts(200))
def test_void_batch_names_the_hash_it_replaces(
    link: Link, made_at: datetime, replaced: bytes, reason: str
) -> None:
    batch = open_batch("roof-7", seal_void(link, made_at, Void(replaced, reason)).payload)
    assert batch.void == Void(replaced, reason)
    assert len(batch.columns) == 0


EPOCH = UUID(int=1)
NOW = datetime(2026, 10, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "1", Obis.parse("1.8.0"), Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
SEALED = seal(
    Link.first("roof-7", EPOCH),
    NOW,
    [Reading(CHANNEL, NOW + timedelta(minutes=15 * i), 100 + i, 0) for i in range(20)],
)


@pytest.mark.parametrize("bit", range(8 * len(SEALED.payload)))
def test_any_flipped_bit_is_noticed(bit: int) -> None:
    payload = bytearray(SEALED.payload)
    payload[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MessageError):
        open_batch("roof-7", bytes(payload))


@pytest.mark.parametrize("length", range(len(SEALED.payload)))
def test_any_truncation_is_noticed(length: int) -> None:
    with pytest.raises(MessageError):
        open_batch("roof-7", SEALED.payload[:length])


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_with_an_error_of_ours(payload: bytes) -> None:
    for decode in (messages.decode_down, messages.decode_hello, messages.decode_status):
        with pytest.raises(MessageError):
            decode(payload)
    with pytest.raises(MessageError):
        open_batch("roof-7", payload)


@given(
    st.builds(
        Ack,
        epoch=epochs,
        cum=st.integers(0, 2**63 - 1),
        cum_hash=hashes,
        nonce=st.none() | st.binary(min_size=16, max_size=16),
        quarantined=st.lists(sequences, max_size=5).map(tuple),
        new_epoch=st.booleans(),
    )
)
def test_acknowledgement_survives_the_wire(ack: Ack) -> None:
    assert messages.decode_down(messages.encode_ack(ack)) == ack


states = st.builds(
    EpochState,
    epoch=epochs,
    first=sequences,
    last=sequences,
    last_hash=hashes,
    cum=sequences,
    cum_hash=hashes,
    previous=st.none() | epochs,
    previous_last=sequences,
)


@given(
    st.builds(
        Hello,
        nonce=st.binary(min_size=16, max_size=16),
        sent_at=instants,
        agent=texts(100),
        epochs=st.lists(states, min_size=1, max_size=4).map(tuple),
    )
)
def test_hello_survives_the_wire(hello: Hello) -> None:
    assert messages.decode_hello(messages.encode_hello(hello)) == hello

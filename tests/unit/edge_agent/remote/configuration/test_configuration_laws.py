"""Versions only rise, what is good only changes by proof, and a trial that kills ends."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.remote.configuration.state_codec import pack_record, unpack_record
from edge_agent.remote.configuration.state_machine import (
    LAWS,
    ConfigurationPhase,
    ConfigurationRecord,
    Event,
    Failed,
    Offered,
    Passed,
    SignedConfiguration,
    Started,
    Stopped,
    is_known,
    step,
)
from edge_agent.remote.errors import ConfigurationDiedError, ConfigurationStaleError

LIMIT = 3


def kept(version: int) -> SignedConfiguration:
    payload = f"signed {version}".encode()
    return SignedConfiguration(version, hashlib.sha256(payload).digest(), payload)


events = st.one_of(
    st.just(Started(LIMIT)),
    st.just(Stopped()),
    st.just(Passed()),
    st.just(Failed("X", "Because.")),
    st.integers(1, 5).map(lambda more: ("offer", more)),
)


@given(st.lists(events, max_size=40))
def test_whatever_happens_only_proof_makes_good(happenings: list[Event | tuple[str, int]]) -> None:
    standing = ConfigurationRecord()
    for happening in happenings:
        event = (
            Offered(kept(standing.floor + happening[1]))
            if isinstance(happening, tuple)
            else happening
        )
        after = step(standing, event)
        assert after.floor >= standing.floor
        assert after.starts <= LIMIT
        if after.good != standing.good:
            assert isinstance(event, Passed)
            assert after.good == standing.trial
        if standing.trial is not None and after.trial is None and not isinstance(event, Passed):
            assert after.refusal is not None
            assert after.at_work == standing.good
        assert unpack_record(dict(pack_record(after))) == after
        standing = after


def test_the_table_is_the_one_that_is_described() -> None:
    assert set(LAWS) == {
        (ConfigurationPhase.SETTLED, Offered),
        *(
            (ConfigurationPhase.PROBATION, event)
            for event in (Offered, Started, Stopped, Passed, Failed)
        ),
    }


def test_a_trial_may_start_so_often_and_then_good_is_back() -> None:
    standing = step(step(ConfigurationRecord(), Offered(kept(1))), Passed())
    standing = step(standing, Offered(kept(2)))
    for _ in range(LIMIT):
        standing = step(standing, Started(LIMIT))
        assert standing.at_work == kept(2)
    standing = step(standing, Started(LIMIT))
    assert standing.at_work == kept(1)
    assert standing.refusal is not None
    assert (standing.refusal.version, standing.refusal.code) == (2, ConfigurationDiedError.code)
    with pytest.raises(ConfigurationStaleError):
        is_known(standing, 2, b"another one of the same version")
    assert is_known(standing, 2, kept(2).sha256)
    assert not is_known(standing, 3, kept(3).sha256)


def test_a_start_that_ends_as_told_is_no_death() -> None:
    standing = step(ConfigurationRecord(), Offered(kept(1)))
    for _ in range(10 * LIMIT):
        standing = step(step(standing, Started(LIMIT)), Stopped())
    assert standing.at_work == kept(1)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.register_events.limit_marks import limits_in, marks_of
from edge_agent.register_events.state_machine import RegisterLimits
from firmware_bridge.contract.event import Nameplate
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit

PLATE = Nameplate("EAS", "12 34/5")
moduli = st.builds(
    Quantity,
    st.integers(1, 10**12),
    st.integers(-3, 3),
    st.sampled_from([Unit.WATT_HOUR, Unit.LITRE]),
)


@given(st.none() | moduli, st.none() | st.integers(1, 10**6))
def test_limits_survive_as_marks(modulus: Quantity | None, capacity_w: int | None) -> None:
    limits = RegisterLimits(modulus, capacity_w)
    marks = {"read": 7, "plate\tmain\t\tEAS\t1": 1} | marks_of(PLATE, ACTIVE_IMPORT, limits)
    assert list(limits_in(marks)) == [(PLATE, ACTIVE_IMPORT, limits)]


def test_a_limit_that_is_gone_is_forgotten() -> None:
    known = RegisterLimits(Quantity(10_000, 0, Unit.WATT_HOUR), 4_000)
    marks = marks_of(PLATE, ACTIVE_IMPORT, known)
    marks |= marks_of(PLATE, ACTIVE_IMPORT, RegisterLimits(known.modulus, None))
    assert list(limits_in(marks)) == [(PLATE, ACTIVE_IMPORT, RegisterLimits(known.modulus, None))]

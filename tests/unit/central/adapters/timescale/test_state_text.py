"""A state is kept as it is, though another is worth the same."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from fractions import Fraction

from central.adapters.timescale.billing.state_text import state_text
from central.domain.rating.inputs.carried_state import CarriedState, Origin, Peak
from central.domain.tariff.state_rules import Owner


def test_states_of_equal_worth_keep_their_own_tariff_owner_and_days() -> None:
    month = date(2026, 9, 1)
    origins = [Origin(), Origin(month), Origin(owner=Owner.ACCOUNT)]
    peaks = [(Peak("kw", "", month, Fraction(5), origin),) for origin in origins]
    states = [CarriedState(one, tariff=name) for one in peaks for name in ("", "a", "b")]
    assert all(state == states[0] for state in states)
    for state in states:
        text, digest = state_text(state)
        again = CarriedState.from_json(json.loads(text))
        assert (again.tariff, again.peaks[0].origin) == (state.tariff, state.peaks[0].origin)
        assert digest == hashlib.sha256(text.encode()).digest()
    assert state_text(CarriedState()) == state_text(
        CarriedState.from_json({"peaks": [], "credits": [], "sums": []})
    )

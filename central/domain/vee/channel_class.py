"""The classes of channels that there are without any group: by commodity, direction and period."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from central.domain.metering.service_point import PointChannel
from central.domain.vee.policy import Policy
from central.domain.vee.rule import Limits, Threshold
from central.domain.vee.rules import (
    high_use,
    inactive_point,
    service_capacity,
    spike,
    standing_still,
    step_change,
    zero_days,
)
from firmware_bridge.contract.quantity import Unit

_ELECTRICITY, _GAS = 1, 7
_REACTIVE = (3, 4, 5, 6, 7, 8)
_EXPORT = 2
_COMMODITIES = {4: "heat", 5: "cold", 6: "heat", 7: "gas", 8: "water", 9: "water"}


def default_class(channel: PointChannel) -> str:
    """The class of a channel whose point is in no group that is one.

    Args:
        channel: The channel.
    """
    medium, _, quantity = channel.obis.code[:3]
    if channel.unit is Unit.VAR_HOUR or (medium == _ELECTRICITY and quantity in _REACTIVE):
        name = "reactive"
    elif medium == _ELECTRICITY:
        name = "export" if quantity == _EXPORT else "electricity"
    else:
        name = _COMMODITIES.get(medium, "other")
    return f"{name}-daily" if channel.daily else name


def _limits(*pairs: tuple[Threshold[int] | Threshold[Fraction], int]) -> Limits:
    return Limits(
        {
            threshold.name: value if isinstance(threshold.default, int) else Fraction(value)
            for threshold, value in pairs
        }
    )


# A day of one interval stands at one value again and again: water in whole cubic metres.
_DAILY = frozenset({standing_still.RULE.code})
# At night and in snow nothing is fed in, and reactive energy may be none for months.
_MAY_REST = frozenset({zero_days.RULE.code})
_GAS_LIMITS = _limits(
    (service_capacity.CAPACITY, 1_000_000),
    (spike.FLOOR, 6_000),
    (step_change.FLOOR, 1_000),
    (high_use.FLOOR, 2_000),
    (inactive_point.FLOOR, 20),
    (zero_days.ZERO_DAYS, 30),
)
_WATER_LIMITS = _limits(
    (service_capacity.CAPACITY, 100_000),
    (spike.FLOOR, 3_000),
    (step_change.FLOOR, 300),
    (high_use.FLOOR, 100),
    (inactive_point.FLOOR, 4),
    (zero_days.ZERO_DAYS, 14),
)
_HEAT_LIMITS = _limits((zero_days.ZERO_DAYS, 30))

DEFAULT_POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        name + suffix: Policy(limits, rest | daily)
        for name, limits, rest in (
            ("electricity", Limits(), frozenset[str]()),
            ("export", Limits(), _MAY_REST),
            ("reactive", Limits(), _MAY_REST),
            ("gas", _GAS_LIMITS, frozenset[str]()),
            ("water", _WATER_LIMITS, frozenset[str]()),
            ("heat", _HEAT_LIMITS, frozenset[str]()),
            ("cold", _HEAT_LIMITS, frozenset[str]()),
            ("other", Limits(), _MAY_REST),
        )
        for suffix, daily in (("", frozenset[str]()), ("-daily", _DAILY))
    }
)
"""What judges a class without a policy document of its own. Quantities are in Wh, varh or litres
an hour."""

"""The history that the rules of a transaction's days ask for, in one question to the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.day import JudgedDay
from central.domain.vee.history import NO_HISTORY, ChannelHistory, PastDay
from central.domain.vee.policy import Policy
from central.domain.vee.rule import VeeRule
from central.service.ports.validation import (
    ChannelDay,
    PastDays,
    PointChannelId,
    ValidationTransaction,
)
from firmware_bridge.contract.obis import Obis

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AskingDay:
    """A day whose rules ask.

    Args:
        judged: The day.
        policy: What judges it.
        rules: Those of its rules that ask.
    """

    judged: JudgedDay
    policy: Policy
    rules: Sequence[VeeRule]


async def asked_histories(
    work: ValidationTransaction,
    asking: Mapping[ChannelDay, AskingDay],
    judged: Mapping[ChannelDay, JudgedDay],
) -> dict[ChannelDay, ChannelHistory]:
    """The history of each day that asks; no statement where none does.

    Args:
        work: The transaction.
        asking: The days that ask.
        judged: All days that this transaction gives new content; theirs counts.
    """
    if not asking:
        return {}
    spans: dict[tuple[PointChannelId, Obis], DayRange] = {}
    for key, asks in asking.items():
        for obis, days in _needs(key.day, asks):
            asked = key.channel_id, obis
            so_far = spans.get(asked, days)
            spans[asked] = DayRange(min(so_far.first, days.first), max(so_far.end, days.end))
    wanted = [PastDays(channel, obis, days) for (channel, obis), days in spans.items()]
    past = {
        (asks.channel_id, asks.obis): {day.day: day for day in days}
        for asks, days in (await work.past_days(wanted)).items()
    }
    points = {key.channel_id: asks.judged.channel.point.name for key, asks in asking.items()}
    fresh: dict[tuple[str, Obis], list[JudgedDay]] = {}
    for one_day in judged.values():
        counted = one_day.channel.point.name, one_day.channel.obis
        fresh.setdefault(counted, []).append(one_day)
    for (channel_id, obis), known_days in past.items():
        span = spans[channel_id, obis]
        for one_day in fresh.get((points[channel_id], obis), ()):
            if span.first <= one_day.day < span.end:
                known_days[one_day.day] = PastDay.of(one_day.block)
    by_channel: dict[PointChannelId, dict[Obis, list[PastDay]]] = {}
    for (channel_id, obis), by_day in past.items():
        ordered = [by_day[day] for day in sorted(by_day)]
        by_channel.setdefault(channel_id, {})[obis] = ordered
    return {key: _history(key.day, asks, by_channel) for key, asks in asking.items()}


def _needs(day: date, asks: AskingDay) -> list[tuple[Obis, DayRange]]:
    """What the rules of a day ask for, by what the channel counts."""
    needs = [rule.history for rule in asks.rules if rule.history is not None]
    back = max(need.days_back(asks.policy.limits) for need in needs)
    before = [(asks.judged.channel.obis, DayRange(day - back * _DAY, day))] if back else []
    beside = {obis for need in needs for obis in need.beside}
    return before + [(obis, DayRange(day, day + _DAY)) for obis in sorted(beside)]


def _history(
    day: date,
    asks: AskingDay,
    by_channel: Mapping[PointChannelId, Mapping[Obis, Sequence[PastDay]]],
) -> ChannelHistory:
    channel = asks.judged.channel
    of = by_channel.get(PointChannelId(channel.id))
    if of is None:
        return NO_HISTORY
    before = [past for past in of.get(channel.obis, ()) if past.day < day]
    beside = {
        obis: past
        for obis, days in of.items()
        if obis != channel.obis
        for past in days
        if past.day == day
    }
    return ChannelHistory(before, beside)

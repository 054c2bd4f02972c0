"""Which policy judges a channel on a day, and what storms leave of its findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest

from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.finding import Severity
from central.domain.vee.policies_in_force import GroupDays, PoliciesInForce, PolicyVersion, Storm
from central.domain.vee.policy_document import VEE_SCHEMA, PolicyDocument, PolicyRefusedError
from central.domain.vee.rules import missing_intervals, spike, zero_days
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import Obis
from tests.support.metering import channel

DAY = date(2026, 10, 14)
ONE = timedelta(days=1)
SEVEN = VEE_SCHEMA.parse("thresholds: {zero_days: 7}")


def version(
    class_name: str, document: PolicyDocument, number: int = 1, first: date = DAY
) -> PolicyVersion:
    return PolicyVersion(class_name, number, first, document)


def test_a_document_keeps_what_it_says_exactly() -> None:
    text = "thresholds: {spike_ratio: 2.25, static: 48h}\noff: [HIGH_USE]\non: [ZERO_DAYS]"
    document = VEE_SCHEMA.parse(text)
    assert dict(document.thresholds) == {
        "spike_ratio": Fraction(9, 4),
        "static": timedelta(hours=48),
    }
    assert VEE_SCHEMA.of(document.to_json()) == document


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("thresholds: {zero_day: 7}", "zero_day"),
        ("thresholds: {zero_days: 1.5}", "zero_days"),
        ("thresholds: {run_named_again: 0}", "run_named_again"),
        ("thresholds: [zero_days]", "mapping"),
        ("off: [SPIKES]", "SPIKES"),
        ("off: SPIKE", "off"),
        ("off: [MISSING_INTERVALS]", "MISSING_INTERVALS"),
        ("{off: [SPIKE], on: [SPIKE]}", "SPIKE"),
        ("severity: {}", "mapping"),
        ("- 1", "mapping"),
        ("{", "YAML"),
        ("x" * 20_001, "characters"),
    ],
)
def test_what_is_no_document_is_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(PolicyRefusedError, match=names):
        VEE_SCHEMA.parse(text)


def test_a_channel_without_a_policy_has_that_of_its_commodity() -> None:
    in_force = PoliciesInForce()
    assert in_force.policy(channel(), DAY) is DEFAULT_POLICIES["electricity"]
    fed_in = replace(channel(), obis=Obis.parse("1-0:2.8.0*255"))
    assert in_force.policy(fed_in, DAY) is DEFAULT_POLICIES["export"]
    gas = replace(channel(period_s=86_400), obis=Obis.parse("7-0:3.0.0*255"))
    assert in_force.policy(gas, DAY) is DEFAULT_POLICIES["gas-daily"]


def test_the_version_in_force_is_the_latest_that_has_begun_and_the_newest_of_those() -> None:
    nine = VEE_SCHEMA.parse("thresholds: {zero_days: 9}")
    later = VEE_SCHEMA.parse("off: [ZERO_DAYS]")
    in_force = PoliciesInForce(
        [
            version("electricity", SEVEN),
            version("electricity", nine, 2),
            version("electricity", later, 3, DAY + ONE),
            version("gas", later),
        ]
    )
    before, now, after = (in_force.policy(channel(), DAY + ONE * number) for number in (-1, 0, 1))
    assert before is DEFAULT_POLICIES["electricity"]
    assert now.limits[zero_days.ZERO_DAYS] == 9
    assert zero_days.RULE not in after.rules


def test_a_group_that_is_a_class_counts_above_the_default_class_on_its_days() -> None:
    strict = VEE_SCHEMA.parse("thresholds: {spike_floor: 50}\noff: [HIGH_USE]")
    groups = {7: [GroupDays("shops", DAY, DAY + ONE), GroupDays("zone", DAY, None)]}
    versions = [version("electricity", SEVEN), version("shops", strict)]
    in_force = PoliciesInForce(versions, groups=groups)
    judged = in_force.policy(channel(), DAY)
    assert judged.limits[spike.FLOOR] == 50
    assert judged.limits[zero_days.ZERO_DAYS] == 7
    assert in_force.policy(channel(), DAY + ONE).limits[spike.FLOOR] == 10_000


def test_a_draft_takes_the_place_of_its_class_on_every_day() -> None:
    in_force = PoliciesInForce([version("electricity", SEVEN)])
    drafted = in_force.with_draft("electricity", VEE_SCHEMA.parse("thresholds: {zero_days: 20}"))
    assert drafted.policy(channel(), DAY - 900 * ONE).limits[zero_days.ZERO_DAYS] == 20


def test_a_storm_suspends_its_rules_and_says_so_on_the_day() -> None:
    interval = local_day(DAY, "Europe/Madrid")
    found = (
        zero_days.RULE.finding(interval, "zero"),
        missing_intervals.RULE.finding(interval, "missing"),
    )
    begin, end = interval.start + timedelta(hours=5), interval.end + timedelta(hours=9)
    storm = Storm(4, "coast", begin, end, frozenset({"ZERO_DAYS", "SPIKE"}), "gale")
    groups = {7: [GroupDays("coast", DAY - ONE, None)]}
    in_force = PoliciesInForce(storms=[storm], groups=groups)
    stays, said = in_force.raised(channel(), interval, DAY, found)
    assert stays.code == "MISSING_INTERVALS"
    assert (said.code, said.severity) == ("STORM_MODE", Severity.INFO)
    assert (said.interval.start, said.interval.end) == (begin, interval.end)
    assert said.evidence == {
        "storms": "4",
        "groups": "coast",
        "suspended": "SPIKE,ZERO_DAYS",
        "not_raised": "ZERO_DAYS",
    }


@pytest.mark.parametrize("group", ["coast", "hills"])
def test_a_storm_elsewhere_or_at_another_time_suspends_nothing(group: str) -> None:
    interval = local_day(DAY, "Europe/Madrid")
    found = (zero_days.RULE.finding(interval, "zero"),)
    over = Storm(1, "coast", interval.start - ONE, interval.start, frozenset({"ZERO_DAYS"}), "r")
    there = Storm(2, "hills", interval.start, None, frozenset({"ZERO_DAYS"}), "r")
    storm = over if group == "coast" else there
    in_force = PoliciesInForce(storms=[storm], groups={7: [GroupDays("coast", DAY, None)]})
    assert in_force.raised(channel(), interval, DAY, found) == found

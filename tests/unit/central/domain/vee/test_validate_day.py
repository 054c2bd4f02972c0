from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.metering.installation import Installation, Multiplier, RegisterFacts
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.metering.series import ReadingSeries
from central.domain.metering.track import InstallationSegment
from central.domain.vee.finding import Severity, VeeFinding
from central.domain.vee.validate import Validated, validate_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.reading import Quality, Source, TimeQuality, from_ms, to_ms
from tests.support.metering import (
    LONG_AGO,
    QUARTER_MS,
    boundaries,
    channel,
    counting,
    intervals,
    one_meter,
    registers,
)

MADRID = "Europe/Madrid"
DAY = date(2026, 10, 14)
GRID = boundaries(DAY, MADRID)
START = GRID[8]
SYNCHRONISED = TimeQuality.SYNCHRONISED


def at(place: int) -> int:
    return START + place * QUARTER_MS


def validated(values: dict[int, int], *, capacity_w: int | None = None) -> Validated:
    return validate_day(channel(capacity_w=capacity_w), DAY, one_meter(registers(values)))


def found(result: Validated, code: str) -> list[VeeFinding]:
    return [finding for finding in result.findings if finding.code == code]


def test_a_whole_day_is_the_differences_of_its_registers() -> None:
    result = validated(counting(GRID))
    assert result.block.values.tolist() == [25] * 96
    assert result.findings == ()
    assert result.block.start == from_ms(START)


@pytest.mark.parametrize(
    ("day", "zone", "count"),
    [
        (date(2026, 3, 29), MADRID, 92),
        (date(2026, 10, 25), MADRID, 100),
        (date(2026, 10, 4), "Australia/Lord_Howe", 94),
        (date(2026, 4, 5), "Australia/Lord_Howe", 98),
        (date(2026, 9, 6), "America/Santiago", 92),
    ],
)
def test_days_of_clock_changes_have_their_own_count(day: date, zone: str, count: int) -> None:
    result = validate_day(channel(zone), day, one_meter(registers(counting(boundaries(day, zone)))))
    assert result.block.values.tolist() == [25] * count
    assert result.findings == ()


def test_equal_reads_are_zero_use() -> None:
    assert validated(dict.fromkeys(GRID, 5)).block.values.tolist() == [0] * 96


def test_a_gap_of_two_hours_shares_the_advance_exactly() -> None:
    values = counting(GRID, step=10)
    for place in range(11, 18):
        del values[at(place)]
    values |= {ms: value + 3 for ms, value in values.items() if ms >= at(18)}
    result = validated(values)
    assert result.block.values[10:18].tolist() == [10, 10, 11, 10, 10, 11, 10, 11]
    assert set(result.block.quality[10:18].tolist()) == {IntervalQuality.ESTIMATED_LINEAR}
    assert result.block.total() == 963
    assert [finding.severity for finding in result.findings] == [Severity.INFO]


def test_a_longer_gap_holds() -> None:
    values = counting(GRID)
    for place in range(11, 19):
        del values[at(place)]
    result = validated(values)
    assert result.block.values[10:19].tolist() == [NULL] * 9
    (missing,) = found(result, "MISSING_INTERVALS")
    assert missing.severity is Severity.CRITICAL
    assert missing.interval.duration == timedelta(minutes=15 * 9)
    assert missing.evidence == {"missing": "9", "expected": "96"}


def test_a_gap_across_midnight_is_shared_alike_by_both_days() -> None:
    values = {
        ms: value * 7 // 3 for ms, value in counting(boundaries(DAY, MADRID, margin=96)).items()
    }
    for place in range(-3, 4):
        del values[at(place)]
    series = registers(values)
    before = validate_day(channel(), DAY - timedelta(days=1), one_meter(series)).block
    after = validate_day(channel(), DAY, one_meter(series)).block
    advance = values[at(4)] - values[at(-4)]
    assert sum(before.values[-4:].tolist()) + sum(after.values[:4].tolist()) == advance


def test_a_day_without_readings_is_missing_and_not_zero() -> None:
    result = validated({})
    assert result.block.missing == 96
    assert result.critical


def test_a_proven_rollover_adds_the_modulus() -> None:
    installation = Installation(
        "ABC 1", LONG_AGO, registers={ACTIVE_IMPORT: RegisterFacts(modulus=Decimal(1_000_000))}
    )
    values = {ms: value % 1_000_000 for ms, value in counting(GRID, start=999_300).items()}
    segments = one_meter(registers(values), installation=installation)
    result = validate_day(channel(capacity_w=10_000), DAY, segments)
    assert result.block.values.tolist() == [25] * 96
    assert [finding.code for finding in result.findings] == ["REGISTER_ROLLOVER"]
    # Without a capacity nothing proves it.
    unproven = validate_day(channel(), DAY, segments)
    assert found(unproven, "REGISTER_BACKWARD") or found(unproven, "REGISTER_RESET")
    assert unproven.block.missing == 1


def test_a_zero_between_readings_is_a_glitch_and_no_usage() -> None:
    values = counting(GRID)
    values[at(20)] = 0
    result = validated(values)
    assert result.block.values.tolist() == [25] * 96
    assert result.block.quality[19:21].tolist() == [IntervalQuality.ESTIMATED_LINEAR] * 2
    (glitch,) = found(result, "REGISTER_GLITCH")
    assert glitch.severity is Severity.WARNING
    assert not result.critical


def test_a_leap_beyond_the_capacity_is_a_glitch() -> None:
    values = counting(GRID)
    values[at(20)] = 9_000_000
    result = validated(values, capacity_w=10_000)
    assert result.block.values.tolist() == [25] * 96
    assert found(result, "REGISTER_GLITCH")


def test_a_reset_is_no_usage() -> None:
    values = counting(GRID, start=10_000)
    values |= {ms: value - values[at(20)] for ms, value in values.items() if ms >= at(20)}
    result = validated(values)
    assert result.block.values[19] == NULL
    assert result.block.missing == 1
    (reset,) = found(result, "REGISTER_RESET")
    assert reset.severity is Severity.CRITICAL


def test_a_step_backwards_that_stays_is_no_usage() -> None:
    values = counting(GRID, start=100_000)
    values |= {ms: value - 40_000 for ms, value in values.items() if ms >= at(20)}
    result = validated(values)
    assert result.block.values[19] == NULL
    assert found(result, "REGISTER_BACKWARD")


def test_an_exchange_sums_two_segments() -> None:
    swap = from_ms(at(40) + 300_000)
    old = Installation(
        "ABC 1",
        LONG_AGO,
        swap,
        registers={ACTIVE_IMPORT: RegisterFacts(closing=Decimal(2210))},
    )
    new = Installation("ABC 2", swap, registers={ACTIVE_IMPORT: RegisterFacts(opening=Decimal(5))})
    values = counting(GRID)  # 2200 at place 40
    before = registers({ms: value for ms, value in values.items() if ms <= at(40)})
    after = registers(
        {ms: 20 + place * 25 for place, ms in enumerate(ms for ms in GRID if ms > at(40))}
    )
    result = validate_day(
        channel(), DAY, [InstallationSegment(old, (before,)), InstallationSegment(new, (after,))]
    )
    assert values[at(40)] == 2200
    assert result.block.values.tolist() == [25] * 96
    assert [finding.code for finding in result.findings] == ["METER_EXCHANGE"]


def test_an_exchange_without_reads_holds_its_interval() -> None:
    swap = from_ms(at(40) + 300_000)
    values = counting(GRID)
    segments = [
        InstallationSegment(Installation("ABC 1", LONG_AGO, swap), (registers(values),)),
        InstallationSegment(Installation("ABC 2", swap), (registers(values),)),
    ]
    result = validate_day(channel(), DAY, segments)
    assert result.block.values[40] == NULL
    assert result.block.missing == 1
    assert found(result, "EXCHANGE_READS_MISSING")


def test_time_without_a_meter_holds() -> None:
    installation = Installation("ABC 1", from_ms(at(8)))
    result = validate_day(
        channel(), DAY, one_meter(registers(counting(GRID)), installation=installation)
    )
    assert result.block.missing == 8
    (absent,) = found(result, "NO_METER")
    assert absent.interval.end == from_ms(at(8))


def test_the_multiplier_is_exact() -> None:
    installation = Installation("ABC 1", LONG_AGO, multiplier=Multiplier.parse("0.25"))
    block = validate_day(
        channel(), DAY, one_meter(registers(counting(GRID)), installation=installation)
    ).block
    assert block.exponent == -2
    assert block.values.tolist() == [625] * 96


def test_live_readings_snap_within_ten_seconds() -> None:
    values = {ms + 9_000: value for ms, value in counting(GRID).items()}
    series = registers(values, source=Source.LIVE)
    assert validate_day(channel(), DAY, one_meter(series)).block.values.tolist() == [25] * 96
    late = registers({ms + 2_000: value for ms, value in values.items()}, source=Source.LIVE)
    assert validate_day(channel(), DAY, one_meter(late)).block.missing == 96


def test_the_nearest_live_reading_stands_for_its_boundary() -> None:
    values = counting(GRID)
    noisy = {ms - 8_000: value - 7 for ms, value in values.items()} | values
    series = registers(noisy, source=Source.LIVE)
    assert validate_day(channel(), DAY, one_meter(series)).block.values.tolist() == [25] * 96


def test_the_meters_own_profile_wins_over_live() -> None:
    live = registers({ms: value + 100 for ms, value in counting(GRID).items()}, source=Source.LIVE)
    profile = registers({ms: value for ms, value in counting(GRID).items() if ms <= at(50)})
    result = validate_day(channel(), DAY, one_meter(live, profile))
    assert result.block.values[:50].tolist() == [25] * 50
    assert result.block.values[50] == 125


def test_a_meters_own_intervals_win_over_its_registers() -> None:
    own = intervals({at(place): 24 for place in range(30)})
    result = validate_day(channel(), DAY, one_meter(registers(counting(GRID)), own))
    assert result.block.values.tolist() == [24] * 30 + [25] * 66


def test_known_intervals_inside_a_gap_are_kept() -> None:
    values = counting(GRID)
    for place in range(11, 14):
        del values[at(place)]
    own = intervals({at(11): 70})
    result = validate_day(channel(), DAY, one_meter(registers(values), own))
    assert result.block.values[10:14].tolist() == [10, 70, 10, 10]
    assert result.block.quality[11] == IntervalQuality.ACTUAL


def test_unsynchronised_readings_are_never_used() -> None:
    values = counting(GRID)
    marks = {at(20): (Quality.ACTUAL, TimeQuality.UNSYNCHRONISED)}
    values[at(20)] += 24
    result = validate_day(channel(), DAY, one_meter(registers(values, marks=marks)))
    assert result.block.values.tolist() == [25] * 96
    assert result.block.quality[19] == IntervalQuality.ESTIMATED_LINEAR
    assert found(result, "UNSYNCHRONISED_READING")


def test_a_power_failure_anchors_no_interpolation() -> None:
    values = counting(GRID)
    del values[at(20)]
    marks = {at(21): (Quality.POWER_FAILURE, SYNCHRONISED)}
    result = validate_day(channel(), DAY, one_meter(registers(values, marks=marks)))
    assert result.block.missing == 2
    assert result.block.quality[21] == IntervalQuality.POWER_FAILURE


def test_what_the_meter_estimated_is_marked() -> None:
    marks = {at(20): (Quality.ESTIMATED, SYNCHRONISED)}
    result = validate_day(channel(), DAY, one_meter(registers(counting(GRID), marks=marks)))
    assert result.block.quality[19] == IntervalQuality.ESTIMATED_BY_METER


def test_more_than_the_connection_carries_is_critical() -> None:
    values = counting(GRID)
    values |= {ms: value + 5_000 for ms, value in values.items() if ms > at(20)}
    result = validated(values, capacity_w=10_000)
    (over,) = found(result, "SERVICE_CAPACITY")
    carries = "more than the 2.750 kWh that the connection carries in one."
    assert over.message == f"An interval has 5.025 kWh, {carries}"
    assert over.interval.start == from_ms(at(20))
    assert over.severity is Severity.CRITICAL


def test_a_waiting_conflict_is_critical() -> None:
    result = validate_day(
        channel(), DAY, one_meter(registers(counting(GRID))), conflicts=[from_ms(at(96))]
    )
    assert [finding.code for finding in result.findings] == ["CONFLICTING_READINGS"]
    assert result.critical


def test_content_does_not_depend_on_how_a_value_was_told() -> None:
    plain = validated(counting(GRID)).block
    fine = {ms: value * 1000 for ms, value in counting(GRID).items()}
    told = validate_day(channel(), DAY, one_meter(registers(fine, exponent=-3))).block
    assert told.sha256 == plain.sha256


def test_a_devices_rescaling_changes_nothing() -> None:
    values = counting(GRID)
    early = {ms: value for ms, value in values.items() if ms < at(50)}
    late = {ms: value * 10 for ms, value in values.items() if ms >= at(50)}
    rows = [(ms, v, 0, 0) for ms, v in early.items()] + [(ms, v, -1, 0) for ms, v in late.items()]
    block = validate_day(channel(), DAY, one_meter(ReadingSeries.of(rows))).block
    assert block.values.tolist() == [25] * 96
    assert block.exponent == 0


def test_a_month_passed_at_once_gives_what_the_day_alone_gives() -> None:
    wide = boundaries(DAY, MADRID, margin=96 * 3)
    everything = registers(counting(wide, start=0))
    narrow = everything.between(GRID[0], GRID[-1])
    assert (
        validate_day(channel(), DAY, one_meter(everything)).block
        == validate_day(channel(), DAY, one_meter(narrow)).block
    )


def test_hours_are_cut_where_the_local_day_begins() -> None:
    hourly = boundaries(DAY, "Asia/Kolkata", margin=2, period_s=3600)
    result = validate_day(
        channel("Asia/Kolkata", period_s=3600), DAY, one_meter(registers(counting(hourly)))
    )
    assert to_ms(result.block.start) % 3_600_000 == 1_800_000
    assert result.block.values.tolist() == [25] * 24

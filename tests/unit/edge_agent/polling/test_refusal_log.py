"""What could not be read is remembered within a bound, and said to the centre once an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_agent.polling.refusal_log import ANNOUNCED_EVERY, LOG_MAX, RefusalLog, is_refusal
from firmware_bridge.contract.messages import GatewayState, Status, decode_status, encode_status
from firmware_bridge.contract.reports import RAW_MAX, REASON_MAX, REFUSALS_MAX, RefusalReport
from firmware_bridge.driver.interface import (
    MeterAnswerError,
    MeterConnectionError,
    MeterRefusalError,
    MeterTimeoutError,
)
from tests.support.edge_parts import NOON


def log() -> tuple[RefusalLog, list[None]]:
    refusals, announced = RefusalLog(), list[None]()
    refusals.announce = lambda: announced.append(None)
    return refusals, announced


def test_the_last_of_each_meter_and_reason_stands_with_how_often() -> None:
    refusals, _ = log()
    refusals.note(NOON, "house", "CHECKSUM", "First.", b"\1", 2)
    refusals.note(NOON, "flat", "CHECKSUM", "Other meter.", None)
    refusals.note(NOON + timedelta(seconds=1), "house", "CHECKSUM", "Second.", b"\2", 3)
    assert refusals.reports() == (
        RefusalReport("house", "CHECKSUM", "Second.", NOON + timedelta(seconds=1), 5, b"\2"),
        RefusalReport("flat", "CHECKSUM", "Other meter.", NOON, 1, b""),
    )
    assert refusals.counts == {"CHECKSUM": 6}
    assert refusals.table()[0]["raw"] == "02"


def test_the_centre_hears_of_a_new_kind_at_once_and_of_the_same_each_hour() -> None:
    refusals, announced = log()
    for minutes, heard in ((0, 1), (1, 1), (59, 1), (60, 2), (90, 2), (30, 3)):
        refusals.note(NOON + timedelta(minutes=minutes), "house", "CHECKSUM", "Bad.", b"")
        assert len(announced) == heard, minutes
    refusals.note(NOON + timedelta(minutes=31), "house", "TELEGRAM_EMPTY", "None.", b"")
    assert len(announced) == 4
    assert timedelta(hours=1) == ANNOUNCED_EVERY


def test_the_log_and_a_status_are_bounded_whatever_comes() -> None:
    refusals, _ = log()
    for number in range(2 * LOG_MAX):
        refusals.note(NOON, f"m{number}", "CHECKSUM", "\u202e\x00" + "y" * 9_000, bytes(9_000))
    reports = refusals.reports()
    assert [report.meter for report in reports] == [
        f"m{2 * LOG_MAX - 1 - at}" for at in range(REFUSALS_MAX)
    ]
    payload = encode_status(Status(GatewayState.ONLINE, "edge/1", NOON, 0, refused=reports))
    assert len(payload) < 8 * 1024
    said = decode_status(payload).refused
    assert len(said) == REFUSALS_MAX
    assert {len(report.raw) for report in said} == {RAW_MAX}
    assert max(len(report.reason) for report in said) == REASON_MAX
    assert said[0].reason.startswith("\\u202e\\x00yyy")


def test_a_status_carries_them_to_the_last_field() -> None:
    report = RefusalReport("house", "CHECKSUM", "Bad.", NOON, 5, b"\2")
    status = Status(GatewayState.ONLINE, "edge/1", NOON, 0, refused=(report,))
    assert decode_status(encode_status(status)) == status


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MeterAnswerError("x"), True),
        (MeterRefusalError("x"), True),
        (MeterTimeoutError("x"), False),
        (MeterConnectionError("x"), False),
        (TimeoutError(), False),
    ],
)
def test_silence_is_no_refusal(error: Exception, expected: bool) -> None:  # noqa: FBT001 - a case
    assert is_refusal(error) is expected

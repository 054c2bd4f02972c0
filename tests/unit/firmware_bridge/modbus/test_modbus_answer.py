"""A Modbus TCP answer is judged before it is trusted."""

from __future__ import annotations

import pytest
from pymodbus.framer.rtu import FramerRTU

from firmware_bridge.driver.interface import MeterAnswerError, TransactionMismatchError
from firmware_bridge.modbus.answer import ModbusRequest, judge, judge_rtu

ASKED = ModbusRequest(transaction=7, unit=1, function=4, count=2)
RIGHT = bytes.fromhex("0007 0000 0007 01 04 04 00010002")
REFUSED = bytes.fromhex("0007 0000 0003 01 84 02")


def test_a_request_is_read_back_from_its_frame() -> None:
    assert ModbusRequest.parse(bytes.fromhex("0007 0000 0006 01 04 0010 0002")) == ASKED


@pytest.mark.parametrize("answer", [RIGHT, REFUSED])
def test_a_right_answer_passes_and_so_does_each_part_of_it(answer: bytes) -> None:
    assert [judge(ASKED, answer[:size]) for size in range(len(answer) + 1)] == [None] * (
        len(answer) + 1
    )


def test_an_answer_to_another_request_is_a_mismatch() -> None:
    assert isinstance(judge(ASKED, b"\x00\x08" + RIGHT[2:]), TransactionMismatchError)
    assert isinstance(judge(ASKED, b"\x00\x08"), TransactionMismatchError)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("0007 0001 0007 01 04 04 00010002", "protocol identifier"),
        ("0007 0000 ffff 01 04 04 00010002", "65535 bytes"),
        ("0007 0000 0002 01 04", "2 bytes"),
        ("0007 0000 0007 02 04 04 00010002", "Unit 2"),
        ("0007 0000 0007 01 03 04 00010002", "function 3"),
        ("0007 0000 0005 01 04 02 0001", "2 bytes of registers instead of 4"),
        ("0007 0000 0007 01 04 06 00010002", "6 bytes of registers instead of 4"),
        ("0007 0000 0007 01 04 04 00010002 00", "Bytes follow"),
        ("0007 0000 0004 01 84 02 00", "wrong length"),
    ],
)
def test_each_kind_of_garbage_is_named(answer: str, says: str) -> None:
    wrong = judge(ASKED, bytes.fromhex(answer))
    assert isinstance(wrong, MeterAnswerError)
    assert says in wrong.message
    assert wrong.retryable


def test_every_bit_of_the_header_matters() -> None:
    header_bits = range(9 * 8)
    unnoticed = []
    for bit in header_bits:
        flipped = bytearray(RIGHT)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        if judge(ASKED, bytes(flipped)) is None and not flipped[7] & 0x80:
            unnoticed.append(bit)
    # A longer length only means that more bytes are awaited, until the time limit.
    assert all(4 <= bit // 8 < 6 for bit in unnoticed)


RTU = bytes.fromhex("01 04 04 00010002 2a45")
RTU_REFUSED = bytes.fromhex("01 84 02 c2c1")


def test_an_rtu_request_is_read_back_from_its_frame() -> None:
    frame = bytes.fromhex("01 04 0010 0002 700e")
    assert ModbusRequest.parse_rtu(frame) == ModbusRequest(0, 1, 4, 2)


@pytest.mark.parametrize("answer", [RTU, RTU_REFUSED])
def test_a_right_rtu_answer_passes_and_so_does_each_part_of_it(answer: bytes) -> None:
    fixed = answer[:-2] + FramerRTU.compute_CRC(answer[:-2]).to_bytes(2, "big")
    judged = [judge_rtu(ASKED, fixed[:size]) for size in range(len(fixed) + 1)]
    assert judged == [None] * (len(fixed) + 1)


def test_every_flipped_bit_of_an_rtu_answer_is_noticed() -> None:
    fixed = RTU[:-2] + FramerRTU.compute_CRC(RTU[:-2]).to_bytes(2, "big")
    for bit in range(8 * len(fixed)):
        flipped = bytearray(fixed)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        assert isinstance(judge_rtu(ASKED, bytes(flipped)), MeterAnswerError), bit

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from central.domain.metering.allocation_document import AllocationRefusedError
from central.service.validation.allocation_file import read_allocation

GIVEN = """\
source: ROOF
from: 2026-10-01
shares: {FLAT-1: 0.25, FLAT-2: 0.1}
remainder: FLAT-3
"""


def test_an_allocation_is_read_with_shares_that_are_exact() -> None:
    read = read_allocation(GIVEN, "roof.yaml")
    assert (read.source, read.effective, read.remainder) == ("ROOF", date(2026, 10, 1), "FLAT-3")
    assert read.shares == {
        "FLAT-1": Fraction(1, 4),
        "FLAT-2": Fraction(1, 10),
        "FLAT-3": Fraction(13, 20),
    }


def test_json_says_the_same() -> None:
    text = (
        '{"source": "ROOF", "from": "2026-10-01",'
        ' "shares": {"FLAT-1": "0.25", "FLAT-2": "0.1"}, "remainder": "FLAT-3"}'
    )
    assert read_allocation(text, "roof.json") == read_allocation(GIVEN, "roof.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: ROOF\nsource: ROOF\n", "roof.yaml, line 2"),
        ("source: [ROOF\n", "roof.yaml, line"),
        ("- ROOF\n", "no `source`"),
        (GIVEN.replace("remainder", "rest"), "'rest' is not a name"),
        (GIVEN.replace("0.25", "1/4"), "'1/4' of FLAT-1 is not a decimal"),
        (GIVEN.replace("remainder: FLAT-3\n", ""), "nobody has what is left"),
    ],
)
def test_what_is_no_allocation_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(AllocationRefusedError) as refused:
        read_allocation(text, "roof.yaml")
    assert said in refused.value.message

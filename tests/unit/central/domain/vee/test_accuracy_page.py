"""The table of how far estimates are off has a row for each estimator; its figures are a run's."""

from __future__ import annotations

import re

from central.domain.vee.estimators import CHOSEN
from tests.benchmarks.estimator_accuracy import BEGIN, END, GROUPS, PAGE, heading, written

CELL = re.compile(r"(\d+%|-), (\d+%|-)")


def test_the_page_has_each_estimator_and_gap_that_is_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, rest = page.partition(BEGIN)
    table = rest.partition(END)[0].splitlines()
    assert table[:2] == heading()
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]
    assert [row[:2] for row in rows] == [
        [group, estimator.name] for group in GROUPS for estimator in CHOSEN
    ]
    assert all(CELL.fullmatch(cell) for row in rows for cell in row[2:])
    assert written(page, table) == page

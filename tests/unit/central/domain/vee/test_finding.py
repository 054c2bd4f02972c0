"""Every code is explained where an operator looks it up."""

from __future__ import annotations

import re

from central.domain.vee.finding import NOT_ACCEPTED, Severity, VeeCode
from tests.support.data import REPOSITORY

REFERENCE = (REPOSITORY / "docs" / "reference" / "vee.md").read_text()


def explained() -> dict[str, str]:
    """The codes of the reference's table, and their severities."""
    section = REFERENCE.partition("## Findings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z_, ]+) \| (\w+) \|", section, re.MULTILINE)
    return {code: severity for codes, severity in rows for code in codes.split(", ")}


def test_the_reference_lists_every_code_and_no_other() -> None:
    assert explained().keys() == {code.value for code in VeeCode}


def test_the_reference_gives_a_severity_that_there_is() -> None:
    assert set(explained().values()) == {severity.value for severity in Severity}


def test_what_nobody_may_accept_is_critical() -> None:
    assert {explained()[code] for code in NOT_ACCEPTED} == {"critical"}

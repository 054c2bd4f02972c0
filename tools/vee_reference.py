"""Write the tables of docs/reference/vee.md that follow from rules and estimators.

    .venv/bin/python tools/vee_reference.py

A test holds that the page is current.
"""

from __future__ import annotations

from pathlib import Path

from central.domain.vee.catalogue import KINDS, OWNED_THRESHOLDS
from central.domain.vee.estimators import ESTIMATORS
from central.domain.vee.threshold_text import threshold_text

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "vee.md"


def findings_table() -> str:
    """What can be found, by the order of the rules."""
    rows = [f"| {kind.code} | {kind.severity.value} | {kind.text.en} |" for kind in KINDS]
    return "\n".join(["| code | severity | when |", "|---|---|---|", *rows])


def estimators_table() -> str:
    """What fills gaps, in the order in which they are tried."""
    rows = [f"| {one.name} | {one.quality.name} | {one.text.en} |" for one in ESTIMATORS]
    return "\n".join(["| estimator | quality | what |", "|---|---|---|", *rows])


def thresholds_table() -> str:
    """Where rules and estimators draw their lines, by name."""
    owners: dict[str, list[str]] = {}
    by_name = {one.name: one for _, thresholds in OWNED_THRESHOLDS for one in thresholds}
    for owner, thresholds in OWNED_THRESHOLDS:
        for one in thresholds:
            owners.setdefault(one.name, []).append(owner)
    rows = [
        f"| `{name}` | {one.kind.value} | {threshold_text(one.default)}"
        f"{f' {one.unit}' if one.unit else ''} | {one.text} | {', '.join(owners[name])} |"
        for name, one in sorted(by_name.items())
    ]
    heading = ["| threshold | kind | default | what | of |", "|---|---|---|---|---|"]
    return "\n".join([*heading, *rows])


def current(page: str) -> str:
    """A page with its tables as the rules say.

    Args:
        page: Its text, with a pair of comments around each table.
    """
    tables = {
        "findings": findings_table(),
        "estimators": estimators_table(),
        "thresholds": thresholds_table(),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}{table}{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text()))

"""Write the tables of docs/reference/vee.md that follow from the rules: findings and thresholds.

    .venv/bin/python tools/vee_reference.py

A test holds that the page is current.
"""

from __future__ import annotations

from pathlib import Path

from central.domain.vee.catalogue import KINDS
from central.domain.vee.rules import RULES
from central.domain.vee.threshold_text import threshold_text

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "vee.md"


def findings_table() -> str:
    """What can be found, by the order of the rules."""
    rows = [f"| {kind.code} | {kind.severity.value} | {kind.text.en} |" for kind in KINDS]
    return "\n".join(["| code | severity | when |", "|---|---|---|", *rows])


def thresholds_table() -> str:
    """Where rules draw their lines, by name."""
    codes: dict[str, list[str]] = {}
    by_name = {one.name: one for rule in RULES for one in rule.thresholds}
    for rule in RULES:
        for one in rule.thresholds:
            codes.setdefault(one.name, []).append(rule.code)
    rows = [
        f"| `{name}` | {one.kind.value} | {threshold_text(one.default)}"
        f"{f' {one.unit}' if one.unit else ''} | {one.text} | {', '.join(codes[name])} |"
        for name, one in sorted(by_name.items())
    ]
    heading = ["| threshold | kind | default | what | of |", "|---|---|---|---|---|"]
    return "\n".join([*heading, *rows])


def current(page: str) -> str:
    """A page with its tables as the rules say.

    Args:
        page: Its text, with a pair of comments around each table.
    """
    for name, table in (("findings", findings_table()), ("thresholds", thresholds_table())):
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}{table}{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text()))

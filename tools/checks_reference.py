"""Write the tables of docs/reference/bill-checks.md that follow from the checks.

    .venv/bin/python tools/checks_reference.py

A test holds that the page is current.
"""

from __future__ import annotations

from pathlib import Path

from central.domain.billing.check_policy import DEFAULT_LIMITS
from central.domain.billing.checks import CHECKS
from central.domain.vee.threshold_text import threshold_text

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "bill-checks.md"


def checks_table() -> str:
    """What checks find, by their order."""
    rows = [
        f"| {check.code} | {check.text.en} | {check.history_days or 'none'} |" for check in CHECKS
    ]
    return "\n".join(["| code | when | history [days] |", "|---|---|---|", *rows])


def thresholds_table() -> str:
    """Where checks draw their lines, by name."""
    codes: dict[str, list[str]] = {}
    by_name = {each.name: each for check in CHECKS for each in check.thresholds}
    for check in CHECKS:
        for each in check.thresholds:
            codes.setdefault(each.name, []).append(check.code)
    rows = [
        f"| `{name}` | {each.kind.value} | {threshold_text(each.default) or 'none'}"
        f"{f' {each.unit}' if each.unit else ''} | {each.text} | {', '.join(codes[name])} |"
        for name, each in sorted(by_name.items())
    ]
    heading = ["| threshold | kind | default | what | of |", "|---|---|---|---|---|"]
    return "\n".join([*heading, *rows])


def classes_table() -> str:
    """What default classes do otherwise."""
    rows = [
        f"| `{name}` | "
        + (
            ", ".join(
                f"`{key}` {threshold_text(value)}" for key, value in sorted(limits.values.items())
            )
            or "none"
        )
        + " |"
        for name, limits in DEFAULT_LIMITS.items()
    ]
    return "\n".join(["| class | other defaults |", "|---|---|", *rows])


def current(page: str) -> str:
    """A page with its tables as the checks say.

    Args:
        page: Its text, with a pair of comments around each table.
    """
    tables = (
        ("checks", checks_table()),
        ("thresholds", thresholds_table()),
        ("classes", classes_table()),
    )
    for name, table in tables:
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}{table}{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text()))

"""Write the tables of docs/reference/permissions.md that follow from the policy.

    .venv/bin/python tools/permissions_reference.py

A test holds that the page is current.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from central.api.access_rules import RULES
from central.cli.command_rules import RULES as COMMANDS
from central.domain.access.policy import MEANING, ROLES, Permission, Role

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "permissions.md"


def roles_table() -> str:
    """Which role has which permission."""
    rows = [
        f"| `{permission}` | {MEANING[permission]} | "
        + " | ".join("yes" if permission in ROLES[role] else "" for role in Role)
        + " |"
        for permission in Permission
    ]
    heading = ["| permission | lets | " + " | ".join(role.value for role in Role) + " |"]
    return "\n".join([*heading, "|---|---|" + "---|" * len(Role), *rows])


def asked_table() -> str:
    """What asks for which permission."""
    asked: dict[Permission, list[str]] = defaultdict(list)
    for route, rule in sorted(RULES.items(), key=lambda item: item[0].partition(" ")[::-1]):
        asked[rule.permission].append(f"`{route}`")
    for words, permission in sorted(COMMANDS.items()):
        asked[permission].append(f"`{words}`")
    rows = [f"| `{each}` | {', '.join(asked[each])} |" for each in Permission]
    return "\n".join(["| permission | routes, pages and commands |", "|---|---|", *rows])


def limits_table() -> str:
    """What whoever is limited may ask, of what is theirs."""
    rows = [
        f"| {rule.whose.value} | `{route}` | {'yes' if rule.customers else ''} |"
        for route, rule in sorted(RULES.items(), key=lambda item: (item[1].whose.value, item[0]))
        if rule.whose.value not in {"everybody's", "nobody's"}
    ]
    heading = ["| by | route | customers, of bills those that are issued |", "|---|---|---|"]
    return "\n".join([*heading, *rows])


def current(page: str) -> str:
    """A page with its tables as the policy says.

    Args:
        page: Markdown with a pair of comments around each table.
    """
    for name, table in (
        ("roles", roles_table()),
        ("limits", limits_table()),
        ("asked", asked_table()),
    ):
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        page = f"{before}{begin}{table}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Judge the subject of a commit: plain imperative, at most 72 characters, no full stop.

Git calls it as the hook `commit-msg`, with the file of the message; it is set up in
`.pre-commit-config.yaml`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LONGEST = 72
# Git writes these itself, or takes them apart again before anybody reads them.
_BY_GIT = re.compile(r'Merge |Revert "|(?:fixup|squash|amend)! ')
_NO_IMPERATIVE = re.compile(r"\w+(?:ed|ing|[^s\W]s)")
# Verbs that end as the other forms do.
_YET_IMPERATIVE = frozenset({"Bring", "Embed", "Exceed", "Feed", "Focus", "Need", "Seed", "Shed"})


def faults(message: str) -> list[str]:
    """What is wrong with a commit's message, each in a sentence; nothing where it is good.

    Args:
        message: As the editor left it, comments included.
    """
    lines = message.partition("\n# ------------------------ >8")[0].splitlines()
    lines = [line.rstrip() for line in lines if not line.startswith("#")]
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        return ["There is no subject."]
    subject = lines[0]
    if _BY_GIT.match(subject):
        return []
    found = []
    if len(subject) > LONGEST:
        found.append(f"The subject has {len(subject)} characters; {LONGEST} are the most.")
    if subject.endswith((".", "!", ":", ";")):
        found.append("The subject ends with a sign; leave it out.")
    if len(lines) > 1 and lines[1]:
        found.append("The line after the subject is not empty.")
    first = re.split(r"[\s,]", subject, maxsplit=1)[0]
    if first.endswith(":") or re.match(r"[a-z]+(\(.*\))?!?:", subject):
        found.append(f"The subject begins with a label, {first!r}; begin with a verb.")
    elif not first[:1].isupper():
        found.append(f"The subject begins with {first!r}; begin with a verb and a capital.")
    elif _NO_IMPERATIVE.fullmatch(first) and first not in _YET_IMPERATIVE:
        found.append(f"{first!r} is no imperative; say what the commit does: 'Add', not 'Added'.")
    return found


def main() -> None:
    """The hook: refuse the commit where the message is wrong."""
    found = faults(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if found:
        sys.exit("\n".join([*found, "See CONTRIBUTING.md, 'Commits'."]))


if __name__ == "__main__":
    main()

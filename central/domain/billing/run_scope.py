"""Which accounts a run bills."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RunScope:
    """Which accounts a run bills; part of what makes the run the one it is.

    Args:
        group: Name of a group: of accounts that are in it on the last day of the run's month, or
            of points, then the accounts that have an agreement at one of them on that day or
            before. None for all.
        account: Number of the only account. None for all.
    """

    group: str | None = None
    account: str | None = None

    @property
    def everyone(self) -> bool:
        """Whether it narrows nothing."""
        return self.group is None and self.account is None

    def __str__(self) -> str:
        parts = []
        if self.group is not None:
            parts.append(f"group {self.group}")
        if self.account is not None:
            parts.append(f"account {self.account}")
        return ", ".join(parts)

    @property
    def options(self) -> str:
        """As options of a command, each with a space before it."""
        given = self.to_json().items()
        return "".join(f" --{name} {shlex.quote(value)}" for name, value in given)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; what narrows nothing is left out."""
        given = {"group": self.group, "account": self.account}
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RunScope:
        """The scope that `to_json` wrote."""
        return cls(value.get("group"), value.get("account"))


EVERYONE = RunScope()
"""All accounts."""

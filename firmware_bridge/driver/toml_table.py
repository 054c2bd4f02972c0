"""A meter's table for the agent's configuration, as text that a person can paste."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Setting = str | int | float | bool | Sequence[str]


def meter_table(
    name: str, protocol: str, settings: Mapping[str, Setting], notes: Sequence[str] = ()
) -> str:
    """A `[[meters]]` table in TOML.

    Args:
        name: Of the meter on its gateway; blanks become dashes.
        protocol: Which driver.
        settings: The driver's own keys, in order.
        notes: Lines of comment at its end, such as a key that is still to be filled in.
    """
    allowed = "".join(char if char.isalnum() or char in "_.-" else "-" for char in name)
    pairs: dict[str, Setting] = {"name": allowed[:63], "protocol": protocol, **settings}
    # A JSON string, number, boolean or list of strings is a TOML one.
    lines = [f"{key} = {json.dumps(value)}" for key, value in pairs.items()]
    lines += [f"# {note}" for note in notes]
    return "\n".join(["[[meters]]", *lines, ""])

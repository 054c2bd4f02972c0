"""Mended faults, each brought back at one seam, so that a life shows that it is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from central.adapters.timescale.billing import load, stamps
from central.adapters.timescale.inputs import ChangedInputs

Patch = Callable[[pytest.MonkeyPatch], None]


def _inputs_are_not_compared(patch: pytest.MonkeyPatch) -> None:
    async def none_changed(_: object, __: Sequence[object]) -> Mapping[Any, Any]:
        return {}

    patch.setattr(stamps, "changed_inputs", none_changed)


def _no_revision_is_raised(patch: pytest.MonkeyPatch) -> None:
    async def nothing(_: ChangedInputs, __: object) -> None:
        return

    patch.setattr(ChangedInputs, "raise_in", nothing)


def _what_waits_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    for module in (load, stamps):
        patch.setattr(module, "reaches_into", lambda *_: False)


PATCHES: dict[str, Patch] = {
    "a price that came after the approval": _inputs_are_not_compared,
    "a second value that came after the draft": _no_revision_is_raised,
    "a decision that waits for validation": _what_waits_is_not_asked_for,
}
"""By the name of the fault."""

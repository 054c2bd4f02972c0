"""Mended faults, each brought back at one seam, so that a life shows that it is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from central.adapters.timescale.billing import claims, decide, load, loaded_part, stamps
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.registry import agreements

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
    for module in (loaded_part, stamps):
        patch.setattr(module, "reaches_into", lambda *_: False)


def _days_are_not_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(claims.SQL, "claim", "SELECT unnest(%(parts)s::bigint[])")


def _an_end_asks_for_no_bill(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, agreements._SQL, "occupancies", "max(end_day)", "NULL::date")


def _nothing_waits_for_an_earlier_bill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(load, "waits", lambda *_: None)


def _bills_are_decided_in_any_order(patch: pytest.MonkeyPatch) -> None:
    _nothing_waits_for_an_earlier_bill(patch)
    patch.setattr(decide, "in_chain_order", lambda bills, *_: (list(bills), {}))


def _state_ends_with_its_agreement(patch: pytest.MonkeyPatch) -> None:
    own = (
        "CASE WHEN EXISTS (SELECT FROM agreement WHERE agreement.id = bill_part.agreement_id"
        " AND agreement.during @> wanted.first_day) THEN bill_part.closing END"
    )
    _replace(patch, claims.SQL, "before", "bill_part.closing", own)


def _replace(
    patch: pytest.MonkeyPatch, statements: Mapping[str, str], name: str, what: str, by: str
) -> None:
    assert what in statements[name]
    patch.setitem(statements, name, statements[name].replace(what, by))


PATCHES: dict[str, Patch] = {
    "cycles that overlap": _days_are_not_claimed,
    "an agreement ended in days that are billed": _an_end_asks_for_no_bill,
    "a bill that opens from before a hole": _nothing_waits_for_an_earlier_bill,
    "a bill without the one before it": _bills_are_decided_in_any_order,
    "a bank that dies with its agreement": _state_ends_with_its_agreement,
    "a price that came after the approval": _inputs_are_not_compared,
    "a second value that came after the draft": _no_revision_is_raised,
    "a decision that waits for validation": _what_waits_is_not_asked_for,
}
"""By the name of the fault."""

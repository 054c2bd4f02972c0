"""Mended faults, each brought back at one seam, so that a life shows that it is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from central.adapters.timescale import knowledge
from central.adapters.timescale.billing import (
    adjustments,
    claims,
    decide,
    entries,
    load,
    reconciliation,
    stamps,
    tail,
    waiting,
)
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.registry import agreements, registry
from central.domain.billing import due
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.coverage import LivePart
from central.domain.metering.service_point import PointChannel
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.decided_day import Standing
from central.domain.vee.estimate import estimate_days
from central.service.billing import rate_tail
from central.service.billing.tariffs import Tariffs
from central.service.ingest import ingest
from central.service.ingest.isolate import Part, blame
from central.service.ports import stamps as ports_stamps
from central.service.registry.register import Enrol
from central.service.validation import estimate_held, judge_days
from firmware_bridge.contract import codec, reading

Patch = Callable[[pytest.MonkeyPatch], None]


def _inputs_are_not_compared(patch: pytest.MonkeyPatch) -> None:
    async def none_changed(_: object, __: Sequence[object]) -> Mapping[Any, Any]:
        return {}

    patch.setattr(stamps, "changed_inputs", none_changed)


def _no_revision_is_raised(patch: pytest.MonkeyPatch) -> None:
    async def nothing(_: ChangedInputs, __: object) -> None:
        return

    patch.setattr(ChangedInputs, "raise_in", nothing)


def _readings_count_whatever_was_decided(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge_days, "standing", lambda *_: Standing.READINGS)


def _what_waits_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    for module in (ports_stamps, waiting):
        patch.setattr(module, "reaches_into", lambda *_: False)


def _days_are_not_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(claims.SQL, "claim", "SELECT unnest(%(parts)s::bigint[])")
    # The report is to see the days that are billed twice, not that nobody claimed the first ones.
    of_parts = (
        "SELECT bill_part.occupancy_id, first_day, end_day, bill_part.id FROM bill_part"
        " JOIN agreement ON agreement.id = bill_part.agreement_id"
        " WHERE agreement.service_id = ANY(%(services)s)"
    )
    patch.setitem(reconciliation._SQL, "claims", of_parts)


def _an_end_asks_for_no_bill(patch: pytest.MonkeyPatch) -> None:
    for newest in ("max(end_day)", "max(billed_period.end_day)"):
        _replace(patch, agreements._SQL, "occupancies", newest, "NULL::date")


def _nothing_waits_for_an_earlier_bill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(load, "waits", lambda *_: None)


def _bills_are_decided_in_any_order(patch: pytest.MonkeyPatch) -> None:
    _nothing_waits_for_an_earlier_bill(patch)
    patch.setattr(decide, "in_chain_order", lambda bills, *_: (list(bills), {}))


def _state_ends_with_its_agreement(patch: pytest.MonkeyPatch) -> None:
    own = (
        "CASE WHEN EXISTS (SELECT FROM agreement WHERE agreement.id = settled_part.agreement_id"
        " AND agreement.during @> wanted.first_day) THEN settled_part.closing END"
    )
    _replace(patch, claims.SQL, "before", "settled_part.closing", own)


def _a_service_is_left_out(patch: pytest.MonkeyPatch) -> None:
    name = "service_point.name <> 'SP-2' AND service.id"
    _replace(patch, reconciliation._SQL, "services", "service.id > ", f"{name} > ")


def _a_message_stops_its_window(patch: pytest.MonkeyPatch) -> None:
    async def as_one(parts: Sequence[Part], commit: Any, *_: object) -> AsyncIterator[Any]:  # noqa: ANN401 - the product's own
        for part in parts:
            try:
                yield await commit(part)
            except Exception as error:  # noqa: BLE001 - as the product does
                for item in part:
                    yield blame(item, error)

    patch.setattr(codec, "flaw", lambda *_, **__: None)
    patch.setattr(reading, "_check_text", lambda *_: None)
    patch.setattr(ingest, "isolate", as_one)


def _no_bill_is_named(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        return

    patch.setattr(Enrol, "_concern", nothing)


def _knowledge_has_no_time(patch: pytest.MonkeyPatch) -> None:
    said = "set_config('meterline.as_of', %(at)s, true)"
    assert said in knowledge._ASK
    any_time = knowledge._ASK.replace(said, said.replace("%(at)s", "'infinity'"))
    patch.setattr(knowledge, "_ASK", any_time)


def _what_is_withdrawn_is_in_force(patch: pytest.MonkeyPatch) -> None:
    every = "(SELECT * FROM tariff_version WHERE NOT withdrawn) AS tariff_in_force"
    for name, statement in load.SQL.items():
        if "JOIN tariff_in_force" in statement:
            patch.setitem(
                load.SQL, name, statement.replace("JOIN tariff_in_force", f"JOIN {every}")
            )


def _what_was_left_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, claims.SQL, "before", ", billed_period.opening)", ")")


def _a_corrected_read_is_not_validated(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        return

    patch.setattr(registry.TimescaleRegistryTransaction, "queue_for_validation", nothing)


def _an_estimate_is_not_scaled(patch: pytest.MonkeyPatch) -> None:
    def beside(*asked: Any) -> Any:  # noqa: ANN401 - likewise
        return [
            replace(day, block=replace(day.block, values=day.block.values + 1))
            for day in estimate_days(*asked)
        ]

    patch.setattr(estimate_held, "estimate_days", beside)


def _a_cut_period_is_billed_with_its_own(patch: pytest.MonkeyPatch) -> None:
    before = BillingCycle.cut_to

    def late(self: BillingCycle, days: DayRange) -> BillingPeriod:
        return replace(before(self, days), bill_day=self.period_of(days.last).bill_day)

    patch.setattr(BillingCycle, "cut_to", late)


def _what_is_paid_in_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, entries._SQL, "open", "entry.bank IS NOT NULL", "false")


def _what_bills_read_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> dict[Any, Any]:
        return {}

    patch.setattr(reconciliation.TimescaleReconciliation, "as_billed", nothing)


def _a_day_has_one_reader(patch: pytest.MonkeyPatch) -> None:
    before = reconciliation.TimescaleReconciliation.as_billed

    async def of_one(self: Any, days: Any) -> Any:  # noqa: ANN401 - likewise
        read = {(key.channel, key.day): one for key, one in (await before(self, days)).items()}
        return {key: read[key[1:]] for key in days if key[1:] in read}

    patch.setattr(reconciliation.TimescaleReconciliation, "as_billed", of_one)


def _days_that_adjoin_are_two_parts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(due, "joined_parts", lambda there, more: (*there, *more))


def _a_bill_reads_every_channel(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LivePart, "reads", lambda *_: True)


def _estimates_stand_beside_what_comes(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> int:
        return 0

    patch.setattr(judge_days, "reestimate", nothing)


def _what_was_handed_over_stays_so(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CarriedState, "under", lambda self, _: replace(self, before=None))


def _a_part_has_one_tariff(patch: pytest.MonkeyPatch) -> None:
    before = Tariffs.stamped

    def stamped(*asked: Any, **named: Any) -> ports_stamps.InputStamp:  # noqa: ANN401 - as it is asked
        return replace(before(*asked, **named), others={})

    patch.setattr(Tariffs, "stamped", stamped)


def _every_part_is_metered(patch: pytest.MonkeyPatch) -> None:
    before = stamps.stamp_columns
    patch.setattr(
        stamps,
        "stamp_columns",
        lambda stamp, days: before(replace(stamp, not_metered=False), days),
    )


def _a_day_has_24_hours(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PointChannel, "daily", False)


def _nothing_is_settled_behind_a_bill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(due, "settlements", lambda *_: ())


def _differences_are_against_what_was_issued(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, tail.SQL, "parts", "newest.lines", "NULL")


def _what_is_carried_is_open(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, adjustments.SQL, "open", "adjustment_use.adjustment_id IS NULL", "true")
    _replace(patch, adjustments.SQL, "use", "AND there.bill_id = wanted.bill_id", "")


def _nothing_is_carried(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, adjustments.SQL, "open", "adjustment_use.adjustment_id IS NULL", "false")


def _nothing_behind_the_first_is_rated(patch: pytest.MonkeyPatch) -> None:
    before = rate_tail._planned

    def first(work: Any) -> Any:  # noqa: ANN401 - likewise
        return [bill for bill in before(work) if bill.bill_id in work.heads][:1]

    patch.setattr(rate_tail, "_planned", first)


def _nothing_is_stamped(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        return

    patch.setattr(tail.TimescaleTail, "stamp", nothing)


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
    "a service that is not reconciled": _a_service_is_left_out,
    "a message that stops its window": _a_message_stops_its_window,
    "issued bills that another price concerns unsaid": _no_bill_is_named,
    "a price that was known before it was entered": _knowledge_has_no_time,
    "a withdrawn price that is charged": _what_is_withdrawn_is_in_force,
    "a bank that stays in the other system": _what_was_left_is_forgotten,
    "a corrected read that changes no day": _a_corrected_read_is_not_validated,
    "a change of cycle that waits for the old one's end": _a_cut_period_is_billed_with_its_own,
    "money paid in that no bill takes": _what_is_paid_in_is_not_looked_for,
    "a day that changed after its bill": _what_bills_read_is_not_asked,
    "a mistyped end that cuts a bill short": _days_that_adjoin_are_two_parts,
    "a channel that came after the bill": _a_bill_reads_every_channel,
    "estimates beside readings that came since": _estimates_stand_beside_what_comes,
    "a tariff withdrawn after the bill before it": _what_was_handed_over_stays_so,
    "who leaves on the day of the next tariff": _what_was_handed_over_stays_so,
    "a next tariff that changed after the draft": _a_part_has_one_tariff,
    "what was left at the price of before": _a_part_has_one_tariff,
    "a batch found missing after the draft": _every_part_is_metered,
    "a day of 25 hours of a meter that is read once a day": _a_day_has_24_hours,
    "an end told after the last bill": _nothing_is_settled_behind_a_bill,
    "two services that read a day in two versions": _a_day_has_one_reader,
    "estimates beside the register": _an_estimate_is_not_scaled,
    "a difference that is counted twice": _differences_are_against_what_was_issued,
    "an adjustment that two bills carry": _what_is_carried_is_open,
    "an adjustment that no bill carries": _nothing_is_carried,
    "a tail that stops too early": _nothing_behind_the_first_is_rated,
    "what was left that comes back": _nothing_is_stamped,
    "a correction that says nothing of what is another": _inputs_are_not_compared,
    "an edit that readings undo": _readings_count_whatever_was_decided,
    "an event that comes after the draft": _no_revision_is_raised,
}
"""By the name of the fault."""

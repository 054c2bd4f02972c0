"""Judge bills that would become drafts: what a check finds holds them, once a cause.

All bills of a period are judged together: their history is one statement, whatever their number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from central.domain.billing.bill import Bill
from central.domain.billing.bill_check import BillFinding, JudgedPart
from central.domain.billing.checks import CHECKS
from central.domain.billing.negative_total import NEGATIVE_TOTAL
from central.domain.billing.part_use import PartUse
from central.domain.billing.state import BillState
from central.service.ports.bill_checks import AskedPart, CheckInputs, ReleasedHold
from central.service.ports.bill_shard import NewBill, ShardTransaction

_DRAFT = BillState.DRAFT
_DAYS_BACK = max(check.history_days for check in CHECKS)
CHECK_CODES = frozenset(check.code for check in CHECKS)
"""Codes of the reasons that checks give."""
RELEASABLE = CHECK_CODES | {NEGATIVE_TOTAL}
"""Codes of the reasons that somebody may release: nothing is missing, and the bill may be right."""


async def checked(work: ShardTransaction, bills: Sequence[NewBill]) -> list[NewBill]:
    """Bills with what checks find in those that nothing else holds but what may be released.

    What somebody released for just this content holds it no more.

    Args:
        work: The shard.
        bills: Of one period, as they were rated.
    """
    judged = {number: bill for number, bill in enumerate(bills) if _may_go_on(bill.bill)}
    if not judged:
        return list(bills)
    parts = {number: list(_parts(bill)) for number, bill in judged.items()}
    asked = [asked for of_bill in parts.values() for asked, _ in of_bill]
    inputs = await work.check_inputs(asked, _DAYS_BACK)
    findings = {number: _judged(of_bill, inputs) for number, of_bill in parts.items()}
    held = [number for number, listed in findings.items() if listed or bills[number].bill.holds]
    keys = [key for number in held if (key := bills[number].plan.bill_id) is not None]
    released = await work.released(keys) if keys else {}
    return [_held(bill, findings.get(number, ()), released) for number, bill in enumerate(bills)]


def findings_of(bill: NewBill, inputs: CheckInputs) -> tuple[BillFinding, ...]:
    """What checks find in a bill.

    Args:
        bill: That would become a draft.
        inputs: What its parts are judged by.
    """
    return _judged(_parts(bill), inputs)


def _judged(
    parts: Iterable[tuple[AskedPart, JudgedPart]], inputs: CheckInputs
) -> tuple[BillFinding, ...]:
    return tuple(
        finding
        for asked, judged in parts
        for finding in judge(judged, inputs.history.get(asked.key, ()), inputs)
    )


def judge(
    judged: JudgedPart, history: Sequence[PartUse], inputs: CheckInputs
) -> tuple[BillFinding, ...]:
    """What checks find in a part; a settlement is of the class of what was delivered before."""
    if judged.settles:
        delivered = [earlier.unit for earlier in history if earlier.used is not None]
        unit = delivered[-1] if delivered else ""
        judged = replace(judged, use=replace(judged.use, unit=unit))
    return inputs.policies.policy(judged).judge(judged, history)


def content_sha256(bill: Bill) -> str:
    """Hex digest of all that a bill says but its reasons: what a release holds for."""
    return replace(bill, holds=(), state=BillState.DRAFT).sha256


def _may_go_on(bill: Bill) -> bool:
    return all(hold.code in RELEASABLE for hold in bill.holds)


def _parts(bill: NewBill) -> Iterator[tuple[AskedPart, JudgedPart]]:
    """The parts of a bill, each as it is asked for and judged; a settlement is of its last day."""
    amounts = bill.bill.amounts
    leads = True
    for planned, brought, supply in zip(
        bill.plan.parts, bill.parts, bill.bill.supplies, strict=True
    ):
        use = PartUse(planned.said_days) if brought.settles else brought.use
        if use is None:
            continue
        occupancy = planned.occupancy
        asked = AskedPart(
            occupancy.occupancy_id, occupancy.point_id, planned.days.first, planned.days.end
        )
        begins = bool(occupancy.terms) and occupancy.terms[0].first == planned.days.first
        yield (
            asked,
            JudgedPart(
                point=supply.service_point,
                tariff=supply.tariff,
                use=use,
                reads=supply.reads,
                begins=begins,
                currency=bill.bill.currency,
                total=amounts.total,
                billed=amounts.billed,
                leads=leads,
                settles=brought.settles,
            ),
        )
        leads = False


def _held(
    new: NewBill,
    findings: Sequence[BillFinding],
    released: Mapping[int, Collection[ReleasedHold]],
) -> NewBill:
    holds = (*new.bill.holds, *(finding.hold for finding in findings))
    there = released.get(new.plan.bill_id or 0, ())
    if there:
        content = content_sha256(new.bill)
        codes = {each.code for each in there if each.content_sha256 == content}
        holds = tuple(hold for hold in holds if hold.code not in codes)
    if holds == new.bill.holds:
        return new
    state = BillState.HELD if holds else _DRAFT
    return replace(new, bill=replace(new.bill, holds=holds, state=state))

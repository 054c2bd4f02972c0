"""The bill of an account that cannot be rated: held, with the reason, and without lines."""

from __future__ import annotations

from dataclasses import replace

from central.domain.billing.bill import Supply
from central.domain.billing.make_bill import make_bill
from central.domain.billing.state import BillState
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.halved import error_text
from central.service.ports.bill_shard import AccountWork, NewBill, NewPart

RATING_FAILED = "RATING_FAILED"
TARIFF_REFUSED = "TARIFF_REFUSED"
EARLIER_NOT_BILLED = "EARLIER_NOT_BILLED"
_NOTHING = Rated("XXX", (), (), CarriedState())


def rating_failed(error: Exception) -> Hold:
    """The hold for an unexpected error; the next run tries again."""
    message = "The account cannot be rated. The other accounts of the run are not affected."
    return Hold(RATING_FAILED, message, error_text(error))


def unrated(work: AccountWork, hold: Hold) -> NewBill:
    """The held bill of an account.

    Args:
        work: The account; of its agreements only point, tariff and days are told.
        hold: Why it is not rated.
    """
    supplies = [
        Supply(
            supply.point,
            supply.tariff,
            supply.said_days,
            supply.zone,
            _NOTHING,
            day_start=supply.day_start,
            settles=supply.settles,
        )
        for supply in work.supplies
    ]
    bill = make_bill(
        work.account,
        work.plan.period,
        supplies,
        run_type=work.plan.run_type,
        findings=[hold],
        replaces=work.plan.replaces,
    )
    parts = tuple(
        NewPart(
            supply.occupancy_id,
            supply.agreement_id,
            supply.days,
            supply.opening,
            _NOTHING.closing,
            settles=supply.settles,
        )
        for supply in work.supplies
    )
    return NewBill(work.plan, bill, parts, None, None)


def earlier_not_billed(evidence: str) -> Hold:
    """The hold of a bill behind one that is held.

    Args:
        evidence: Which.
    """
    message = (
        "An earlier period is held. This one is billed when the earlier one is; where another"
        " system billed it, name the first day billed here (`billing_from`)."
    )
    return Hold(EARLIER_NOT_BILLED, message, evidence)


def withheld(refused: NewBill, hold: Hold) -> NewBill:
    """A bill that cannot be saved, held and without its lines.

    Args:
        refused: The bill.
        hold: Why.
    """
    bill = replace(refused.bill, lines=(), holds=(hold,), state=BillState.HELD)
    supplies = tuple(replace(supply, reads=(), input_sha256="") for supply in bill.supplies)
    parts = tuple(
        part._replace(closing=_NOTHING.closing, entries=(), money=()) for part in refused.parts
    )
    bill = replace(bill, supplies=supplies)
    return NewBill(refused.plan, bill, parts, None, None)

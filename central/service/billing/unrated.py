"""The bill of an account that cannot be rated: held, with the reason, and without lines."""

from __future__ import annotations

from central.domain.billing.bill import RunType, Supply
from central.domain.billing.make_bill import make_bill
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.halved import error_text
from central.service.ports.billing import AccountWork, NewBill

RATING_FAILED = "RATING_FAILED"
TARIFF_REFUSED = "TARIFF_REFUSED"
_NOTHING = Rated("XXX", (), (), CarriedState())


def rating_failed(error: Exception) -> Hold:
    """The hold for an unexpected error; the next run tries again."""
    message = "The account cannot be rated. The other accounts of the run are not affected."
    return Hold(RATING_FAILED, message, error_text(error))


def unrated(work: AccountWork, period: BillingPeriod, run_type: RunType, hold: Hold) -> NewBill:
    """The held bill of an account.

    Args:
        work: The account; of its agreements only point, tariff and days are told.
        period: That would be billed.
        run_type: Why.
        hold: Why it is not rated.
    """
    supplies = [
        Supply(one.point, one.tariff, one.days, one.zone, _NOTHING) for one in work.supplies
    ]
    bill = make_bill(work.account, period, supplies, run_type=run_type, findings=[hold])
    closing = tuple((one.agreement_id, one.days, _NOTHING.closing) for one in work.supplies)
    return NewBill(work.account_id, bill, closing, None, None)

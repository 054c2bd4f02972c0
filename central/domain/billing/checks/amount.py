"""Check: a bill that comes to more than the class's limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from central.domain.billing.bill_check import BillCheck, BillFinding, JudgedPart, rounded
from central.domain.billing.part_use import PartUse
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Amounts, Limits, Threshold, ThresholdKind

NO_AMOUNTS: Amounts = ()
LIMIT = Threshold(
    "amount_limit",
    ThresholdKind.AMOUNTS,
    NO_AMOUNTS,
    "",
    "by currency, what a bill may come to, to pay or in credit; none for any",
    may_be_zero=True,
)


def _judge(judged: JudgedPart, limits: Limits, _: Sequence[PartUse]) -> Iterator[BillFinding]:
    """What is supplied, or paid out; both are the bill's, so only its first part is judged."""
    limit = dict(limits[LIMIT]).get(judged.currency)
    amount = max(judged.total, judged.billed, key=abs)
    if judged.leads and limit is not None and abs(amount) > limit:
        message = f"It comes to {amount} {judged.currency}, above the limit of its class."
        yield CHECK.finding_in(judged, message, {"limit": f"{rounded(limit)} {judged.currency}"})


CHECK = BillCheck(
    code=VeeCode("AMOUNT_LIMIT"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "the bill comes to more than the limit of its class in its currency",
        "la factura supera el límite de su clase en su moneda",
    ),
    judge=_judge,
    thresholds=(LIMIT,),
)

"""What issued bills would say today: before and after, and the difference by line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, Field

from central.api.schemas.base import PageOut, Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.billing.candidate import CandidateEnd, CauseKind
from central.domain.billing.correction import CorrectionState, CorrectionWay
from central.domain.billing.correction_limit import MONTHS_MAX, TEXT_MAX, LimitCause, LimitTerms
from central.domain.billing.correction_rule import DAYS_MAX, RuleCause, RuleState
from central.service.ports.correction_limits import LimitScope


class TaxDifferenceOut(Schema):
    """What a tax comes to otherwise; amounts are strings, exact."""

    name: str
    rate: str = Field(description="Percent.")
    amount: str


class CurrencyDifferenceOut(Schema):
    """What bills of one currency come to otherwise."""

    currency: str
    net: str
    taxes: list[TaxDifferenceOut]
    settled: str
    amount: str = Field(description="All of it.")


class LineDifferenceOut(Schema):
    """A line that says another quantity or amount."""

    service_point: str
    key: str = Field(description="Of the line, unique in its part.")
    charge: str
    kind: str
    name: str
    label: str
    first: date
    end: date
    unit: str
    price: str | None = Field(description="Per unit, or percent; null where it is another now.")
    old_quantity: str | None
    new_quantity: str | None
    old_amount: str
    new_amount: str
    difference: str
    tariff_sha256: str


class CorrectedPartOut(Schema):
    """A part of a bill, as it is settled and as it is rated now."""

    service_point: str
    tariff: str
    first: date
    end: date
    version: int = Field(description="1 as the bill says it; one more for each correction.")
    old_kwh: str
    new_kwh: str
    leaves_other_state: bool
    differences: list[LineDifferenceOut]
    before: list[dict[str, Any]] = Field(description="Lines with their lineage.")
    after: list[dict[str, Any]] = Field(description="Lines with their lineage.")


class CorrectedBillOut(Schema):
    """An issued bill that was rated again."""

    bill: str
    number: str
    period: str
    causes: list[str] = Field(
        description="Inputs that are others; empty where only its opening is."
    )
    parts: list[CorrectedPartOut]


class BillBehindOut(Schema):
    """A bill of the account that is not issued."""

    bill: str
    name: str
    state: str


class CorrectionReportOut(Schema):
    """The issued bills of an account from the earliest changed one on, before and after."""

    account: str
    differs: bool
    amounts: list[CurrencyDifferenceOut]
    kwh: str
    leaves_other_state: bool = Field(description="Whether what comes behind opens otherwise.")
    bills: list[CorrectedBillOut]
    behind: list[BillBehindOut]


class CorrectionIn(Order):
    """What becomes of an account's issued bills that would say something else."""

    account: Name
    way: CorrectionWay
    from_bill: Name | None = Field(
        None, description="First bill; default: the first of which an input is another."
    )
    reason: Reason


class WithdrawnCorrectionIn(Order):
    """Why a decision is withdrawn."""

    reason: Reason


class DecidedCorrectionOut(Schema):
    """A decision."""

    correction: str = Field(description="Its identifier.")


class ApprovedCorrectionOut(Schema):
    """A decision that is carried out."""

    correction: str = Field(description="Its identifier.")
    withdrawn: list[str] = Field(description="Approved bills that are drafts again.")


class CorrectionOut(Schema):
    """A decision about the issued bills of an account."""

    correction: str
    account: str
    way: CorrectionWay
    state: CorrectionState
    from_bill: str = Field(description="Legal number of the first bill.")
    reason: str
    difference: dict[str, Any] = Field(description="As it was shown to whoever decided.")
    decided_by: str
    decided_at: AwareDatetime
    approved_by: str | None
    approved_at: AwareDatetime | None


class CandidateCauseOut(Schema):
    """An input that is another than issued bills were rated with."""

    kind: CauseKind
    name: str
    detail: str = Field(description="What of it is another; empty where nobody can say.")


class CandidateHoldOut(Schema):
    """Why bills cannot be rated again."""

    code: str
    message: str


class CandidateOut(Schema):
    """Issued bills of an account that would say something else today."""

    candidate: str = Field(description="Its identifier.")
    account: str
    bill: str = Field(description="Identifier of the first bill that would.")
    number: str = Field(description="Legal number of that.")
    service_point: str = Field(description="Of the earliest part.")
    first: date = Field(description="First local day of that.")
    end: date = Field(description="The local day after its last.")
    causes: list[CandidateCauseOut]
    difference: dict[str, Any] = Field(
        description="By currency and tax, and the lines that differ; empty where nobody knows."
    )
    hold: CandidateHoldOut | None
    opened_at: AwareDatetime
    compared_at: AwareDatetime = Field(description="When the bills were rated again last.")
    closed_at: AwareDatetime | None
    closed_as: CandidateEnd | None
    closed_by: str | None
    correction: str | None = Field(description="The decision that waits, or that closed it.")
    decision: str | None = Field(
        description="What was proposed together, where a credit note closed it."
    )


class CandidateFiguresOut(Schema):
    """How many candidates are open, by how long they are."""

    open: int
    held: int = Field(description="Of which the bills cannot be rated again.")
    day: int = Field(description="For less than a day.")
    week: int = Field(description="For a day or more, and less than a week.")
    month: int = Field(description="For a week or more, and less than 30 days.")
    older: int
    oldest: AwareDatetime | None


class CandidatesOut(PageOut[CandidateOut]):
    """Some candidates, and how many are open in all."""

    figures: CandidateFiguresOut


class CorrectionRuleIn(Order):
    """The next version of a rule that settles small differences."""

    name: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,39}$")
    way: CorrectionWay = CorrectionWay.ADJUST
    amount: Decimal = Field(gt=0, description="The difference stays below it.")
    currency: str = Field(pattern="^[A-Z]{3}$")
    days: int = Field(
        ge=1, le=DAYS_MAX, description="The earliest part begins less than so many days ago."
    )
    cause: RuleCause = Field(
        default=RuleCause.ANY,
        description="`estimates`: readings are another, and each bill had estimated intervals.",
    )
    reason: Reason


class CorrectionRuleRef(Schema):
    """A version of a rule."""

    rule: str = Field(description="NAME@version.")


class CorrectionRuleOut(CorrectionRuleRef):
    """A version of a rule that settles small differences."""

    name: str
    version: int
    state: RuleState
    way: CorrectionWay
    amount: str
    currency: str
    days: int
    cause: RuleCause
    reason: str
    entered_by: str
    entered_at: AwareDatetime
    approved_by: str | None
    approved_at: AwareDatetime | None
    withdrawn_by: str | None
    withdrawn_at: AwareDatetime | None


class CorrectionLimitIn(Order):
    """How far back issued bills may be corrected."""

    effective: date = Field(description="First day that it holds on.")
    group: Name | None = Field(
        default=None, description="Of accounts or service points; null for everybody."
    )
    cause: LimitCause | None = Field(
        default=None, description="In place of the limit of every cause (null)."
    )
    charge_months: int | None = Field(
        default=None, ge=0, le=MONTHS_MAX, description="How far back may be charged more."
    )
    credit_months: int | None = Field(
        default=None, ge=0, le=MONTHS_MAX, description="How far back may be given back."
    )
    smallest: Decimal | None = Field(
        default=None, gt=0, description="Smallest difference that is charged or given back."
    )
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    source: str = Field(min_length=1, max_length=TEXT_MAX, description="Where it stands.")
    reason: Reason

    def scope(self) -> LimitScope:
        """What it is of."""
        return LimitScope(self.group, self.cause)

    def terms(self) -> LimitTerms:
        """What it says."""
        return LimitTerms(
            self.charge_months, self.credit_months, self.smallest, self.currency, self.source
        )


class CorrectionLimitRef(Schema):
    """A revision of a limit."""

    group: str | None
    cause: LimitCause | None
    effective: date
    revision: int


class CorrectionLimitOut(CorrectionLimitRef):
    """How far back issued bills may be corrected, as somebody recorded it."""

    charge_months: int | None
    credit_months: int | None
    smallest: str | None
    currency: str | None
    source: str
    reason: str
    actor: str
    recorded_at: AwareDatetime

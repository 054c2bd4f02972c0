"""Accounts, agreements, tariffs, runs, bills, lines, explanations."""

from __future__ import annotations

from datetime import date
from typing import Self

from central.api.schemas.base import Exact, Instant, Schema
from central.service.views.billing import LineExplanation, Proof, RunView, spell_fraction


class AccountOut(Schema):
    """Who pays."""

    account: str
    number: str
    name: str
    agreements: int


class AgreementOut(Schema):
    """An account x service point x tariff, from a date to a date."""

    agreement: str
    account: str
    account_name: str
    point: str
    point_name: str
    tariff: str
    start: date
    end: date | None


class TariffOut(Schema):
    """One version of a tariff."""

    tariff: str
    effective: date
    sha256: str
    currency: str
    added_at: Instant


class AmountOut(Schema):
    """An amount of money."""

    currency: str
    amount: Exact


class RunOut(Schema):
    """One cycle's batch of bills."""

    run: str
    cycle: str
    kind: str
    state: str
    started_at: Instant
    finished_at: Instant | None
    bills: int
    held: int
    drafts: int
    approved: int
    issued: int
    totals: list[AmountOut]

    @classmethod
    def of(cls, view: RunView) -> Self:
        """The schema of a run."""
        return cls(
            run=view.run,
            cycle=view.cycle,
            kind=view.kind,
            state=view.state,
            started_at=view.started_at,
            finished_at=view.finished_at,
            bills=view.bills,
            held=view.held,
            drafts=view.drafts,
            approved=view.approved,
            issued=view.issued,
            totals=[
                AmountOut(currency=currency, amount=amount) for currency, amount in view.totals
            ],
        )


class BillOut(Schema):
    """One account's result in a run."""

    bill: str
    run: str
    cycle: str
    account: str
    account_name: str
    account_number: str
    number: str | None
    state: str
    reason: str | None
    start: date
    end: date
    currency: str | None
    total: Exact | None
    sha256: str | None
    creator: str | None
    approver: str | None


class LineOut(Schema):
    """One charge of a bill."""

    number: int
    charge: str
    kind: str
    label: str | None
    text: str
    quantity: Exact | None
    unit: str | None
    price: Exact | None
    amount: Exact
    explained: bool


class ExplainedOut(Schema):
    """One interval behind a quantity, in the billing unit."""

    start: Instant
    end: Instant
    day: date
    value: Exact
    quality: str
    version: int


class ProofOut(Schema):
    """A quantity of a line, summed again from its intervals.

    `total` and `billed` are fractions such as 2469/2 where no decimal is exact.
    """

    name: str
    label: str
    unit: str
    how: str
    zone: str
    total: str
    billed: str
    intervals: list[ExplainedOut]

    @classmethod
    def of(cls, proof: Proof) -> Self:
        """The schema of a proof."""
        return cls(
            name=proof.name,
            label=proof.label,
            unit=proof.unit,
            how=proof.how,
            zone=proof.zone,
            total=spell_fraction(proof.total),
            billed=spell_fraction(proof.billed),
            intervals=[
                ExplainedOut(
                    start=interval.start,
                    end=interval.end,
                    day=interval.day,
                    value=interval.value,
                    quality=interval.quality.name.lower(),
                    version=interval.version,
                )
                for interval in proof.intervals
            ],
        )


class ExplanationOut(Schema):
    """A line, and every quantity behind it proven from its intervals."""

    line: LineOut
    proofs: list[ProofOut]

    @classmethod
    def of(cls, explanation: LineExplanation) -> Self:
        """The schema of an explanation."""
        return cls(
            line=LineOut.model_validate(explanation.line),
            proofs=[ProofOut.of(proof) for proof in explanation.proofs],
        )

"""Invariant 6: what issued bills would say otherwise, by the product and by the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from firmware_bridge.contract.errors import OperatorError
from tests.life.charged import Candidate, Charged
from tests.life.product_corrections import Previewed, ProductCorrections
from tests.life.violation import Violation

HELD = "CORRECTION_HELD"


async def as_previewed(charged: Charged, product: ProductCorrections) -> list[Violation]:
    """Accounts of which something may be another since they were compared."""
    found = []
    for account in sorted(charged.touched | charged.candidates.keys()):
        expected = charged.candidates.get(account)
        try:
            previewed = await product.preview(account)
        except OperatorError as error:
            if error.code != HELD or not charged.may_be_held(account):
                found.append(Violation(6, f"{account} cannot be corrected: {error}"))
            continue
        if not _agree(charged, account, expected, previewed):
            found.append(
                Violation(6, f"{account}: {previewed} is previewed, not {_said(expected)}")
            )
    charged.touched.clear()
    return found


def _agree(
    charged: Charged, account: str, expected: Candidate | None, previewed: Previewed
) -> bool:
    if expected is not None and expected.is_held:
        return charged.may_be_held(account)
    amount = Decimal(0) if expected is None else expected.amount
    # What was left comes back with whatever of its bill changes next.
    return previewed.amount - amount in charged.left(account)


def _said(expected: Candidate | None) -> str:
    if expected is None:
        return "nothing"
    parts = "; ".join(f"{charge.part}: {charge.rated} now {now}" for charge, now in expected.parts)
    return f"{expected.amount} ({parts})"


async def worked_off(
    charged: Charged, product: ProductCorrections, accounts: Iterable[str]
) -> list[Violation]:
    """Accounts that were just corrected have nothing left that differs."""
    found = []
    for account in accounts:
        if account in charged.candidates:
            said = _said(charged.candidates[account])
            found.append(Violation(6, f"{account} is corrected, and would still say {said}"))
        previewed = await product.preview(account)
        if previewed.bills:
            found.append(Violation(6, f"{account} is corrected, and previewed: {previewed}"))
    return found

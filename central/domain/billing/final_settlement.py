"""What is still to be settled of occupancies that have ended, and all of whose days are issued.

Whoever says in time that an agreement ends has all settled on the bill of its last days. Where that
bill was issued before, what it left is settled by a part that bills no day. So is a charge or
credit that is posted when the last bill has been issued.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.planned import OccupancyChain, PlannedPart
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.state_rules import Owner

_DAY = timedelta(days=1)


def settlements(
    chains: Sequence[OccupancyChain], periods: AccountPeriods, account_left: CarriedState
) -> Iterator[tuple[BillingPeriod, PlannedPart]]:
    """The settlements of an account, each with the period of its bill.

    Args:
        chains: Its occupancies.
        periods: Of the account.
        account_left: What is the account's own after all of its bills, if no day is to come.
    """
    for chain in to_settle(chains, account_left):
        ended = _ended(chain)
        last = DayRange(ended - _DAY, ended)
        period = periods.cut_to(chain.account_id, last) or BillingPeriod.month(last)
        if chain.terms:
            days = DayRange(ended, ended + _DAY)
            yield period, PlannedPart(chain, chain.terms[-1], days, settles=True)


def finished(chains: Sequence[OccupancyChain], account_left: CarriedState) -> frozenset[int]:
    """The occupancies, by key, of which no bill is to come, not even a settlement.

    Args:
        chains: Of an account.
        account_left: What is the account's own after all of its bills.
    """
    waiting = {chain.occupancy_id for chain in to_settle(chains, account_left)}
    over = (chain.occupancy_id for chain in chains if chain.left is not None)
    return frozenset(over) - waiting


def nothing_to_settle(
    chains: Sequence[OccupancyChain], account_left: CarriedState
) -> list[tuple[OccupancyChain, tuple[str, ...]]]:
    """The occupancies that have ended without anything that a bill would settle.

    Args:
        chains: Of an account.
        account_left: What is the account's own after all of its bills.

    Returns:
        Each with the names of what it carries nevertheless, and nobody goes on with.
    """
    over = finished(chains, account_left)
    goes_on = any(chain.terms and chain.occupancy_id not in over for chain in chains)
    nothing = []
    for chain in chains:
        if chain.occupancy_id in over and not chain.settled:
            shared = () if goes_on else account_left.names
            names = (*_left(chain).of(Owner.OCCUPANCY).names, *shared)
            nothing.append((chain, tuple(dict.fromkeys(names))))
    return nothing


def to_settle(chains: Sequence[OccupancyChain], account_left: CarriedState) -> list[OccupancyChain]:
    """The occupancies of which something is to be settled.

    What is the account's own, and what was posted to no point of it, is settled with the last of
    them, once none of its days is to come.

    Args:
        chains: Of an account.
        account_left: What is the account's own after all of its bills.
    """
    chains = [chain for chain in chains if chain.terms]
    ended = [chain for chain in chains if chain.left is not None and not chain.settled]
    carrying = [
        chain
        for chain in ended
        if chain.posted_here is not None or _left(chain).of(Owner.OCCUPANCY).to_settle
    ]
    if carrying or not ended or any(chain.left is None for chain in chains):
        return carrying
    last = max(ended, key=lambda chain: (_ended(chain), chain.point, chain.occupancy_id))
    alone = _left(last).of(Owner.ACCOUNT) if len(chains) == 1 else CarriedState()
    own = account_left if account_left.names else alone
    return [last] if last.posted is not None or own.to_settle else []


def _left(chain: OccupancyChain) -> CarriedState:
    left = chain.left or CarriedState()
    return left.under(chain.terms[-1].tariff) if chain.terms else left


def _ended(chain: OccupancyChain) -> date:
    return chain.ended_on or chain.claimed_to

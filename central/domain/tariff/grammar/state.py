"""What stands on each rule that leaves a state to later bills, and what a tariff takes over."""

from __future__ import annotations

from decimal import Decimal

from central.domain.tariff.credit_rules import SETTLED
from central.domain.tariff.determinant_rules import EventDeterminant, SumDeterminant
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import FLAG, NAME, NUMBER, one_of, words
from central.domain.tariff.grammar.record import Record, Row, pairs
from central.domain.tariff.refusal import Code
from central.domain.tariff.state_rules import LAPSE, AtEnd, Owner

_OWNERS = words({str(owner): owner for owner in Owner})
# Whose a state is that one occupancy has, unless the tariff says that all the account's share it.
OWNER = Row("owner", _OWNERS, default=Owner.OCCUPANCY)
# Whose money is, which follows the account unless the tariff says otherwise.
OWNER_OF_MONEY = Row("owner", _OWNERS, default=Owner.ACCOUNT)
YEAR_ENDS = one_of("period", "date")
SHARES = one_of("days", "months", "none")

ENERGY_AT_END = Row("at_end", Record(AtEnd, (Row("pay", NUMBER, default=Decimal(0), always=True),)))
MONEY_AT_END = Row(
    "at_end",
    Record(
        AtEnd,
        (
            Row("apply", FLAG, default=False),
            Row("pay", NUMBER, default=Decimal(0), always=True),
        ),
    ),
)
TAKES_OVER = pairs(NAME)


def check_what_is_taken_over(document: Cursor) -> None:
    """What is taken over goes into a state that the tariff has, each into one of its own.

    What goes to `none` lapses.
    """
    names = [name for _, name in document.values["takes_over"] if name != LAPSE]
    for name in names:
        field = document.field("takes_over")
        if name not in _states(document):
            message = f"{name!r} is not a state that the tariff carries from bill to bill."
            field.refuse(Code.UNKNOWN_STATE, message, "Name a bank, peak, sum or balance of it.")
        if names.count(name) > 1:
            message = f"{name!r} takes over two states."
            field.refuse(Code.DUPLICATE_NAME, message, "Keep one of them.")


def _states(document: Cursor) -> set[str]:
    values = document.values
    yearly = {minimum.id for minimum in values["minimums"] if minimum.per == "year"}
    settled = {SETTLED[type(rule)] for rule in values["settlement"] if type(rule) in SETTLED}
    rules = document.scope.determinants.values()
    return (
        {entry.name for entry in (*values["state"], *values["banks"])}
        | yearly
        | {commitment.id for commitment in values["commitments"]}
        | {rule.name for rule in rules if isinstance(rule, EventDeterminant)}
        | {rule.name for rule in rules if isinstance(rule, SumDeterminant) and rule.is_carried}
        | {charge.id for charge in values["charges"] if charge.in_advance or charge.rolls_over}
        | settled
    )

"""`meterline-central correction rules` and more: what settles small differences by itself."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import typer

from central.cli.candidates import correction
from central.cli.corrections import Reason, asked
from central.cli.output import ActingAs, AsJson, actor_of, answered, listed, show
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.correction_rule import CorrectionRule, RuleCause, RuleTerms
from central.process.stores import Stores
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_rules import CorrectionRules
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.plain_number import plain_decimal

__all__ = ["correction"]
Name = Annotated[str, typer.Argument(help="Name of the rule: small letters, digits and hyphens.")]
Version = Annotated[int, typer.Argument(help="Number of the version.", min=1)]


@correction.command("enter-rule")
@answered
def enter_command(  # noqa: PLR0913, PLR0917 - one option each
    name: Name,
    amount: Annotated[str, typer.Option(help="The difference stays below it, such as 5.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 letters, such as EUR.")],
    days: Annotated[int, typer.Option(help="The earliest part begins less than so many days ago.")],
    reason: Reason,
    way: Annotated[
        CorrectionWay, typer.Option(help="What becomes of the difference.")
    ] = CorrectionWay.ADJUST,
    cause: Annotated[
        RuleCause,
        typer.Option(help="Any, or estimates: readings are another of bills that had estimates."),
    ] = RuleCause.ANY,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Enter the next version of a rule that settles small differences; another approves it."""

    async def work(stores: Stores) -> int:
        terms = RuleTerms(way, decimal_of(amount), currency, days, cause)
        return await _rules(stores).enter(name, terms, actor_of(actor), reason)

    key = f"{name}@{asked(work)}"
    if as_json:
        show({"rule": key})
    else:
        typer.echo(f"Rule {key} waits for another person to approve it.")


@correction.command("approve-rule")
@answered
def approve_command(
    name: Name, version: Version, actor: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Put a version of a rule in force that somebody else entered."""

    async def work(stores: Stores) -> None:
        await _rules(stores).approve(name, version, actor_of(actor))

    asked(work)
    if as_json:
        show({"rule": f"{name}@{version}", "state": "in force"})
    else:
        typer.echo(f"Rule {name}@{version} is in force.")


@correction.command("withdraw-rule")
@answered
def withdraw_command(
    name: Name, version: Version, reason: Reason, actor: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Withdraw a version of a rule. What it settled stays."""

    async def work(stores: Stores) -> None:
        await _rules(stores).withdraw(name, version, actor_of(actor), reason)

    asked(work)
    if as_json:
        show({"rule": f"{name}@{version}", "state": "withdrawn"})
    else:
        typer.echo(f"Rule {name}@{version} is withdrawn.")


@correction.command("rules")
@answered
def rules_command(*, as_json: AsJson = False) -> None:
    """List rules that settle small differences, all versions."""

    async def work(stores: Stores) -> Sequence[CorrectionRule]:
        return await _rules(stores).listed()

    rows = [rule.to_json() for rule in asked(work)]
    listed(rows, as_json=as_json, nothing="There is no rule.")


def _rules(stores: Stores) -> CorrectionRules:
    return CorrectionRules(stores.correction_rules, CorrectBills(stores.corrections))


def decimal_of(text: str) -> Decimal:
    """An amount as it was given.

    Raises:
        InvalidValueError: It is none.
    """
    amount = plain_decimal(text)
    if amount is None:
        message = f"{text!r} is not an amount such as 5.00."
        raise InvalidValueError(message, value=text)
    return amount

"""`meterline-central correction limits` and `enter-limit`: how far back bills are corrected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer

from central.cli.correction_rules import correction, decimal_of
from central.cli.corrections import Reason, asked
from central.cli.output import ActingAs, AsJson, actor_of, answered, listed, show
from central.domain.billing.correction_limit import CorrectionLimit, LimitCause, LimitTerms
from central.process.stores import Stores
from central.service.billing.correction_limits import CorrectionLimits
from central.service.ports.correction_limits import LimitScope
from firmware_bridge.contract.errors import InvalidValueError

__all__ = ["correction"]
_CAUSES = ", ".join(LimitCause)


@correction.command("enter-limit")
@answered
def enter_command(  # noqa: PLR0913, PLR0917 - one option each
    effective: Annotated[str, typer.Option(help="First day that it holds on, such as 2026-01-01.")],
    source: Annotated[str, typer.Option(help="Law or contract that says so, with its article.")],
    reason: Reason,
    group: Annotated[
        str | None,
        typer.Option(help="Group of accounts or service points, such as a country or a class."),
    ] = None,
    cause: Annotated[
        str | None,
        typer.Option(help=f"One cause, in place of the limit of every cause: {_CAUSES}."),
    ] = None,
    charges: Annotated[
        int | None, typer.Option(help="Months back that may be charged more; default: no limit.")
    ] = None,
    credits_: Annotated[
        int | None,
        typer.Option("--credits", help="Months back that may be given back; default: no limit."),
    ] = None,
    smallest: Annotated[
        str | None, typer.Option(help="Smallest difference that is charged or given back.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="ISO 4217 letters of the smallest difference.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Enter how far back issued bills may be corrected, for everybody or for a group."""
    amount = None if smallest is None else decimal_of(smallest)
    terms = LimitTerms(charges, credits_, amount, currency, source)
    day, scope = _day(effective), LimitScope(group, _cause(cause))

    async def work(stores: Stores) -> int:
        use_case = CorrectionLimits(stores.correction_limits)
        return await use_case.enter(terms, actor_of(actor), reason, day, scope)

    revision = asked(work)
    if as_json:
        shown = {"group": group, "cause": cause, "effective": day.isoformat()}
        show({**shown, "revision": revision})
    else:
        of = f", cause {cause}" if cause else ""
        typer.echo(f"Revision {revision} holds for {group or 'everybody'}{of} from {day} on.")


@correction.command("limits")
@answered
def limits_command(*, as_json: AsJson = False) -> None:
    """List how far back issued bills may be corrected, all revisions."""

    async def work(stores: Stores) -> Sequence[CorrectionLimit]:
        return await CorrectionLimits(stores.correction_limits).listed()

    rows = [limit.to_json() for limit in asked(work)]
    listed(rows, as_json=as_json, nothing="There is no limit.")


def _cause(text: str | None) -> LimitCause | None:
    try:
        return None if text is None else LimitCause(text)
    except ValueError:
        message = f"{text!r} is no cause of corrections."
        raise InvalidValueError(message, value=text, remedy=f"Give one of {_CAUSES}.") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a day such as 2026-01-01."
        raise InvalidValueError(message, value=text) from None

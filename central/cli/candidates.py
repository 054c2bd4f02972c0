"""`meterline-central correction candidates` and `show`: what would say something else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from central.cli.corrections import asked, print_report
from central.cli.output import AsJson, answered, listed, show
from central.cli.rebill import correction
from central.domain.billing.candidate import CandidateCause, CauseKind
from central.process.stores import Stores
from central.service.billing.candidates import ShowCandidates
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_report import CorrectionReport
from central.service.ports.candidates import CandidateFigures, CorrectionCandidate

__all__ = ["correction"]


@correction.command("candidates")
@answered
def candidates_command(
    account: Annotated[
        str | None, typer.Option("--account", help="Number of an account; default: all accounts.")
    ] = None,
    *,
    closed: Annotated[bool, typer.Option("--closed", help="List those that are settled.")] = False,
    as_json: AsJson = False,
) -> None:
    """List accounts whose issued bills would say something else today, the oldest first."""

    async def work(stores: Stores) -> tuple[Sequence[CorrectionCandidate], CandidateFigures]:
        candidates = await _shown(stores).listed(account, closed=closed)
        return candidates, await stores.candidates.figures(datetime.now(UTC))

    candidates, figures = asked(work)
    if as_json:
        show({"figures": figures_json(figures), "candidates": [c.to_json() for c in candidates]})
        return
    listed([_row(each) for each in candidates], as_json=False, nothing="There is no candidate.")
    typer.echo(
        f"Open: {figures.open}; for less than a day {figures.day}, a week {figures.week}, 30 days"
        f" {figures.month}, longer {figures.older}. Cannot be rated: {figures.held}."
    )


@correction.command("show")
@answered
def show_command(
    candidate: Annotated[UUID, typer.Argument(help="Identifier of the candidate.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a candidate: why, and its bills as they are and as they would be, line by line."""

    async def work(stores: Stores) -> tuple[CorrectionCandidate, CorrectionReport | None]:
        chosen = await _shown(stores).by_uid(candidate)
        return chosen, None if chosen.hold else await _shown(stores).report(chosen)

    chosen, report = asked(work)
    if as_json:
        show({**chosen.to_json(), "report": None if report is None else report.to_json()})
        return
    typer.echo(f"{chosen.account}, {chosen.number}, {chosen.service_point} from {chosen.first}")
    for cause in chosen.causes:
        typer.echo(f"Another input: {_cause(cause)}")
    if chosen.hold:
        typer.echo(f"{chosen.hold['code']}: {chosen.hold['message']}")
    if chosen.closed_as:
        typer.echo(f"Closed as {chosen.closed_as} by {chosen.closed_by}.")
    elif chosen.correction:
        typer.echo(f"Correction {chosen.correction} waits to be approved.")
    if report is not None:
        print_report(report)


def figures_json(figures: CandidateFigures) -> dict[str, Any]:
    """Figures as a JSON object."""
    oldest = None if figures.oldest is None else figures.oldest.isoformat()
    return {**figures._asdict(), "oldest": oldest}


def _shown(stores: Stores) -> ShowCandidates:
    return ShowCandidates(stores.candidates, CorrectBills(stores.corrections))


def _row(candidate: CorrectionCandidate) -> dict[str, Any]:
    amounts = candidate.difference.get("amounts", ())
    return {
        "candidate": str(candidate.uid),
        "account": candidate.account,
        "bill": candidate.number,
        "difference": ", ".join(f"{each['amount']} {each['currency']}" for each in amounts),
        "kWh": candidate.difference.get("kwh"),
        "since": candidate.opened_at.date().isoformat(),
        "state": _state(candidate),
        "why": "; ".join(map(_cause, candidate.causes)),
    }


def _state(candidate: CorrectionCandidate) -> str:
    if candidate.closed_as:
        return candidate.closed_as.value
    if candidate.hold:
        return str(candidate.hold["code"])
    return "decided" if candidate.correction else "open"


def _cause(cause: Any) -> str:  # noqa: ANN401 - a JSON object
    return str(CandidateCause(CauseKind(cause["kind"]), cause["name"], cause["detail"]))

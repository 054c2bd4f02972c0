"""`meterline-central doctor`: check every step of the installation."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import typer

from central.cli.output import EXIT_HELD, AsJson, answered, show, wait_for
from central.service.checkup import Checked, Verdict

_SIGNS = {Verdict.OK: "ok  ", Verdict.WARN: "look", Verdict.FAIL: "FAIL"}


@answered
def doctor_command(*, as_json: AsJson = False) -> None:
    """Check every step of the installation, and say what to do; nothing is changed.

    Exit code 3 if something keeps the centre from its work.
    """
    from central.process.doctor import examine_installation  # noqa: PLC0415 - loads the pages

    async def work() -> list[Checked]:
        results = []
        async for checked in examine_installation(lambda: datetime.now(UTC)):
            results.append(checked)
            if not as_json:
                _print(checked)
        return results

    results = wait_for(work())
    if as_json:
        show([asdict(checked) for checked in results])
    if any(checked.verdict is Verdict.FAIL for checked in results):
        raise typer.Exit(EXIT_HELD)


def _print(checked: Checked) -> None:
    typer.echo(f"{_SIGNS[checked.verdict]}  {checked.step}: {checked.text}")
    if checked.remedy:
        typer.echo(f"      {checked.remedy}")

"""What the demo shows at the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from central.demo.people import DemoSignIn
from central.service.billing.correction_report import CorrectionReport


@dataclass(frozen=True, slots=True)
class BillRow:
    """One bill of the table."""

    account: str
    name: str
    kwh: Decimal | None
    total: str
    state: str
    document: Path | None


class ProgressStep:
    """One line of progress."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def reach(self, done: int, total: int, note: str = "") -> None:
        """Say how far it is."""
        self._progress.update(self._task, completed=done, total=total, note=note)

    def done(self, note: str) -> None:
        """Say that it is over, and what came of it."""
        self._progress.update(self._task, completed=1, total=1, note=note)
        self._progress.stop_task(self._task)


class DemoConsole:
    """The terminal.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.in_progress = True
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/dim]"),
            console=console,
        )

    def close_progress(self) -> None:
        """Leave what the progress shows, and print below it from now on."""
        self._progress.stop()
        self.in_progress = False

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show progress while the block runs."""
        with self._progress:
            yield

    def step(self, title: str) -> ProgressStep:
        """Begin a step."""
        return ProgressStep(self._progress, self._progress.add_task(title, total=None, note=""))

    def bills(self, cycle: str, rows: Sequence[BillRow]) -> None:
        """Print the month's bills."""
        table = Table(title=f"Bills of {cycle}", title_justify="left")
        for heading, justify in (("account", "left"), ("customer", "left"), ("kWh", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("total", justify="right")
        table.add_column("state")
        table.add_column("invoice", overflow="fold")
        for row in rows:
            kwh = "—" if row.kwh is None else f"{row.kwh:,.3f}"
            document = "—" if row.document is None else row.document.name
            table.add_row(row.account, row.name, kwh, row.total, row.state, document)
        self._console.print(table)

    def correction(self, report: CorrectionReport) -> None:
        """Print a bill as it was issued and as it should have been, line by line."""
        for bill in report.bills:
            title = f"{bill.head.number} of {report.account}: {'; '.join(map(str, bill.causes))}"
            table = Table(title=title, title_justify="left")
            table.add_column("line")
            for heading in ("quantity billed", "now", "billed", "now", "difference"):
                table.add_column(heading, justify="right")
            for each in bill.differences:
                numbers = (each.old_quantity, each.new_quantity, each.old_amount, each.new_amount)
                cells = ["" if number is None else f"{number:,f}" for number in numbers]
                name = f"{each.name} {each.label}".strip()
                table.add_row(name, *cells, f"{each.amount:+,f}")
            self._console.print(table)

    def people(self, given: Sequence[DemoSignIn]) -> None:
        """Print who may sign in, with passwords that are not kept."""
        if not given:
            self.print("Passwords were shown when people were added; --anew makes others.")
            return
        table = Table(title="Sign in as; passwords are shown once", title_justify="left")
        for heading in ("name", "role", "account", "password"):
            table.add_column(heading, no_wrap=True)
        for each in given:
            table.add_row(each.name, each.role.value, each.account, each.password)
        self._console.print(table)

    def print(self, text: str) -> None:
        """Print a sentence."""
        self._console.print(text, highlight=False, soft_wrap=True)

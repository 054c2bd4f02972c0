"""Apply an action to many bills: a failed one is reported, and the others are done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
import structlog
import typer

from central.cli.output import EXIT_HELD, print_error
from central.process.start import EXIT_REFUSED
from firmware_bridge.command_line import FileUnusableError
from firmware_bridge.contract.errors import EnvironmentFaultError, MeterlineError

Thing = TypeVar("Thing")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FailedBill:
    """A bill that failed, and the reason.

    Args:
        name: Of the bill.
        code: Of the error.
        message: What it says.
        remedy: What to do about it.
    """

    name: str
    code: str
    message: str
    remedy: str | None = None

    @classmethod
    def of(cls, name: str, error: MeterlineError) -> FailedBill:
        """A bill that an error refused."""
        return cls(name, error.code, error.message, error.remedy)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "bill": self.name,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(slots=True)
class Tried:
    """The results for many bills.

    Args:
        done: Names of those that were done.
        failed: Those that were not.
    """

    done: list[str] = field(default_factory=list)
    failed: list[FailedBill] = field(default_factory=list)

    def end(self, *, as_json: bool, before: int = 0) -> None:
        """Say what failed, and end the command with the exit code for it; go on where nothing did.

        Args:
            as_json: It was said already, as JSON.
            before: How many the command did beside these.
        """
        if not self.failed:
            return
        for one in self.failed if not as_json else ():
            text = f"{one.name}: {one.message}"
            print_error(one.code, text if one.remedy is None else f"{text} {one.remedy}")
        raise typer.Exit(EXIT_HELD if self.done or before else EXIT_REFUSED)


async def each(
    things: Iterable[Thing],
    work: Callable[[Thing], Awaitable[object]],
    name: Callable[[Thing], str] = str,
    progress: Callable[[int], None] = lambda _: None,
) -> Tried:
    """Do the work for each.

    Args:
        things: What to work on.
        work: What is done.
        name: What a thing is called.
        progress: Told how many were tried.

    Raises:
        EnvironmentFaultError: What all of them need is away.
    """
    tried = Tried()
    for count, thing in enumerate(things, start=1):
        try:
            await work(thing)
        except (EnvironmentFaultError, psycopg.OperationalError):
            raise
        except MeterlineError as error:
            tried.failed.append(FailedBill.of(name(thing), error))
        except OSError as error:
            tried.failed.append(FailedBill.of(name(thing), FileUnusableError.of(error)))
        except Exception as error:  # noqa: BLE001 - an unexpected error of one must not stop the others
            _log.exception("item_failed", item=name(thing))
            sentence = f"{type(error).__name__}: {error}. This is a fault in Meterline."
            remedy = "Report it, with what the log says."
            tried.failed.append(FailedBill(name(thing), "INTERNAL", sentence, remedy))
        else:
            tried.done.append(name(thing))
        progress(count)
    return tried

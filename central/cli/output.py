"""Shared by all commands of `meterline-central`: settings, output, errors, exit codes."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NoReturn, ParamSpec, TypeVar, cast

import psycopg
import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from central.cli.command_rules import check_command
from central.config.refusal import refusal_of
from central.config.settings import Settings
from central.domain.actor import Actor, ActorKind, Via
from central.process.start import exit_code_of
from central.service.ports.ingest import StoreUnavailableError
from firmware_bridge.command_line import (
    EXIT_STOPPED,
    CommandGroup,
    FileUnusableError,
    StoppedError,
    report_failure,
)
from firmware_bridge.contract.errors import EnvironmentFaultError, MeterlineError

EXIT_OK, EXIT_HELD = 0, 3
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ActingAs = Annotated[
    str | None,
    typer.Option(
        "--as", help="Name of the person who acts; default: METERLINE_ACTOR, else your user name."
    ),
]

_CONTEXT = "_context"
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")
errors = Console(stderr=True, soft_wrap=True)
out = Console(soft_wrap=True)


# In what the driver says of a server that it tried to reach.
_REACHED_OUT = ("connection failed", "failed to resolve host", "timeout expired")
_UNREADABLE = "The DSN in METERLINE_DATABASE cannot be used."


class LastConnectError(logging.Handler):
    """Remembers why the pool's last attempt to connect failed; its own error does not say."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a warning; of a DSN that cannot be read, none of its text: it has a password."""
        sentence = " ".join(record.getMessage().split())
        self.text = sentence if any(sign in sentence for sign in _REACHED_OUT) else _UNREADABLE


_last_connect_error = LastConnectError(logging.WARNING)


def capture_pool_errors() -> None:
    """Report what keeps a connection from coming once, in the command's own error."""
    log = logging.getLogger("psycopg.pool")
    log.addHandler(_last_connect_error)
    log.propagate = False


class Commands(CommandGroup):
    """All commands of the centre."""

    def exit_code_of(self, error: MeterlineError) -> int:
        """As the reference of commands lists them."""
        return exit_code_of(error)


_DSN_REMEDY = "Write it as postgresql://user@host/meterline."


class DatabaseError(EnvironmentFaultError):
    """The database server refuses, or does not answer, outside of any store."""

    code = "DATABASE"
    default_remedy = "Look at the server's log, then run the command again."

    @classmethod
    def of(cls, error: psycopg.Error) -> DatabaseError:
        """The driver's error as one of ours."""
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
            # Of a DSN that cannot be read the driver repeats the text, which may have a password.
            return cls("The DSN of the database cannot be read.", remedy=_DSN_REMEDY)
        text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        return cls(f"{text}.", value=error.sqlstate)


MARKUP: Final = "markdown"
"""How help is read: `[kWh]` in it stands for itself."""


def group(help_text: str, kind: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        cls=kind,
        help=help_text,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=MARKUP,
    )


def answered(command: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """Print an error as one sentence, and exit with its exit code."""

    @functools.wraps(command)
    def wrapped(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        context = cast("typer.Context | None", kwargs.pop(_CONTEXT, None))
        as_json = bool(kwargs.get("as_json"))
        try:
            check_command(context, settings)
            return command(*args, **kwargs)
        except MeterlineError as error:
            _fail(error, as_json=as_json)
        except (ValidationError, SettingsError) as error:
            _fail(refusal_of(error), as_json=as_json)
        except UnicodeDecodeError as error:
            _fail(FileUnusableError.not_text(error), as_json=as_json)
        except psycopg.Error as error:
            _fail(DatabaseError.of(error), as_json=as_json)
        except BrokenPipeError:
            raise  # whoever read the output has gone, which is no file's fault
        except OSError as error:
            _fail(FileUnusableError.of(error), as_json=as_json)
        except KeyboardInterrupt:
            report_failure(StoppedError(), as_json=as_json)
            raise typer.Exit(EXIT_STOPPED) from None

    # It is handed to whatever has a parameter of its type.
    signature = inspect.signature(command, eval_str=True)
    context = inspect.Parameter(_CONTEXT, inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    wrapped.__dict__["__signature__"] = signature.replace(
        parameters=[*signature.parameters.values(), context]
    )
    return wrapped


def _fail(error: MeterlineError, *, as_json: bool) -> NoReturn:
    if isinstance(error, StoreUnavailableError) and _last_connect_error.text:
        error.message = f"{error.message} {_last_connect_error.text.rstrip('.')}."
    report_failure(error, as_json=as_json)
    raise typer.Exit(exit_code_of(error)) from None


def print_error(code: str, text: str) -> None:
    """Say an error in a sentence, on the error stream."""
    # The sentence may name an account, which may look like markup.
    errors.print(f"[bold]{code}[/]: ", escape(text), sep="", markup=True, highlight=False)


def settings() -> Settings:
    """The settings, from the environment."""
    return Settings()


def actor_of(named: str | None) -> Actor:
    """The person who runs a command.

    Raises:
        ActorRefusedError: The name cannot be anybody's.
    """
    return Actor(ActorKind.PERSON, named or settings().actor, Via.COMMAND)


def wait_for(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run asynchronous work to its end."""
    return asyncio.run(work)


def show(value: object) -> None:
    """Print JSON; amounts and quantities are strings in it already."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def listed(rows: list[dict[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print rows of the same keys: as JSON, or as a table, or in words where there are none."""
    if as_json:
        show(rows)
    elif not rows:
        typer.echo(nothing)
    else:
        # Never cut to the terminal's width: what is listed is copied into the next command.
        lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = zip(line, widths, strict=True)
            typer.echo("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def show_version(kind: str, name: str, version: int, *, new: bool, as_json: bool) -> None:
    """Say which version of something stands now.

    Args:
        kind: What it is, in one word.
        name: Which.
        version: Its number.
        new: Whether it was written now; else the one of before says the same.
        as_json: As JSON.
    """
    if as_json:
        show({kind: name, "version": version, "new": new})
    else:
        typer.echo(f"{name}: version {version}{'' if new else ', unchanged'}.")


def _cell(value: object) -> str:
    return "" if value is None else str(value)


@contextmanager
def progress_bar(
    text: str, total: int | None, *, quiet: bool = False
) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal's error stream; gives what is told how much is done.

    Args:
        text: What is being done.
        total: How much there is; None if unknown.
        quiet: Draw nothing.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=quiet) as bar:
        task = bar.add_task(text, total=total)

        def done(completed: int) -> None:
            bar.update(task, completed=completed)

        yield done

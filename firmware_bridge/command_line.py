"""How every command says that it failed: one form, in words and as JSON.

    CODE: what happened. What to do.
    {"error": {"code": ..., "message": ..., "remedy": ..., "value": ...}}

Words go to standard error; with `--json` the object goes to standard output. `value`, the offending
one, is there where JSON has a type for it. Wrong usage has the code `USAGE`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from firmware_bridge.contract.errors import ConfigurationError, MeterlineError, OperatorError

EXIT_USAGE, EXIT_STOPPED = 2, 130
_JSON_OPTION = "--json"
# The root of the refusals of a command line, wherever this release of typer has it.
_USAGE_ERROR: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
_HELP_INSTEAD = "NoArgsIsHelpError"


class UsageError(OperatorError):
    """A command line names no command, or not as the command takes it."""

    code = "USAGE"
    default_remedy = "Run the command with `--help`."


class FileUnusableError(ConfigurationError):
    """A file or folder that was named cannot be read or written."""

    code = "FILE"
    default_remedy = "Check its name and its rights."

    @classmethod
    def of(cls, error: OSError) -> FileUnusableError:
        """The error of a system call as one of ours."""
        reason = (error.strerror or type(error).__name__).rstrip(".")
        if error.filename is None:
            return cls(f"The system refuses: {reason}.")
        return cls(f"{error.filename}: {reason}.", value=str(error.filename))

    @classmethod
    def not_text(cls, error: UnicodeDecodeError) -> FileUnusableError:
        """The error of a file that is no text."""
        message = f"The file is not UTF-8 text: byte {error.start} is not valid."
        return cls(message, value=error.start, remedy="Save it as UTF-8.")


class StoppedError(OperatorError):
    """Somebody stopped the command."""

    code = "STOPPED"
    default_remedy = "What was done is kept; run the same command again to continue."

    def __init__(self) -> None:
        super().__init__("The command was stopped.")


def report_failure(error: MeterlineError, *, as_json: bool) -> None:
    """Say an error in the one form."""
    if as_json:
        text = json.dumps({"error": error.as_object()}, ensure_ascii=False)
        # An argument that is not UTF-8 comes as surrogates, which no stream takes.
        typer.echo(text.encode(errors="backslashreplace"))
    else:
        typer.echo(error.as_text(), err=True)


class CommandGroup(TyperGroup):
    """The commands of a program: every way to fail ends in the one form.

    A program's own group says which exit code an error has.
    """

    def exit_code_of(self, error: MeterlineError) -> int:
        """The exit code of an error that ends a command."""
        del error
        return EXIT_USAGE

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - typer's own way
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run the command that a command line names."""
        given = sys.argv[1:] if args is None else list(args)
        rest = (prog_name, complete_var, False, windows_expand_args)
        if not standalone_mode:
            return super().main(args, *rest, **extra)
        as_json = _JSON_OPTION in given
        try:
            code = super().main(args, *rest, **extra)
        except (typer.Abort, KeyboardInterrupt):
            report_failure(StoppedError(), as_json=as_json)
            sys.exit(EXIT_STOPPED)
        except MeterlineError as error:
            report_failure(error, as_json=as_json)
            sys.exit(self.exit_code_of(error))
        except _USAGE_ERROR as error:
            if type(error).__name__ == _HELP_INSTEAD:
                error.show()  # type: ignore[attr-defined]
            else:
                report_failure(usage_error(error), as_json=as_json)
            sys.exit(EXIT_USAGE)
        except UnicodeDecodeError as error:
            failed = FileUnusableError.not_text(error)
            report_failure(failed, as_json=as_json)
            sys.exit(self.exit_code_of(failed))
        except BrokenPipeError:
            # Whoever read the output has gone.
            sys.exit(1)
        except OSError as error:
            failed = FileUnusableError.of(error)
            report_failure(failed, as_json=as_json)
            sys.exit(self.exit_code_of(failed))
        sys.exit(code if isinstance(code, int) else 0)


def usage_error(error: Exception) -> UsageError:
    """A refusal of the command line as one of ours."""
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    message = " ".join(text.split()).rstrip(".")
    context = getattr(error, "ctx", None)
    remedy = None if context is None else f"Run `{context.command_path} --help`."
    return UsageError(f"{message or 'The command line is not valid'}.", remedy=remedy)

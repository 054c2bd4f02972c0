"""Options and arguments that are secrets, which need not stand on a command line.

The arguments of a program are everybody's to read on its machine. So a secret also comes from an
environment variable, from a file (`@FILE`), or from standard input (`-`; a terminal asks for it).
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

import typer

_WAYS = "Or @FILE, or - to be asked for it."
_LONGEST = 4096


def secret_option(variable: str, what: str, **rest: Any) -> Any:  # noqa: ANN401 - typer's own
    """An option of typer for a secret.

    Args:
        variable: Environment variable that gives it where the command line does not.
        what: The sentence that says what it is.
        rest: As `typer.Option` takes it.
    """
    return typer.Option(envvar=variable, callback=read_secret, help=f"{what} {_WAYS}", **rest)


def secret_argument(variable: str, what: str) -> Any:  # noqa: ANN401 - typer's own
    """An argument of typer for a secret; see `secret_option`."""
    return typer.Argument(envvar=variable, callback=read_secret, help=f"{what} {_WAYS}")


def read_secret(
    context: typer.Context, param: typer.CallbackParam, value: str | None
) -> str | None:
    """The secret that an option stands for.

    Args:
        context: Of the command; says where the value comes from.
        param: The option.
        value: `@FILE`, `-`, or the secret; as it is where it comes from the environment.

    Raises:
        OSError: The file cannot be read.
        typer.BadParameter: File or input has no secret; says which.
    """
    source = context.get_parameter_source(str(param.name))
    if value is None or source is None or source.name == "ENVIRONMENT":
        return value
    if value == "-":
        return _first_line(_asked(str(param.name)), "Standard input")
    if value.startswith("@"):
        with Path(value[1:]).open(encoding="utf-8") as file:
            return _first_line(file.read(_LONGEST), value[1:])
    return value


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{name.replace('_', ' ')}: ")
    return sys.stdin.readline(_LONGEST)


def _first_line(text: str, where: str) -> str:
    secret = text.partition("\n")[0].strip()
    if not secret:
        message = f"{where} gives no secret: its first line is empty."
        raise typer.BadParameter(message)
    return secret

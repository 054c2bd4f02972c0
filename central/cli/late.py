"""Commands whose modules are imported when they are asked for, not when the program starts.

Reading all modules of the centre takes a second; most command lines need few of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from central.cli.output import MARKUP, Commands
from firmware_bridge.contract.errors import ConfigurationError


class ExtraMissingError(ConfigurationError):
    """A command needs a package that is not installed."""

    code = "EXTRA_MISSING"

    def __init__(self, command: str, package: str, extra: str) -> None:
        remedy = f"Install meterline[{extra}]."
        super().__init__(f"The command {command} needs {package}.", value=package, remedy=remedy)


@dataclass(frozen=True, slots=True)
class LateCommand:
    """Where a command, or a group of them, is.

    Args:
        module: In `central.cli`.
        attribute: Of the module: a group, or the function of one command.
        help: What the program's own help says of it: the first sentence of its own.
        extra: Of the packages that it needs and a centre may lack.
    """

    module: str
    attribute: str
    help: str
    extra: str | None = None

    def load(self, name: str) -> Any:  # noqa: ANN401 - of typer, whose own types are private
        """Import it, as what typer makes of it.

        Raises:
            ExtraMissingError: A package of its extra is not installed.
        """
        try:
            module = importlib.import_module(f"central.cli.{self.module}")
        except ModuleNotFoundError as error:
            if self.extra is None:
                raise
            raise ExtraMissingError(name, str(error.name).partition(".")[0], self.extra) from None
        there = getattr(module, self.attribute)
        if isinstance(there, typer.Typer):
            return typer.main.get_group(there)
        alone = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=MARKUP
        )
        alone.command(name)(there)
        return typer.main.get_command(alone)


class _LateCommands(MutableMapping[str, Any]):
    """Commands by their names, each imported when it is first looked up."""

    def __init__(self, late: Mapping[str, LateCommand]) -> None:
        self._late = late
        self._loaded: dict[str, Any] = {}
        self._in_outline = False

    @contextmanager
    def in_outline(self) -> Iterator[None]:
        """Meanwhile each is only what the program's help says of it."""
        self._in_outline = True
        try:
            yield
        finally:
            self._in_outline = False

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        if name not in self._loaded:
            late = self._late[name]
            if self._in_outline:
                return TyperCommand(name, help=late.help)
            self._loaded[name] = late.load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError(name)  # nothing takes a command away

    def __iter__(self) -> Iterator[str]:
        return iter({**self._late, **self._loaded})

    def __len__(self) -> int:
        return len({**self._late, **self._loaded})


def program_of(late: Mapping[str, LateCommand]) -> type[TyperGroup]:
    """The kind of a program's own group, with commands that are imported late."""

    class LateProgram(Commands):
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401
            super().__init__(**attributes)
            self.late = _LateCommands(late)
            self.commands = self.late

        def format_help(self, *given: Any) -> None:  # noqa: ANN401
            """Say what there is, without importing it."""
            with self.late.in_outline():
                super().format_help(*given)

        def shell_complete(self, *given: Any) -> Any:  # noqa: ANN401
            """Complete a command's name, without importing any."""
            with self.late.in_outline():
                return super().shell_complete(*given)

    return LateProgram

"""The command that installs what was fetched. The agent itself never runs as root.

It is called with a verb (`install`, `confirm` or `rollback`), the component, its version, the file
with the signed announcement, and the artefact; the last two are `-` where there is none. Exit code
0 is done (of the agent's own update: taken, and the restart will follow); 3 is refused, and nothing
was changed; anything else is a failure half-way.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from edge_agent.remote.errors import UpdateInstallError, UpdateRefusedError

EXIT_REFUSED: Final = 3
SAID_MAX: Final = 500
# What a program needs to find others; nothing of the agent's own settings.
_ENVIRONMENT: Final = ("PATH", "LANG", "TZ")


class Verb(StrEnum):
    """What the installer is to do."""

    INSTALL = "install"
    CONFIRM = "confirm"
    ROLLBACK = "rollback"


class Installer:
    """Runs the configured command.

    Args:
        command: Program and first arguments.
        timeout_s: It is ended when it takes longer. [s]
    """

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s

    async def call(
        self, verb: Verb, component: str, version: str, manifest: Path | None, artefact: Path | None
    ) -> None:
        """Have it done.

        Raises:
            UpdateRefusedError: It refused, and changed nothing.
            UpdateInstallError: It could not be run, failed, or took too long.
        """
        arguments = [verb.value, component, version, *(str(f or "-") for f in (manifest, artefact))]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            message = f"The installer {self._command[0]} cannot be started: {error.strerror}."
            raise UpdateRefusedError(message, value=self._command[0]) from error
        said = await self._ended(process)
        if process.returncode:
            message = f"The installer ended with {process.returncode}: {said or 'no output'}."
            kind = UpdateRefusedError if process.returncode == EXIT_REFUSED else UpdateInstallError
            raise kind(message, value=process.returncode)

    async def _ended(self, process: asyncio.subprocess.Process) -> str:
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await _last_words(process)
                await process.wait()
        except TimeoutError:
            message = f"The installer took longer than {self._timeout_s:g} s."
            raise UpdateInstallError(message) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return said


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The end of what it says, without keeping all of it."""
    kept = b""
    if process.stdout is not None:
        while chunk := await process.stdout.read(4_096):
            kept = (kept + chunk)[-SAID_MAX:]
    return " ".join(kept.decode(errors="replace").split())

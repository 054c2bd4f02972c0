"""What every private server offers: start, stop, and both kinds of `with`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from central.adapters.embedded.account import OwnFolder
    from central.adapters.embedded.child import SupervisedChild


class EmbeddedServer(ABC):
    """A server in a folder of its own, used with `with` or `async with`."""

    def __init__(self, own: OwnFolder) -> None:
        self._own = own
        self._child: SupervisedChild | None = None

    @property
    def home(self) -> Path:
        """The folder in use."""
        return self._own.path

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return None if self._child is None else self._child.pid

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._child is not None and self._child.running

    def start(self) -> Self:
        """Start the server, and return when it answers. A running one is left as it is.

        Raises:
            ServerStartError: It could not be started; the message ends with its log.
            OwnFolderBusyError: Another process uses the folder.
        """
        if self.running:
            return self
        try:
            self._start(self._own.lock())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop in order and wait until it is gone. Harmless when it does not run."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        self._own.unlock()

    def discard(self) -> None:
        """Remove what earlier servers left in the folder, so that `start` begins anew.

        Raises:
            OwnFolderBusyError: Another process uses the folder.
        """
        self.stop()
        self._own.lock()
        self._own.clear()

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would; `start` brings it back where it was."""
        if self._child is not None:
            self._child.kill()

    @abstractmethod
    def _start(self, lock: int) -> None:
        """Set `_child` to a server that answers; `lock` is for its watchdog to hold."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

"""A private MQTT broker on a free loopback port, ended with the process that started it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path

from central.adapters.embedded.account import OwnFolder, private_account
from central.adapters.embedded.child import SupervisedChild
from central.adapters.embedded.errors import ServerBinariesMissingError, ServerStartError
from central.adapters.embedded.server import EmbeddedServer

HOST = "127.0.0.1"
# Debian installs mosquitto where only root's PATH looks.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
START_ATTEMPTS = 5


class BrokerKind(StrEnum):
    """Which broker runs."""

    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"


def mosquitto_program() -> Path | None:
    """Return the installed mosquitto, or None."""
    found = shutil.which("mosquitto", path=SEARCH_PATH)
    return None if found is None else Path(found)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class EmbeddedBroker(EmbeddedServer):
    """One private broker, usable as a context manager, `with` or `async with`.

    Any user of this machine may connect to it; the centre's own checks stand behind it.

    Args:
        home: Folder of its own.
        kind: Which broker; None takes mosquitto where it is installed, else amqtt.
        persistent: Keep retained messages and sessions over a restart (mosquitto only).
        port: TCP port on 127.0.0.1; None takes a free one at the first start and keeps it.
        start_timeout_s: How long it may take to answer.

    Raises:
        ServerBinariesMissingError: `kind` is mosquitto, which is not installed.
    """

    host = HOST

    def __init__(
        self,
        home: Path,
        *,
        kind: BrokerKind | None = None,
        persistent: bool = False,
        port: int | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        program = mosquitto_program()
        if kind is BrokerKind.MOSQUITTO and program is None:
            raise ServerBinariesMissingError(
                "mosquitto is not installed.", remedy="Install Debian's package mosquitto."
            )
        self._program = None if kind is BrokerKind.AMQTT else program
        self.kind = BrokerKind.AMQTT if self._program is None else BrokerKind.MOSQUITTO
        self._persistent = persistent
        self._port = port
        self._timeout_s = start_timeout_s
        # amqtt is Python out of this environment, which another user may not be able to read.
        account = private_account() if self.kind is BrokerKind.MOSQUITTO else None
        super().__init__(OwnFolder(home, account))

    @property
    def port(self) -> int:
        """TCP port on `host`; known once it was started."""
        if self._port is None:
            raise ServerStartError("The broker has not been started, so it has no port yet.")
        return self._port

    @property
    def speaks_mqtt5(self) -> bool:
        """Whether it speaks MQTT 5 besides 3.1.1."""
        return self.kind is BrokerKind.MOSQUITTO

    def _start(self, lock: int) -> None:
        chosen = self._port is not None
        for attempt in range(1, START_ATTEMPTS + 1):
            port = self._port if self._port is not None else free_port()
            self._child = self._prepared(port, lock).start()
            try:
                self._child.wait_ready(partial(_accepts, port), self._timeout_s)
            except ServerStartError:
                # Between choosing a free port and listening on it another process may take it.
                if chosen or attempt == START_ATTEMPTS:
                    raise
            else:
                self._port = port
                return

    def _prepared(self, port: int, lock: int) -> SupervisedChild:
        state = self._own.part("state")
        log = self.home / f"{self.kind}.log"
        if self._program is None:
            argv = [sys.executable, "-m", "central.adapters.embedded.amqtt_broker", str(port)]
            # It finds what this process finds, however that was set up.
            found = os.pathsep.join(filter(None, sys.path))
            environment = {"PATH": os.defpath, "PYTHONPATH": found}
        else:
            config = self.home / "mosquitto.conf"
            config.write_text(self._configuration(port, state))
            config.chmod(0o644)
            argv = [str(self._program), "-c", str(config)]
            environment = {"PATH": os.defpath}
        return SupervisedChild(
            argv, cwd=state, log=log, env=environment, account=self._own.account, lock_fd=lock
        )

    def _configuration(self, port: int, state: Path) -> str:
        lines = [
            f"listener {port} {HOST}",
            "allow_anonymous true",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "set_tcp_nodelay true",
            # As deployed: what waits for a worker that is busy is discarded later.
            "max_queued_messages 10000",
            "max_inflight_messages 100",
            f"persistence {'true' if self._persistent else 'false'}",
        ]
        if self._persistent:
            lines += [f"persistence_location {state}/", "autosave_interval 5"]
        return "\n".join([*lines, ""])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True

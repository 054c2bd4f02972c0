"""Supervise one private server in a process of its own, so that a test can kill the supervisor.

`python -m tests.support.supervise KIND HOME` prints one JSON line when the server answers, and
stops it when a line comes on standard input.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from central.adapters.embedded.binaries import wheel_binaries
from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.embedded.server import EmbeddedServer

KINDS = ("postgres", *BrokerKind)


def server_of(kind: str, home: Path) -> EmbeddedServer:
    if kind == "postgres":
        # A SIGKILL takes nothing from the system's cache, so nothing here needs to reach the disk.
        return EmbeddedPostgres(home, wheel_binaries(), durable=False)
    return EmbeddedBroker(home, kind=BrokerKind(kind), persistent=True)


def main() -> None:
    kind, home = sys.argv[1:]
    with server_of(kind, Path(home)) as server:
        said = {
            "supervisor": os.getpid(),
            "pid": server.pid,
            "home": str(server.home),
            "dsn": server.dsn if isinstance(server, EmbeddedPostgres) else None,
            "port": server.port if isinstance(server, EmbeddedBroker) else None,
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        sys.stdin.readline()


if __name__ == "__main__":
    main()

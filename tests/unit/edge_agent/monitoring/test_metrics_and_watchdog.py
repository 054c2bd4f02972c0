from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from edge_agent.monitoring.prometheus import a_day, days_to_full, percentile
from edge_agent.monitoring.systemd import GRACE_S, Supervisor, is_alive
from firmware_bridge.figures import Figure, expose

if TYPE_CHECKING:
    from pathlib import Path


def test_figures_are_prometheus_text_and_what_is_unknown_is_left_out() -> None:
    text = expose(
        [Figure("backlog", "Waiting.", 3), Figure("x", "", None), Figure("bad", "Bad.", 2, True)],
        "meterline_edge",
    )
    assert text.splitlines() == [
        "# HELP meterline_edge_backlog Waiting.",
        "# TYPE meterline_edge_backlog gauge",
        "meterline_edge_backlog 3",
        "# HELP meterline_edge_bad Bad.",
        "# TYPE meterline_edge_bad counter",
        "meterline_edge_bad 2",
    ]


def test_paces_are_not_made_up() -> None:
    assert a_day(10, 0.5) is None
    assert a_day(10, 8_640) == 100
    assert days_to_full(1_000, 0, 100) is None
    assert days_to_full(1_000, 10, 8_640) == 10
    assert percentile([], 0.99) is None
    assert percentile(range(1, 1_001), 0.99) == 991


def test_alive_means_committed_of_late() -> None:
    late = 3 * 900 + GRACE_S
    assert is_alive(late, None, 0.0, 900)
    assert not is_alive(late + 1, None, 0.0, 900)
    assert is_alive(10_000 + late, 10_000, 0.0, 900)
    assert not is_alive(10_001 + late, 10_000, 0.0, 900)
    assert is_alive(1e9, None, 0.0, 0)


def test_the_supervisor_is_told_over_its_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(path)
        found = Supervisor.from_environment({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
        found.notify("READY=1")
        assert channel.recv(100) == b"READY=1"
    assert found.watchdog_s == 30
    found.notify("WATCHDOG=1")
    other = {"WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid() + 1)}
    assert Supervisor.from_environment(other) == Supervisor(None, None)
    Supervisor.from_environment({}).notify("READY=1")

"""Asking a running agent, from another process, to read its configuration again.

The signal carries the question, since the kernel knows who may send it; the status socket carries
the answer.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from edge_agent.errors import AgentSilentError
from edge_agent.monitoring.status_socket import ask, socket_path

PATIENCE_S = 60.0
LOOK_S = 0.1


def ask_reload(buffer: Path, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Send SIGHUP to the agent with that buffer, and wait for what it makes of it.

    Returns:
        How its configuration stands then, see `edge_agent.reconfigure.ConfigurationStatus`.

    Raises:
        AgentSilentError: None runs there, it is another user's, or it says nothing.
    """
    health = _health(buffer)
    try:
        os.kill(health["pid"], signal.SIGHUP)
    except (PermissionError, ProcessLookupError) as error:
        message = f"The agent with the buffer {buffer} cannot be signalled: {error.strerror}."
        raise AgentSilentError(
            message, remedy="Run the command as root or as the agent's user."
        ) from error
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        standing: dict[str, Any] = _health(buffer)["configuration"]
        if standing["attempts"] > health["configuration"]["attempts"]:
            return standing
    message = f"The agent with the buffer {buffer} did not answer in time."
    raise AgentSilentError(message, remedy="Run `meterline-edge status` in a minute.")


def _health(buffer: Path) -> dict[str, Any]:
    answer = ask(socket_path(buffer))
    if answer is None:
        message = f"No agent with the buffer {buffer} is running."
        raise AgentSilentError(
            message,
            value=str(buffer),
            remedy="Start it, such as with `systemctl start meterline-edge`.",
        )
    health: dict[str, Any] = json.loads(answer)
    return health

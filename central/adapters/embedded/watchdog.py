"""Stand between a supervisor and its server, and end the server when the supervisor is gone.

Run as a script, `python -I -S watchdog.py`, never imported: it must start in milliseconds and hold
nothing of the product. The supervisor holds the other end of standard input. Its first line there
is JSON as `child.py` writes it: settings in it are secrets, and arguments everybody's to read.
A line `stop` asks for an orderly end; the bare end of the stream means that the supervisor died.
Standard output says `started PID`, `failed REASON`, `ended CODE`.

A pipe rather than PR_SET_PDEATHSIG between supervisor and server, since that signal is sent when
the *thread* that forked ends, and is cleared when the server changes its user. It is the second
net one step down: this process has one thread, and sets it after the change of user.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
TICK_S = 0.1


def _report(text: str) -> None:
    # The supervisor may be gone; then nobody needs to hear it.
    try:
        os.write(1, f"{text}\n".encode())
    except OSError:
        return


def _first_line() -> bytes:
    """What the supervisor writes first; without a line's end where it died meanwhile."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 65_536)):
        line += piece
    return line


def _spawn(spec: dict[str, object]) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None, use_errno=True)
    orphan_signal = int(str(spec["orphan_signal"]))
    watchdog = os.getpid()

    def arm() -> None:
        libc.prctl(PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
        if os.getppid() != watchdog:
            os._exit(1)

    uid = spec["uid"]
    identity = {} if uid is None else {"user": uid, "group": spec["gid"], "extra_groups": []}
    with open(str(spec["log"]), "ab") as log:  # noqa: PTH123 - pathlib costs a third of the start
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - our argv
            spec["argv"],
            cwd=spec["cwd"],
            env=spec["env"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
            preexec_fn=arm,  # noqa: PLW1509 - one thread, so nothing can be locked here
            **identity,
        )


def _await_end(child: subprocess.Popen[bytes], supervisor: int) -> str:
    """Return why the wait is over: `ended`, `stop` or `abandon`."""
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    while child.poll() is None:
        if poll.poll(int(TICK_S * 1000)):
            return "stop" if os.read(0, 64).startswith(b"stop") else "abandon"
        # A fork of the supervisor may still hold the pipe open after its death.
        if os.getppid() != supervisor:
            return "abandon"
    return "ended"


def _end(child: subprocess.Popen[bytes], steps: list[list[float]]) -> None:
    for signum, patience_s in steps:
        child.send_signal(int(signum))
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if child.poll() is not None:
                return
            time.sleep(0.02)
    child.kill()
    child.wait()


def main() -> None:
    """Start the server, wait for its end or the supervisor's, and see it end."""
    supervisor = os.getppid()
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    line = _first_line()
    if not line.endswith(b"\n"):
        return
    spec = json.loads(line)
    try:
        child = _spawn(spec)
    except (OSError, subprocess.SubprocessError) as error:
        _report(f"failed {error}")
        return
    _report(f"started {child.pid}")
    why = _await_end(child, supervisor)
    if why != "ended":
        _end(child, spec[why])
    _report(f"ended {child.wait()}")


if __name__ == "__main__":
    main()

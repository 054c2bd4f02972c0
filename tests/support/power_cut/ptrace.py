"""The system calls of a child process, one by one, as the kernel's ptrace tells them.

No compiler and no preloaded library is needed, and it makes no difference whether SQLite is a
library of the system or part of the interpreter: what reaches the disk goes through the kernel.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REFUSED: Final = 77
"""A child that may not be traced ends with this code."""

_TRACEME, _GETREGS, _SETREGS, _SYSCALL = 0, 12, 13, 24
_SETOPTIONS, _GET_SYSCALL_INFO = 0x4200, 0x420E
_STOP_MARKED, _FOLLOW_THREADS, _KILL_WITH_US = 0x1, 0x8, 0x100000
_WAIT_ALL = 0x40000000
_MARKED_STOP = signal.SIGTRAP | 0x80
_ENTRY, _EXIT = 1, 2
# struct user_regs_struct of x86-64.
_REGISTERS, _RAX, _ORIG_RAX = 27, 10, 15

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class TracingRefusedError(Exception):
    """This machine does not let a process trace its child."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call.

    Args:
        architecture: The kernel's audit number of it.
        number: Which call, by that architecture's table.
        arguments: Six of them, as unsigned numbers.
        thread: Who makes it.
    """

    architecture: int
    number: int
    arguments: tuple[int, ...]
    thread: int


class _Info(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("data", ctypes.c_uint64 * 8),
    )


Entered = Callable[[Call], int | None]
Left = Callable[[Call, int], None]


def can_refuse() -> bool:
    """Whether calls can be made to fail on this machine."""
    return platform.machine() == "x86_64"


def be_traced() -> None:
    """Wait for the parent to trace this process; ends it where that is not allowed."""
    if _libc.ptrace(_TRACEME, 0, None, None) != 0:
        os._exit(REFUSED)
    os.kill(os.getpid(), signal.SIGSTOP)


class Tracer:
    """Runs a program that calls `be_traced`, and tells what it asks of the kernel.

    Args:
        entered: Called before each system call; a number lets it fail with that errno.
        left: Called after each, with its result (a negative errno where it failed).
    """

    def __init__(self, entered: Entered, left: Left) -> None:
        self._entered = entered
        self._left = left
        self._under_way: dict[int, tuple[Call, int | None]] = {}
        self._memory = -1
        self.pid = 0

    def run(self, argv: Sequence[str], cwd: Path, log: Path) -> int:
        """Run to the end; the exit code, or the negative signal. Must stay on one thread.

        Raises:
            TracingRefusedError: The child was not allowed to be traced.
        """
        with log.open("wb") as file:
            process = subprocess.Popen(
                argv, cwd=cwd, stdout=file, stderr=file, start_new_session=True
            )
        self.pid = process.pid
        try:
            process.returncode = self._follow()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode == REFUSED:
            message = "ptrace is not permitted here"
            raise TracingRefusedError(message)
        return process.returncode

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the child's memory."""
        return os.pread(self._memory, size, address)

    def text(self, address: int) -> str:
        """A name in the child's memory."""
        # A read across the end of a mapping gives what there is.
        return self.read(address, 4096).split(b"\0", 1)[0].decode()

    def _follow(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        options = _STOP_MARKED | _FOLLOW_THREADS | _KILL_WITH_US
        try:
            _ask(_SETOPTIONS, self.pid, options)
        except OSError as error:
            message = f"ptrace does not follow threads here: {error}"
            raise TracingRefusedError(message) from error
        self._memory = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY)
        try:
            _ask(_SYSCALL, self.pid, 0)
            while True:
                # The child has a session of its own, so this finds its threads and nobody else.
                thread, status = os.waitpid(-self.pid, _WAIT_ALL)
                if not os.WIFSTOPPED(status):
                    if thread == self.pid:
                        return os.waitstatus_to_exitcode(status)
                    continue
                _ask(_SYSCALL, thread, self._stopped(thread, status), gone_is_fine=True)
        finally:
            os.close(self._memory)

    def _stopped(self, thread: int, status: int) -> int:
        """Look at a stop; the signal to go on with."""
        number = os.WSTOPSIG(status)
        if number == _MARKED_STOP:
            self._at_call(thread)
            return 0
        # Events and the first stop of a thread are the tracer's own.
        return 0 if status >> 16 or number in {signal.SIGSTOP, signal.SIGTRAP} else number

    def _at_call(self, thread: int) -> None:
        info = _Info()
        size = ctypes.sizeof(info)
        if _libc.ptrace(_GET_SYSCALL_INFO, thread, size, ctypes.byref(info)) <= 0:
            return
        if info.op == _ENTRY:
            call = Call(info.arch, info.data[0], tuple(info.data[1:7]), thread)
            refusal = self._entered(call)
            if refusal is not None:
                _set_register(thread, _ORIG_RAX, -1)
            self._under_way[thread] = (call, refusal)
        elif info.op == _EXIT and thread in self._under_way:
            call, refusal = self._under_way.pop(thread)
            if refusal is not None:
                _set_register(thread, _RAX, -refusal)
            result = ctypes.c_int64(info.data[0]).value if refusal is None else -refusal
            self._left(call, result)


def _set_register(thread: int, index: int, value: int) -> None:
    registers = (ctypes.c_uint64 * _REGISTERS)()
    _ask(_GETREGS, thread, ctypes.addressof(registers))
    registers[index] = value & (2**64 - 1)
    _ask(_SETREGS, thread, ctypes.addressof(registers))


def _ask(request: int, thread: int, data: int, *, gone_is_fine: bool = False) -> None:
    if _libc.ptrace(request, thread, None, data) != 0 and not gone_is_fine:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

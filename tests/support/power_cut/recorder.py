"""Records what a program does to one flat folder, from its system calls."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.data import REPOSITORY
from tests.support.power_cut.ptrace import Call, Tracer, TracingRefusedError
from tests.support.power_cut.trace import (
    Create,
    Mark,
    Operation,
    Rename,
    Resize,
    Sync,
    SyncFolder,
    Trace,
    Unlink,
    Write,
)

MARKS = "marks"
"""Lines that the program writes to a file of this name beside the folder are its marks."""

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7
_NAMES: dict[int, dict[int, str]] = {
    _X86_64: {
        1: "write", 2: "open", 9: "mmap", 18: "pwrite64", 20: "writev", 40: "sendfile",
        74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate", 82: "rename", 85: "creat",
        86: "link", 87: "unlink", 257: "openat", 263: "unlinkat", 264: "renameat", 265: "linkat",
        275: "splice", 277: "sync_file_range", 285: "fallocate", 296: "pwritev",
        316: "renameat2", 326: "copy_file_range", 328: "pwritev2", 437: "openat2",
    },
    _AARCH64: {
        64: "write", 222: "mmap", 68: "pwrite64", 66: "writev", 71: "sendfile",
        82: "fsync", 83: "fdatasync", 45: "truncate", 46: "ftruncate",
        37: "linkat", 56: "openat", 35: "unlinkat", 38: "renameat",
        76: "splice", 84: "sync_file_range", 47: "fallocate", 70: "pwritev",
        276: "renameat2", 285: "copy_file_range", 287: "pwritev2", 437: "openat2",
    },
}  # fmt: skip
# Ways to change a file that nothing of ours uses; a trace that misses one would prove nothing.
_UNKNOWN = {
    "writev": 0, "pwritev": 0, "pwritev2": 0, "sendfile": 0, "splice": 2, "copy_file_range": 2,
}  # fmt: skip
_UNKNOWN_PATHS = {"truncate", "link", "linkat", "creat", "openat2"}
_SHARED, _WRITABLE = 0x1, 0x2


Refuse = Callable[[Operation], int | None]


class Recorder:
    """One recording.

    Args:
        folder: What happens to its files is recorded; calls elsewhere are not.
        refuse: Asked before each change; an errno lets it fail, and it is not recorded.
    """

    def __init__(self, folder: Path, refuse: Refuse = lambda _: None) -> None:
        self.trace: list[Operation] = []
        self._refuse_change = refuse
        self._folder = str(folder.resolve())
        self._marks = str(folder.resolve().with_name(MARKS))
        self._files: dict[int, int] = {}
        self._count = 0
        self._waiting: dict[int, Operation] = {}
        self._created: dict[int, str] = {}
        self._tracer = Tracer(self._entered, self._left)

    def record(self, module: str, arguments: Sequence[str], log: Path) -> Trace:
        """Run a module that asks to be traced, to its end.

        Raises:
            TracingRefusedError: It may not be traced on this machine.
        """
        argv = [sys.executable, "-m", module, *arguments]
        code = self._tracer.run(argv, REPOSITORY, log)
        if code:
            message = f"{module} ended with {code}:\n{log.read_text(errors='replace')}"
            raise RuntimeError(message)
        if not self.trace:
            message = "ptrace tells of no system calls here"
            raise TracingRefusedError(message)
        return self.trace

    def _on_mark(self, mark: Mark) -> None:
        """The program said something."""

    # --- calls, thread by thread ---

    def _entered(self, call: Call) -> int | None:
        name = _NAMES[call.architecture].get(call.number)
        if name in {"open", "openat"}:
            address, flags = call.arguments[name == "openat" :][:2]
            self._opening(call.thread, address, flags)
        elif name is not None and (operation := self._seen(name, call.arguments)) is not None:
            self._waiting[call.thread] = operation
            if isinstance(operation, Mark):
                self._on_mark(operation)
                return None
            return self._refuse_change(operation)
        return None

    def _left(self, call: Call, result: int) -> None:
        self._opened(call.thread, result)
        operation = self._waiting.pop(call.thread, None)
        if operation is None or result < 0:
            return
        if isinstance(operation, Write) and result != len(operation.data):
            operation = Write(operation.file, operation.offset, operation.data[:result])
        self.trace.append(operation)

    def _seen(self, name: str, given: tuple[int, ...]) -> Operation | None:
        if name in {"write", "pwrite64"}:
            return self._written(name, given)
        if name in {"rename", "renameat", "renameat2"}:
            old, new = (given[0], given[1]) if name == "rename" else (given[1], given[3])
            names = self._inside(self._tracer.text(old)), self._inside(self._tracer.text(new))
            return Rename(names[0], names[1]) if names[0] and names[1] else None
        if name in {"unlink", "unlinkat"}:
            gone = self._inside(self._tracer.text(given[name == "unlinkat"]))
            return Unlink(gone) if gone else None
        return self._on_descriptor(name, given)

    def _on_descriptor(self, name: str, given: tuple[int, ...]) -> Operation | None:
        if name in _UNKNOWN or name in _UNKNOWN_PATHS or name == "mmap":
            self._refuse(name, given)
            return None
        descriptor = given[0]
        if self._path(descriptor) == self._folder and name in {"fsync", "fdatasync"}:
            return SyncFolder()
        file = self._file(descriptor)
        if file is None or name == "sync_file_range":
            return None
        if name in {"fsync", "fdatasync"}:
            return Sync(file)
        size = given[1] if name == "ftruncate" else given[2] + given[3]
        return Resize(file, size)

    def _refuse(self, name: str, given: tuple[int, ...]) -> None:
        """Fail on a change to one of the files that would not be recorded."""
        if name in _UNKNOWN_PATHS:
            texts = [self._tracer.text(given[at]) for at in (0, 1)]
            assert not any(self._inside(text) for text in texts if text), name
        elif name in _UNKNOWN:
            assert not self._inside(self._path(given[_UNKNOWN[name]])), name
        elif given[3] & _SHARED and given[2] & _WRITABLE:
            path = self._path(ctypes.c_int32(given[4]).value)
            # SQLite's index of its log is rebuilt after a power cut.
            assert not self._inside(path) or path.endswith("-shm"), path

    def _written(self, name: str, given: tuple[int, ...]) -> Operation | None:
        descriptor, address, size, position = given[:4]
        path = self._path(descriptor)
        if path == self._marks:
            return Mark.read(self._tracer.read(address, size))
        file = self._file(descriptor)
        if file is None:
            return None
        if name == "write":
            position = self._position(descriptor)
        return Write(file, position, self._tracer.read(address, size))

    # --- names and files ---

    def _opening(self, thread: int, address: int, flags: int) -> None:
        name = self._inside(self._tracer.text(address)) if flags & os.O_CREAT else ""
        assert not (name and flags & os.O_TRUNC), "opened for overwriting"
        if name and not Path(self._folder, name).exists():
            self._created[thread] = name

    def _opened(self, thread: int, result: int) -> None:
        name = self._created.pop(thread, None)
        if name is not None and result >= 0:
            number = Path(self._folder, name).stat().st_ino
            self._count += 1
            self._files[number] = self._count
            self.trace.append(Create(name, self._count))

    def _inside(self, path: str) -> str:
        """The name in the folder, or nothing."""
        folder, _, name = path.rpartition("/")
        return name if folder == self._folder else ""

    def _path(self, descriptor: int) -> str:
        try:
            return str(Path(f"/proc/{self._tracer.pid}/fd/{descriptor}").readlink())
        except FileNotFoundError:
            return ""

    def _file(self, descriptor: int) -> int | None:
        """Which of the folder's files, whatever its name is by now."""
        path = self._path(descriptor).removesuffix(" (deleted)")
        if not self._inside(path):
            return None
        found = os.stat(f"/proc/{self._tracer.pid}/fd/{descriptor}")  # noqa: PTH116 - not a path
        return self._files[found.st_ino] if stat.S_ISREG(found.st_mode) else None

    def _position(self, descriptor: int) -> int:
        info = Path(f"/proc/{self._tracer.pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
        return int(info.split()[1])


def recorded(*arguments: str) -> Trace:
    """The buffer at work, recorded now.

    Args:
        arguments: For the workload, besides its folder.

    Raises:
        TracingRefusedError: It may not be traced on this machine.
    """
    shared = Path("/dev/shm")  # noqa: S108 - a fresh folder within; what is recorded is the same
    with TemporaryDirectory(dir=shared if shared.is_dir() else None) as home:
        folder = Path(home).resolve() / "gateway"
        folder.mkdir()
        return Recorder(folder).record(
            "tests.support.power_cut.workload", [str(folder), *arguments], folder.parent / "log"
        )

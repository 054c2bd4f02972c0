"""What the kernel says of its own clock: is it disciplined, and how far is it off."""

from __future__ import annotations

import ctypes

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """The kernel's `struct timex`. Source: adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("reserved", ctypes.c_byte * 256),
    )


_STA_NANO = 0x2000
_libc = ctypes.CDLL(None, use_errno=True)


def kernel_is_synchronised() -> bool:
    """Whether the kernel's clock is disciplined (NTP, PTP, GPS), by its own word."""
    timex = _Timex()
    state = _libc.adjtimex(ctypes.byref(timex))
    return state not in {-1, _TIME_ERROR} and not timex.status & _STA_UNSYNC


def kernel_offset_s() -> float | None:
    """How far the kernel's clock is from the true time, as its discipline last said; None: unknown.

    [s]
    """
    timex = _Timex()
    if _libc.adjtimex(ctypes.byref(timex)) == -1 or timex.status & _STA_UNSYNC:
        return None
    return float(timex.offset) / (1e9 if timex.status & _STA_NANO else 1e6)

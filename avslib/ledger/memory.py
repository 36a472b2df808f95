"""The most memory that this process has had, on any system."""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes
from pathlib import Path


def peak_of_process() -> int | None:
    """The largest resident set so far, in bytes; None where no source of it is known.

    Linux and macOS count it for `resource`, a module that Windows lacks and asks its kernel instead.
    """
    try:
        import resource
    except ImportError:
        return _of_windows() if sys.platform == "win32" else _of_proc()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 2**10  # macOS counts bytes, Linux KiB


def _of_proc() -> int | None:
    """Linux's own page about the process, in KiB."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 2**10 for line in lines if line.startswith("VmHWM:")), None)


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of Windows' psapi.h."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        *((f"not_asked_{number}", ctypes.c_size_t) for number in range(7)),
    )


def _of_windows() -> int | None:
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel.GetCurrentProcess.restype = wintypes.HANDLE  # else 64 bits would be cut to 32
    ask = kernel.K32GetProcessMemoryInfo
    ask.argtypes, ask.restype = [wintypes.HANDLE, ctypes.POINTER(_Counters), ctypes.c_uint32], wintypes.BOOL
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    if not ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb):
        return None
    return int(counters.PeakWorkingSetSize)

"""Ties a child process to this one on Windows: a job object ends it when its last handle, ours, is gone, however we end.

The child also ends when its input does. On Linux the kernel ends it as well (`engine.parent_tie`); macOS has the pipe alone.
Written from Microsoft's documentation of job objects, and not tested: no Windows machine was at hand.
"""

import subprocess
import sys
from typing import Any

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _KILL_ON_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    _EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("process_time", ctypes.c_int64),
            ("job_time", ctypes.c_int64),
            ("flags", wintypes.DWORD),
            ("least_working_set", ctypes.c_size_t),
            ("most_working_set", ctypes.c_size_t),
            ("active_processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority_class", wintypes.DWORD),
            ("scheduling_class", wintypes.DWORD),
        )

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("basic", _BasicLimits),
            ("io_counters", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process_memory", ctypes.c_size_t),
            ("peak_job_memory", ctypes.c_size_t),
        )

    class JobObject:
        """One job with one process. Where the system refuses it, the pipe's end remains."""

        def __init__(self, process: "subprocess.Popen[bytes]") -> None:
            kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            kernel.CreateJobObjectW.restype = wintypes.HANDLE
            kernel.CreateJobObjectW.argtypes = (ctypes.c_void_p, wintypes.LPCWSTR)
            kernel.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
            kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
            kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
            self._kernel = kernel
            self._handle: Any = kernel.CreateJobObjectW(None, None)
            limits = _ExtendedLimits()
            limits.basic.flags = _KILL_ON_CLOSE
            if self._handle:
                kernel.SetInformationJobObject(self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
                kernel.AssignProcessToJobObject(self._handle, int(process._handle))

        def close(self) -> None:
            """Give the handle back, which ends the process where it still runs."""
            if self._handle:
                self._kernel.CloseHandle(self._handle)
                self._handle = None
else:

    class JobObject:
        """Other systems have other means."""

        def __init__(self, process: "subprocess.Popen[bytes]") -> None:
            pass

        def close(self) -> None:
            """Holds nothing."""

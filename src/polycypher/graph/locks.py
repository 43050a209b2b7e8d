"""Locks on files between processes, for embedded graphs. Linux and macOS only.

The kernel lets go of a lock when its file is closed or its process ends, however it ends.
"""

from __future__ import annotations

import time
from typing import IO

_PAUSE = 0.02


def try_lock(file: IO[bytes], *, shared: bool = False) -> bool:
    """Take the lock of an open file if it is free now; returns whether it was."""
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_until(file: IO[bytes], ends: float) -> bool:
    """Wait for the lock of an open file until `time.monotonic` is past `ends`; returns whether it came."""
    while not try_lock(file):
        if time.monotonic() > ends:
            return False
        time.sleep(_PAUSE)
    return True

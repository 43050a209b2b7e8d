"""Waiting for what other processes do, and the Java servers among them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def java_of(home: Path) -> list[int]:
    """Processes of a Java server that works in `home`."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "java" in line.split("\0")[0] and str(home) in line:
                found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether the condition comes true in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.05)
    return condition()

"""The processes that share a study's training (`accelerate launch`), and the packages that it needs.

All of them train; what one process must do alone, the first does. Knows nothing of stages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from polycypher.errors import UsageError

_PACKAGES = ("accelerate", "pyarrow", "matplotlib", "jinja2")


def check_packages() -> None:
    """Refuse to begin what could not be finished.

    Raises:
        UsageError: a package of the extra `study` is missing.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(f"a study needs {', '.join(missing)}: pip install 'polycypher[study]'")


def is_first() -> bool:
    """Whether this is the first process of the run, or the only one."""
    return bool(_state().is_main_process)


def is_only() -> bool:
    """Whether no other process shares the run."""
    return int(_state().num_processes) == 1


def cores(*, alone: bool = False) -> int:
    """This process' share of the machine's cores; of a process alone, what OMP_NUM_THREADS says goes first.

    With `alone`, the other processes have ended.

    On two cores two processes of one thread train nano three times as fast as one process of two.
    """
    count = 1 if alone else int(_state().num_processes)
    told = os.environ.get("OMP_NUM_THREADS", "")
    # A launcher of several processes sets it to 1 by itself, so there it says nothing.
    if count == 1 and told.isdecimal():
        return max(1, int(told))
    return max(1, (os.cpu_count() or 1) // count)


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process runs the block before the others begin it."""
    with _state().main_process_first():
        yield


def _state() -> Any:
    """accelerate's state; made here first of all, it also gives each process its own device."""
    import torch
    from accelerate import PartialState

    # Told, because accelerate joins processes on processors only where it is asked to use them.
    return PartialState(cpu=not torch.cuda.is_available())

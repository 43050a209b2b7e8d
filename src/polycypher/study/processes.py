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


def cores() -> int:
    """This process' share of the machine's cores.

    On two cores two processes of one thread train nano three times as fast as one process of two.
    """
    return max(1, (os.cpu_count() or 1) // int(_state().num_processes))


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

"""The process's event loop for database clients, on a thread of its own.

The asynchronous sides of the clients' libraries are the ones that can be cancelled: a query past its time
is cut by dropping its connection, whatever the server thinks of its own timeout. Knows no database.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError as FutureCancelled
from typing import Any, TypeVar

from polycypher.errors import GraphUnavailable

T = TypeVar("T")

_loop: asyncio.AbstractEventLoop | None = None
_loop_owner = 0
_loop_lock = threading.Lock()


def wait(work: Coroutine[Any, Any, T], name: str) -> T:
    """Run `work` on the loop and give what it gives.

    Args:
        work: what to run.
        name: what messages call the graph.

    Raises:
        GraphUnavailable: the connection was closed meanwhile.
        BaseException: whatever the work raises; it is cancelled if the waiting thread is interrupted.
    """
    future = asyncio.run_coroutine_threadsafe(work, _background_loop())
    try:
        return future.result()
    except FutureCancelled:
        raise GraphUnavailable(f"the connection to {name} was closed while a query ran") from None
    except BaseException:
        future.cancel()  # Ctrl-C in the waiting thread: the query must not outlive the wish for it
        raise


def _background_loop() -> asyncio.AbstractEventLoop:
    """The process's loop, on a daemon thread; made anew in a forked child."""
    global _loop, _loop_owner
    with _loop_lock:
        if _loop is None or _loop_owner != os.getpid():
            _loop = asyncio.new_event_loop()
            _loop_owner = os.getpid()
            threading.Thread(target=_loop.run_forever, name="polycypher-graph", daemon=True).start()
        return _loop

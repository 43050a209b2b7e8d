"""MCP over standard input and output: one client, which starts the process and owns it.

stdout belongs to the protocol; whatever else writes there is sent to stderr by the SDK. Knows nothing of
the tools.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias

from polycypher import ask as rooms
from polycypher.errors import PolycypherError
from polycypher.graph.access import Access, access_to
from polycypher.graph.store import GraphStore
from polycypher.serving.mcp import make_server
from polycypher.serving.metrics import Metrics
from polycypher.serving.service import Service
from polycypher.serving.settings import Settings
from polycypher.translator.translator import Translator

Opened: TypeAlias = tuple[Translator, GraphStore]

_log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CHUNK = 65_536


def serve_stdio(
    settings: Settings, *, model: str | Path = "nano", graph: str = "demo", access: Access | None = None
) -> None:
    """Serve the client on stdin and stdout until it closes stdin. Runs in the main thread.

    The client is answered at once and the model loads meanwhile: many clients wait only a few seconds for
    a server to start.

    Args:
        settings: the limits; an address is not used.
        model: as for `Translator.load`.
        graph: as for `connect`, whose other arguments are in `access`.

    Raises:
        KeyboardInterrupt: interrupted or terminated.
        PolycypherError: model or graph could not be opened; raised when the client has gone, after every
            call of a tool has told it.
    """
    # First of all: an interrupt that came as an exception could be lost in the middle of an import.
    with _input_that_signals_end():
        opening = _opening(model, graph, access or access_to(graph, None, None, None))
        shown = graph.split("?")[0]  # what follows in a URI may be secret
        desk = Desk(opening, settings, graph=shown)
        server = make_server(desk.service, graph=shown)
        try:
            server.run("stdio")
        finally:
            desk.close()
            if opening.done() and opening.exception() is None:
                for opened in opening.result():
                    opened.close()
    if opening.done():
        opening.result()


class Desk:
    """Gives the service to the tools; makes it when model and graph are there.

    Args:
        opening: gives them.
        settings: the service's.
        graph: what the graph is called.
    """

    def __init__(self, opening: Future[Opened], settings: Settings, *, graph: str) -> None:
        self._opening = opening
        self._settings = settings
        self._graph = graph
        self._service: Service | None = None

    async def service(self) -> Service:
        """The service, when it is there. Called on one event loop.

        Raises:
            PolycypherError: model or graph could not be opened.
        """
        # Shielded, because a call that its client cancels must not cancel the opening for the others.
        translator, store = await asyncio.shield(asyncio.wrap_future(self._opening))
        if self._service is None:
            metrics = Metrics(model=translator.manifest.name, graph=self._graph)
            self._service = Service(translator, store, self._settings, graph=self._graph, metrics=metrics)
        return self._service

    def close(self) -> None:
        """End the service's threads; model and graph are the caller's to close."""
        if self._service is not None:
            self._service.close()


def _opening(model: str | Path, graph: str, access: Access) -> Future[Opened]:
    opening: Future[Opened] = Future()

    def work() -> None:
        try:
            translator, store, _ = rooms.open_both(model, graph, **access)
            opening.set_result((translator, store))
        except BaseException as error:
            if isinstance(error, PolycypherError):
                _log.error("%s", error)
            opening.set_exception(error)

    # A daemon: a client that leaves meanwhile waits for nothing.
    Thread(target=work, name="opening", daemon=True).start()
    return opening


@contextmanager
def _input_that_signals_end() -> Iterator[None]:
    """Make stdin a pipe of our own, which an interrupt closes: the SDK reads stdin in a thread that nothing
    else can end, and so an interrupted server would wait for its client's next line.

    Raises:
        KeyboardInterrupt: there was an interrupt; raised at the end.
    """
    original = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    feed = os.fdopen(writing, "wb", buffering=0)
    interrupted = False

    def pump() -> None:
        with suppress(OSError, ValueError), feed:  # closed meanwhile: nobody reads any more
            while chunk := os.read(original, _CHUNK):
                feed.write(chunk)

    def end(*_: Any) -> None:
        nonlocal interrupted
        interrupted = True
        feed.close()

    before = {number: signal.signal(number, end) for number in _SIGNALS}
    Thread(target=pump, name="stdin", daemon=True).start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.dup2(original, 0)
    if interrupted:
        raise KeyboardInterrupt

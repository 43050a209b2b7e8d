"""Start a server, let it work, and end it well: uvicorn around the application.

On SIGTERM or SIGINT it takes no more connections, lets requests in flight finish for a time, tells those
that do not that it ends, and returns. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from polycypher import ask as rooms
from polycypher.errors import UsageError
from polycypher.fusion.modes import Mode
from polycypher.graph.access import Access, access_to
from polycypher.graph.store import GraphStore
from polycypher.serving.app import create_app
from polycypher.serving.limits import client_of
from polycypher.serving.metrics import Metrics
from polycypher.serving.security import read_token
from polycypher.serving.service import Service
from polycypher.serving.settings import Settings
from polycypher.translator.translator import Translator

try:
    import uvicorn
    from sse_starlette.sse import AppStatus
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError as error:
    raise UsageError(f"the server needs {error.name}; install it: pip install 'polycypher[serve]'") from None

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_IDLE_SECONDS = 15
_BACKLOG = 256
_TOLD_CONNECTIONS = 64
"""Connections beyond the limit that are told so (503); those beyond these are closed without a word."""
_CUT_SECONDS = 2.0
"""What requests that were cut have to send their last words."""


def serve(
    settings: Settings,
    *,
    model: str | Path = "nano",
    mode: Mode = Mode.PRUNED,
    graph: str = "demo",
    access: Access | None = None,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Open model and graph and serve them until the process is told to end.

    Args:
        settings: the server's.
        model: as for `Translator.load`, like `mode`.
        mode: how adapters are combined where a request does not say.
        graph: as for `connect`, whose other arguments are in `access`.
        started: called with the page's address once requests are taken.

    Raises:
        UsageError: the address or the token file cannot be used; before anything loads.
        Everything that `Translator.load` and `connect` raise.
    """
    token = read_token(settings.token_file) if settings.token_file else None
    with listening(settings) as listener:
        translator, store, _ = rooms.open_both(
            model, graph, mode=mode, **(access or access_to(graph, None, None, None))
        )
        with translator, store:
            asyncio.run(_served(settings, translator, store, graph, token, listener, started))


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket bound to the server's address; it takes connections once it is served.

    Raises:
        UsageError: the address is taken or is not this machine's.
    """
    host = settings.host.strip("[]")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise UsageError(
            f"'{settings.host}' is no address of this machine: {error.strerror}; give another --host"
        ) from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise UsageError(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; "
                "end what listens there, or choose another --port"
            ) from None
        yield listener


class Server(uvicorn.Server):
    """uvicorn's server with this one's way to end: see the module."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        # The library would cut streams at once; here they finish like any other request.
        AppStatus.enable_automatic_graceful_drain = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the server runs; unlike the original this does not raise them again.

        On a thread other than the main one, which gets no signals, set `should_exit` instead.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain: finish what is in flight, and cut what is not finished in time."""
        self._service.admission.close()
        cutting = asyncio.get_running_loop().call_later(
            self._service.settings.drain_seconds, self._service.cut
        )
        await super().shutdown(sockets)
        cutting.cancel()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


class BoundedConnection(H11Protocol):
    """An HTTP/1.1 connection that gives up on a client that sends its head, or reads its answer, slowly.

    It is closed at once if there are too many, so that nobody can take all of the process's files.
    """

    receive_seconds = 10.0
    send_seconds = 20.0
    most = 512
    most_a_client = 256

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn says no less
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._address = client_of({"client": self.client})
        alike = sum(getattr(one, "_address", None) == self._address for one in self.connections)
        if alike > self.most_a_client or len(self.connections) > self.most:
            transport.abort()
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that end a head end the wait for it."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            _stop(self._head)
            self._head = None
        elif self._head is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        _stop(self._head)
        _stop(self._unread)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client has left much unread; see that it reads on."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read on."""
        super().resume_writing()
        _stop(self._unread)
        self._unread = None

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.receive_seconds, self.transport.abort)


def bounded(settings: Settings) -> type[BoundedConnection]:
    """The connections of a server with these settings."""
    most = settings.connections + _TOLD_CONNECTIONS
    limits = {
        "receive_seconds": settings.receive_seconds,
        "send_seconds": settings.send_seconds,
        "most": most,
        # A proxy's connections are those of many clients.
        "most_a_client": most if settings.trusted_proxies else settings.connections_a_client,
    }
    return type("Connection", (BoundedConnection,), limits)


def make_server(service: Service, *, token: bytes | None = None) -> Server:
    """The HTTP server of a service; `serve([socket])` lets it work until it is told to end."""
    return server_of(create_app(service, token=token), service)


def server_of(app: ASGIApp, service: Service, *, lifespan: Literal["on", "off"] = "off") -> Server:
    """The HTTP server of an application around a service, within the service's settings.

    Args:
        app: what answers.
        service: what is drained at the end.
        lifespan: whether the application wants to be told of its beginning and end.
    """
    settings = service.settings
    config = uvicorn.Config(
        app,
        http=bounded(settings),
        ws="none",
        lifespan=lifespan,
        log_config=None,  # the process's own, on stderr
        access_log=settings.access_log,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=settings.connections,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=int(settings.drain_seconds + _CUT_SECONDS) + 1,
        backlog=_BACKLOG,
    )
    if settings.access_log:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    return Server(config, service)


async def _served(
    settings: Settings,
    translator: Translator,
    store: GraphStore,
    graph: str,
    token: bytes | None,
    listener: socket.socket,
    started: Callable[[str], None],
) -> None:
    shown = graph.split("?")[0]  # what follows in a URI may be secret
    metrics = Metrics(model=translator.manifest.name, graph=shown)
    service = Service(translator, store, settings, graph=shown, metrics=metrics)
    try:
        await service.warm()
        await serve_listener(make_server(service, token=token), settings.host, listener, "/", started)
    finally:
        service.close()


async def serve_listener(
    server: Server, host: str, listener: socket.socket, path: str, started: Callable[[str], None]
) -> None:
    """Let a server work on a bound socket until it is told to end; say where it is once it takes requests.

    Args:
        server: what works.
        host: the address that the socket is bound to, as the user gave it.
        listener: the socket.
        path: what is shown behind host and port.
        started: told of the whole address.
    """
    telling = asyncio.ensure_future(_tell(server, host, listener, path, started))
    try:
        await server.serve([listener])
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell(
    server: Server, host: str, listener: socket.socket, path: str, started: Callable[[str], None]
) -> None:
    port = listener.getsockname()[1]
    while not server.started:
        await asyncio.sleep(0.01)
    name = host.strip("[]")
    shown = "localhost" if name in ("0.0.0.0", "::") else f"[{name}]" if ":" in name else name
    with suppress(OSError):  # nobody can be told: that is no reason not to serve
        started(f"http://{shown}:{port}{path}")


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

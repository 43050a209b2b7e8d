"""MCP over streamable HTTP: many clients, at the path `/mcp`.

On loopback unless a token is given, never for a page of another site, and bounded like the REST server: the
layers are those of `serving.security` and `serving.limits`. Stateless: a client goes on after the server was
started again. Knows nothing of the tools.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from polycypher import ask as rooms
from polycypher.errors import UsageError
from polycypher.graph.access import Access, access_to
from polycypher.serving.mcp import make_server
from polycypher.serving.settings import Settings

try:
    from mcp.server.transport_security import TransportSecuritySettings

    from polycypher.serving.limits import BodyLimit, RateLimit, RateLimiter
    from polycypher.serving.metrics import Metrics
    from polycypher.serving.run import listening, serve_listener, server_of
    from polycypher.serving.security import BearerToken, SameSite, host_names, read_token
    from polycypher.serving.service import Service
except ImportError as error:
    raise UsageError(f"MCP needs {error.name}; install it with: pip install 'polycypher[mcp]'") from None

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PATH = "/mcp"


def serve_http(
    settings: Settings,
    *,
    model: str | Path = "nano",
    graph: str = "demo",
    access: Access | None = None,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Open model and graph and serve them until the process is told to end; see `serving.run` for how.

    Args:
        settings: address, token, hosts, origins and limits.
        model: as for `Translator.load`.
        graph: as for `connect`, whose other arguments are in `access`.
        started: called with the address once requests are taken.

    Raises:
        UsageError: the address or the token file cannot be used; before anything loads.
        Everything that `Translator.load` and `connect` raise.
    """
    token = read_token(settings.token_file) if settings.token_file else None
    with listening(settings) as listener:
        translator, store, _ = rooms.open_both(model, graph, **(access or access_to(graph, None, None, None)))
        shown = graph.split("?")[0]  # what follows in a URI may be secret

        async def served() -> None:
            metrics = Metrics(model=translator.manifest.name, graph=shown)
            service = Service(translator, store, settings, graph=shown, metrics=metrics)
            try:
                await service.warm()
                await serve_on(service, listener, token=token, started=started)
            finally:
                service.close()

        with translator, store:
            asyncio.run(served())


async def serve_on(
    service: Service,
    listener: socket.socket,
    *,
    token: bytes | None = None,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a service's tools on a bound socket until the process is told to end."""
    server = server_of(make_app(service, token=token), service, lifespan="on")
    await serve_listener(server, service.settings.host, listener, PATH, started)


def make_app(service: Service, *, token: bytes | None = None) -> ASGIApp:
    """The application that serves a service's tools at `PATH` to whoever may call.

    A request without the token is refused with 401, one that another site sends through a browser with 421
    or 403, one beyond its client's rate with 429, a body that is too long or too slow with 413 or 408.
    """

    async def found() -> Service:
        return service

    settings = service.settings
    app: ASGIApp = make_server(found, graph=service.graph).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        # Host and Origin are checked below, in the way and with the words of the REST server.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    app = BodyLimit(app, most=settings.body_bytes, seconds=settings.receive_seconds)
    limiter = RateLimiter(settings.rate, settings.burst)
    app = RateLimit(app, limiter=limiter, refused=service.metrics.refusal, free=frozenset())
    if token is not None:
        app = BearerToken(app, token=token)
    return SameSite(app, hosts=host_names(settings), origins=settings.origins)

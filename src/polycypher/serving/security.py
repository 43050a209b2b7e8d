"""Who may call: the token, and the Host and Origin of a request.

A page of another site can make a browser send requests to a server on this machine; with a name that it
lets resolve to 127.0.0.1 ("DNS rebinding") it can even read the answers. Such a request bears the other
site's name as its Host or Origin, which is what is checked here. Knows nothing of routes or of what is asked.
"""

from __future__ import annotations

import hmac
import stat
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from polycypher.errors import UsageError
from polycypher.serving.failures import Refused, answer_refused
from polycypher.serving.settings import Settings

SHORTEST_TOKEN = 16
"""Characters; a shorter token could be guessed."""
_LONGEST_TOKEN = 4096
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def read_token(path: Path) -> bytes:
    """The token in a file, without the space around it.

    Raises:
        UsageError: unreadable, readable for every user of the machine, too short, too long, or no ASCII.
    """
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            token = file.read(_LONGEST_TOKEN + 1).strip()
    except OSError as error:
        raise UsageError(f"cannot read the token file {path}: {error.strerror}") from None
    if stat.S_ISREG(mode) and mode & (stat.S_IROTH | stat.S_IWOTH):
        raise UsageError(f"every user of this machine can read or write {path}; run: chmod 600 {path}")
    if not SHORTEST_TOKEN <= len(token) <= _LONGEST_TOKEN or not token.isascii() or b" " in token:
        raise UsageError(
            f"{path} must hold one token of {SHORTEST_TOKEN} to {_LONGEST_TOKEN} ASCII characters without "
            "spaces; make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token


class SameSite:
    """Refuses requests that another site sends through somebody's browser.

    Args:
        app: what is called if the request may pass.
        hosts: names by which the server is called, as a `Host` header writes them, without the port.
        origins: further origins whose pages may call; a page of the server itself may always.
        free: paths that anybody may call by any name: the health checks, which tell nothing.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Iterable[str], origins: Iterable[str], free: Iterable[str] = ()
    ) -> None:
        self._app = app
        self._free = frozenset(free)
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 421 (a Host that is not this server's) or 403 (another Origin)."""
        if scope["type"] != "http" or scope["path"] in self._free:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        if len(named) != 1 or _without_port(named[0]) not in self._hosts:
            refused = Refused(
                HTTPStatus.MISDIRECTED_REQUEST,
                "WrongHost",
                "the request names a Host that this server is not called by; start it with --allow-host",
            )
        elif any(not self._may_call(origin, named[0]) for origin in headers.getlist("origin")):
            refused = Refused(
                HTTPStatus.FORBIDDEN,
                "WrongOrigin",
                "pages of that Origin may not call this server; start it with --allow-origin",
            )
        else:
            await self._app(scope, receive, send)
            return
        await answer_refused(refused, scope, receive, send)

    def _may_call(self, origin: str, host: str) -> bool:
        own = (f"http://{host}".lower(), f"https://{host}".lower())
        return origin.lower() in own or origin.lower() in self._origins


class BearerToken:
    """Refuses requests without the token.

    Args:
        app: what is called if the request may pass.
        token: what `Authorization: Bearer …` must bring.
        free: the only paths that need none: the page's own files and the health checks, which tell nothing.
    """

    def __init__(self, app: ASGIApp, *, token: bytes, free: Iterable[str] = ()) -> None:
        self._app = app
        self._token = token
        self._free = frozenset(free)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 401."""
        if scope["type"] == "http" and scope["path"] not in self._free and not self._knows(scope):
            refused = Refused(
                HTTPStatus.UNAUTHORIZED,
                "Unauthorized",
                "the token is missing or wrong; send the header Authorization: Bearer <token>",
            )
            await answer_refused(refused, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        # Compared in constant time, so that the time taken does not tell how much of it is right.
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        return right and scheme.lower() == "bearer"


def host_names(settings: Settings) -> frozenset[str]:
    """The names by which a server with these settings is called."""
    return frozenset({*_LOOPBACK_NAMES, _bracketed(settings.host.lower()), *map(_bracketed, settings.hosts)})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() else host.lower()

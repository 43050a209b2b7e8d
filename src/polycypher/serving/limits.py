"""How much may be asked: the size of a body, a client's rate, and the requests in flight.

Everything is bounded, the tables of clients too. What is too much is refused at once and nobody waits for
it. Knows nothing of routes or of what is asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polycypher.serving.failures import Refused, answer_refused

_CLIENTS = 10_000
"""Clients remembered; the one that was quiet for longest is forgotten first."""


def client_of(scope: Scope) -> str:
    """Who sends a request: an IPv4 address, or the /64 network of an IPv6 one, which is one customer's."""
    address = (scope.get("client") or ("unknown", 0))[0]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return str(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class RateLimiter:
    """A token bucket a client: `burst` requests at once, refilled with `rate` a second.

    Args:
        rate: requests a second.
        burst: requests at once.
        now: a clock in seconds.
    """

    def __init__(self, rate: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Count one request; returns 0 if it may pass, else the seconds until one may."""
        now = self._now()
        left, since = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class RateLimit:
    """Refuses with 429 what a client sends beyond its rate; the health checks are free."""

    def __init__(
        self, app: ASGIApp, *, limiter: RateLimiter, refused: Callable[[str], None], free: frozenset[str]
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._refused = refused
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        wait = 0.0
        if scope["type"] == "http" and scope["path"] not in self._free:
            wait = self._limiter.take(client_of(scope))
        if wait == 0:
            await self._app(scope, receive, send)
            return
        self._refused("rate")
        await answer_refused(
            Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "RateLimited",
                "too many requests from this client; send fewer, and wait for the seconds in Retry-After",
                retry_after=wait,
            ),
            scope,
            receive,
            send,
        )


class BodyLimit:
    """Takes a request's body whole before the application sees it: within a size and a time.

    Args:
        app: what is called then; it gets the body as one message.
        most: bytes.
        seconds: the time from the end of the head to the end of the body.
    """

    def __init__(self, app: ASGIApp, *, most: int, seconds: float) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 413 or 408, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._taken(scope, receive)
        except Refused as refused:
            await answer_refused(refused, scope, receive, _closing(send))
            return
        if body is None:
            return  # the client has gone: nobody is there to be answered
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    async def _taken(self, scope: Scope, receive: Receive) -> bytes | None:
        length = Headers(scope=scope).get("content-length", "0")
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    if len(body) > self._most or (length.isdecimal() and int(length) > self._most):
                        raise Refused(
                            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                            "BodyTooLarge",
                            f"the body is longer than {self._most} bytes; send less",
                        )
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if not message.get("more_body", False) and len(body) <= self._most:
                        return bytes(body)
        except TimeoutError:
            raise Refused(
                HTTPStatus.REQUEST_TIMEOUT,
                "BodyTooSlow",
                f"the body did not arrive within {self._seconds:g} s; send it faster",
            ) from None


def _closing(send: Send) -> Send:
    """`send` for an answer after which the connection cannot be used, as its body was left unread."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return sending


class Admission:
    """Counts the requests in flight, of all clients and of each.

    Used from one thread, the event loop's.

    Args:
        most: requests of all clients.
        most_a_client: requests of one.
        always: so many are taken, however long they may wait.
        longest_wait: seconds; beyond `always` a request that would wait longer is refused.
        wait: estimates the seconds that a request would wait now.
        refused: told of every refusal.
    """

    def __init__(
        self,
        most: int,
        most_a_client: int,
        *,
        always: int,
        longest_wait: float,
        wait: Callable[[], float],
        refused: Callable[[str], None],
    ) -> None:
        self._most = most
        self._most_a_client = most_a_client
        self._always = always
        self._longest_wait = longest_wait
        self._wait = wait
        self._refused = refused
        self._clients: dict[str, int] = {}
        self._closed = False
        self.count = 0

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Hold a place for one request.

        Raises:
            Refused: 429, all places or all of this client's are taken, or it would wait too long; 503, the
                server is ending.
        """
        if self._closed:
            self._refused("ending")
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "ServerEnding",
                "the server is ending and takes no more requests; try again",
                retry_after=self._wait(),
            )
        slow = self.count >= self._always and self._wait() > self._longest_wait
        if self.count >= self._most or slow:
            self._refused("full")
            raise self._too_many("the server has as many requests as it can work on")
        if self._clients.get(client, 0) >= self._most_a_client:
            self._refused("client")
            raise self._too_many("this client has as many requests in flight as one may have")
        self.count += 1
        self._clients[client] = self._clients.get(client, 0) + 1
        try:
            yield
        finally:
            self.count -= 1
            self._clients[client] -= 1
            if self._clients[client] == 0:
                del self._clients[client]

    def close(self) -> None:
        """Take no more requests."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether the server is ending."""
        return self._closed

    def _too_many(self, message: str) -> Refused:
        return Refused(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Overloaded",
            f"{message}; try again after the seconds in Retry-After",
            retry_after=self._wait(),
        )

"""Answers as they come about: plain JSON at the end, or server-sent events on the way.

The events of a question, each with a JSON object as its data:

    stage    {"stage": "prepare" | "wait" | "decode" | "execute" | "repair"}
    token    {"cypher": the query's text so far}
    weights  {"weights": {language: weight}}
    cypher   {"cypher": the whole query, "notices": [...]}
    answer   what the request without streaming would have got
    error    {"error": {"type", "message"}}

A rejected query is repaired once: after the stage `repair` those from `wait` on come again. `answer` or
`error` is the last. Work ends when its client goes away. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeAlias

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from polycypher.errors import PolycypherError
from polycypher.serving.failures import Refused, body_of, type_of
from polycypher.serving.languages import told_in
from polycypher.serving.limits import client_of
from polycypher.serving.service import Notify, Service, ignore

Work: TypeAlias = Callable[[Notify], Coroutine[Any, Any, dict[str, Any]]]
"""Answers one request, telling of its events."""
Shown: TypeAlias = Callable[[str, dict[str, Any]], list[ServerSentEvent]]
"""What a client is sent for one event."""

_PING_SECONDS = 10
_GONE = 499
"""The code of a request whose client has gone; nobody sees it but the metrics."""

_log = logging.getLogger(__name__)


def wants_events(request: Request, stream: bool) -> bool:
    """Whether a request asks for server-sent events, in its body or by its `Accept` header."""
    return stream or "text/event-stream" in request.headers.get("accept", "")


async def answer(request: Request, service: Service, work: Work, language: str = "en") -> Response:
    """The plain answer, its notices in a language. Work that its client no longer waits for is ended.

    Raises:
        Everything that `work` raises; `Refused` if there is no place, or the server ends meanwhile.
    """
    with service.admission.place(client_of(request.scope)):
        working = service.work(work(ignore))
        leaving = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                return Response(status_code=_GONE)
            return JSONResponse(told_in(language, await _result(service, working)))
        finally:
            await _ended(working, leaving)


def events(service: Service, work: Work, shown: Shown) -> Response:
    """The answer as a stream of events.

    The response raises `Refused` before its head is sent if there is no place; what fails later is told by
    an event.

    Args:
        service: where the work is counted.
        work: the work itself.
        shown: how an event is sent.
    """
    return _Placed(service, _told(service, work, shown))


def shown_in(language: str) -> Shown:
    """How an event is sent to who reads a language: by its name and data, the notices told in that one."""
    return lambda name, data: [event_of(name, told_in(language, data))]


def event_of(name: str | None, data: Any) -> ServerSentEvent:
    """One event with JSON as its data."""
    return ServerSentEvent(json.dumps(data, ensure_ascii=False, separators=(",", ":")), event=name, sep="\n")


class _Placed(EventSourceResponse):
    """A stream of events that holds a place among the requests in flight while it is sent."""

    def __init__(self, service: Service, stream: AsyncIterator[ServerSentEvent]) -> None:
        super().__init__(stream, ping=_PING_SECONDS, sep="\n", send_timeout=service.settings.send_seconds)
        self._admission = service.admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._admission.place(client_of(scope)):
            await super().__call__(scope, receive, send)


async def _told(service: Service, work: Work, shown: Shown) -> AsyncIterator[ServerSentEvent]:
    happened: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
    working = service.work(work(lambda event, data: happened.put_nowait((event, data))))
    working.add_done_callback(lambda _: happened.put_nowait(None))
    try:
        while (event := await happened.get()) is not None:
            for sent in shown(*event):
                yield sent
        try:
            last = ("answer", await _result(service, working))
        except Exception as error:
            last = ("error", body_of(error))
        for sent in shown(*last):
            yield sent
    finally:
        await _ended(working)


async def _result(service: Service, working: asyncio.Task[dict[str, Any]]) -> dict[str, Any]:
    """What the work gave. A failure is counted, an unforeseen one logged with its reason."""
    try:
        return await working
    except asyncio.CancelledError:
        if not working.cancelled():
            raise  # not the work was cancelled but who waits for it
        error: Exception = Refused(
            HTTPStatus.SERVICE_UNAVAILABLE, "ServerEnding", "the server ended before the answer was there"
        )
    except Exception as failure:
        error = failure
        if not isinstance(failure, PolycypherError):
            _log.exception("a request failed")
    service.metrics.errors.labels(type_of(error)).inc()
    raise error


async def _gone(request: Request) -> None:
    """Return when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks that still run and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

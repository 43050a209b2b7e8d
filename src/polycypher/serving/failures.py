"""Every way a request can fail: its HTTP code and its one JSON shape.

    {"error": {"type": "GuardError", "message": "one line: what was wrong, where, what to do"}}

Knows nothing of applications or routes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from polycypher.errors import GraphError, ModelError, PolycypherError, QueryError, QueryTimeout, UsageError

_STATUS: tuple[tuple[type[PolycypherError], HTTPStatus], ...] = (
    (QueryTimeout, HTTPStatus.GATEWAY_TIMEOUT),
    (QueryError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UsageError, HTTPStatus.BAD_REQUEST),
    (GraphError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ModelError, HTTPStatus.INTERNAL_SERVER_ERROR),
)

INTERNAL = "the server failed on this request; its log says why"
"""The message for what nobody foresaw: the reason stays in the log."""


class Refused(PolycypherError):
    """A request that the server does not take, whatever it asks.

    Args:
        status: the HTTP code.
        type: the error's name for clients, for example `RateLimited`.
        message: one line for a person.
        retry_after: seconds after which it may be tried again; None if that would not help.
    """

    def __init__(
        self, status: HTTPStatus, type: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` in whole seconds, at least one; `WWW-Authenticate` for a missing token."""
        if self.status is HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        if self.retry_after is None:
            return {}
        return {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


def status_of(error: BaseException) -> HTTPStatus:
    """The HTTP code of an error; 500 for one that is none of this package's."""
    if isinstance(error, Refused):
        return error.status
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def type_of(error: BaseException) -> str:
    """The error's name for clients and metrics; `InternalError` for one that is none of this package's."""
    if isinstance(error, Refused):
        return error.type
    return type(error).__name__ if isinstance(error, PolycypherError) else "InternalError"


def body_of(error: BaseException) -> dict[str, Any]:
    """The JSON object that tells of an error; of an unforeseen one it does not tell the reason."""
    message = " ".join(str(error).split()) if isinstance(error, PolycypherError) else INTERNAL
    return {"error": {"type": type_of(error), "message": message}}


def headers_of(error: BaseException) -> Mapping[str, str]:
    """The headers that go with an error."""
    return error.headers if isinstance(error, Refused) else {}


async def answer_refused(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that no route has seen yet."""
    await JSONResponse(body_of(refused), refused.status, refused.headers)(scope, receive, send)

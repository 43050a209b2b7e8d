"""The application: routes, pages, and around them the layers that every request passes.

From the outside in: counters, a browser's headers, Host and Origin, cross-origin answers, the token, the
rate, the body. Only what passes them all is read.
"""

from __future__ import annotations

from typing import Any

from polycypher.errors import PolycypherError, UsageError

try:
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.types import ASGIApp

    from polycypher.serving import pages, routes
    from polycypher.serving.failures import body_of, headers_of, status_of
    from polycypher.serving.limits import BodyLimit, RateLimit, RateLimiter
    from polycypher.serving.metrics import Counted
    from polycypher.serving.security import BearerToken, SameSite, host_names
except ImportError as error:
    raise UsageError(f"the server needs {error.name}; install it: pip install 'polycypher[serve]'") from None

from http import HTTPStatus

from polycypher import __version__
from polycypher.serving.service import Service

_DESCRIPTION = """\
Ask a property graph in any language: a question becomes one read-only Cypher query, made by a base model with
a LoRA adapter a language, mixed by a gate. Errors have one shape: `{"error": {"type", "message"}}`."""
_WATCHED = frozenset({"/healthz", "/readyz"})
"""Paths for what watches a server: it asks often, and by an address that has no name."""


def create_app(service: Service, *, token: bytes | None = None) -> ASGIApp:
    """The whole application of one service.

    Args:
        service: what answers.
        token: what every request must bring; None asks for none.
    """
    settings = service.settings
    app = FastAPI(
        title="polycypher",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            PolycypherError: _told,
            RequestValidationError: _invalid,
            HTTPException: _no_route,
            Exception: _told,
        },
    )
    app.include_router(routes.api(service))
    app.include_router(routes.health(service))
    pages.add_pages(app)
    if token is not None:
        _document_token(app)
    free = pages.free_paths()
    layered: ASGIApp = BodyLimit(app, most=settings.body_bytes, seconds=settings.receive_seconds)
    limiter = RateLimiter(settings.rate, settings.burst)
    layered = RateLimit(layered, limiter=limiter, refused=service.metrics.refusal, free=_WATCHED)
    if token is not None:
        layered = BearerToken(layered, token=token, free=free)
    if settings.origins:
        layered = CORSMiddleware(
            layered,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    layered = SameSite(layered, hosts=host_names(settings), origins=settings.origins, free=_WATCHED)
    return Counted(pages.BrowserHeaders(layered), metrics=service.metrics)


async def _told(request: Request, error: Exception) -> Response:
    return JSONResponse(body_of(error), status_of(error), headers_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """A body or parameter of another form: a usage error that names the first place."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    message = first["msg"].removeprefix("Value error, ")
    return await _told(request, UsageError(f"`{where}`: {message}" if where else f"the body: {message}"))


async def _no_route(request: Request, error: Exception) -> Response:
    """A path or method that there is not; or a body that no JSON reader takes, which has no place to name."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        told = "the body cannot be read as JSON; send it less deeply nested, and without endless numbers"
        return await _told(request, UsageError(told))
    name = status.phrase.replace(" ", "")
    message = (
        f"{status.phrase.lower()}: {request.method} {request.url.path[:200]}; see /docs for what there is"
    )
    return JSONResponse({"error": {"type": name, "message": message}}, status, error.headers)


def _document_token(app: FastAPI) -> None:
    """Say in the OpenAPI file that the API needs the token."""
    made: dict[str, Any] = app.openapi()
    made.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]

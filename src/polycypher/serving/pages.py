"""The web page at `/` and the OpenAPI page at `/docs`: their files, and what a browser may do there.

Neither needs another server: the content security policy forbids it. Knows nothing of the API.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
"""The built page; its sources are in `web/`."""

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    f"{_NOTHING}; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; require-trusted-types-for 'script'"
)
"""What the page may do: load its own files and ask its own server; no inline script or style."""

_DOCS, _DOCS_FILES = "/docs", "/docs/files"
_DOCS_FOLDER = Path(fastapi_offline.__file__).parent / "static"
_OPENAPI = "/openapi.json"
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def free_paths() -> frozenset[str]:
    """The paths that need no token: the page's files, the OpenAPI page, and the health checks.

    They tell nothing of graph, model or clients. The page asks its user for the token.
    """
    docs = {
        _DOCS,
        _OPENAPI,
        *(f"{_DOCS_FILES}/{name}" for name in ("swagger-ui-bundle.js", "swagger-ui.css")),
    }
    return frozenset({"/", "/healthz", "/readyz", *_page_files(), *docs})


def add_pages(app: FastAPI) -> None:
    """Serve the page and the OpenAPI page."""
    index = (STATIC / "index.html").read_text(encoding="utf-8")

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(
            index, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
        )

    @app.get(_DOCS, include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        shown = get_swagger_ui_html(
            openapi_url=_OPENAPI,
            title=app.title,
            swagger_js_url=f"{_DOCS_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_DOCS_FILES}/swagger-ui.css",
            swagger_favicon_url="data:,",
            swagger_ui_parameters={"validatorUrl": None},
        )
        html = bytes(shown.body).decode()
        hashes = " ".join(f"'sha256-{_digest(script)}'" for script in _SCRIPT.findall(html))
        policy = (
            f"{_NOTHING}; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; connect-src 'self'"
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    app.mount(_DOCS_FILES, StaticFiles(directory=_DOCS_FOLDER))
    # A route a file, and no mount: that would take every path, and answer for those that others miss.
    files = StaticFiles(directory=STATIC)
    app.router.routes.extend(Route(path, files, include_in_schema=False) for path in sorted(_page_files()))


class BrowserHeaders:
    """Adds the headers by which a browser keeps other sites out of every answer, unless it has its own."""

    _HEADERS = (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Content-Security-Policy", f"{_NOTHING}; sandbox"),
        ("Cache-Control", "no-store"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)


def _page_files() -> set[str]:
    """The paths of the page's files, `/index.html` among them."""
    return {f"/{path.relative_to(STATIC).as_posix()}" for path in STATIC.rglob("*") if path.is_file()}


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

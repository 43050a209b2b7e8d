"""The tools over streamable HTTP on a real socket: the SDK's own client, and requests that must not pass."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from polycypher.errors import UsageError
from polycypher.graph.store import GraphStore
from polycypher.serving.mcp import agent_settings
from polycypher.serving.mcp_http import serve_http, serve_on
from polycypher.serving.metrics import Metrics
from polycypher.serving.run import listening
from polycypher.serving.service import Service
from polycypher.translator.translator import Translator

TOKEN = b"a-token-of-the-tests"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


@contextmanager
def serving(nano: Translator, store: GraphStore, token: bytes | None, **settings: Any) -> Iterator[str]:
    """Serve on a free port of loopback, on a thread of its own; gives the address."""
    started = threading.Event()
    found: dict[str, Any] = {}

    async def served(listener: socket.socket) -> None:
        metrics = Metrics(model="nano", graph="demo")
        service = Service(
            nano, store, agent_settings(port=0, seconds=60, **settings), graph="demo", metrics=metrics
        )
        found.update(loop=asyncio.get_running_loop(), task=asyncio.current_task())

        def tell(url: str) -> None:
            found["url"] = url
            started.set()

        try:
            await serve_on(service, listener, token=token, started=tell)
        except asyncio.CancelledError:
            pass  # how the test ends it
        finally:
            service.close()

    with listening(agent_settings(port=0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(served(listener)), daemon=True)
        thread.start()
        assert started.wait(60)
        try:
            yield found["url"]
        finally:
            found["loop"].call_soon_threadsafe(found["task"].cancel)
            thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def url(nano: Translator, demo_store: GraphStore) -> Iterator[str]:
    with serving(nano, demo_store, None, body_bytes=2048) as address:
        yield address


@pytest.fixture(scope="module")
def guarded(nano: Translator, demo_store: GraphStore) -> Iterator[str]:
    with serving(nano, demo_store, TOKEN) as address:
        yield address


async def asked(client: Client) -> Any:
    result = await client.call_tool("ask", {"question": "Clint Eastwood hangi filmleri yönetti?"})
    assert not result.is_error
    return result.structured_content


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdks_client_asks(url: str, mode: str) -> None:
    async def session() -> Any:
        async with Client(url, mode=mode) as client:
            assert len((await client.list_tools()).tools) == 3
            return await asked(client)

    assert ["Unforgiven"] in asyncio.run(session())["rows"]


def test_the_sdks_client_asks_with_the_token(guarded: str) -> None:
    async def session() -> Any:
        headers = {"Authorization": f"Bearer {TOKEN.decode()}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=120) as sender,
            Client(streamable_http_client(guarded, http_client=sender)) as client,
        ):
            return await asked(client)

    assert ["Unforgiven"] in asyncio.run(session())["rows"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_without_the_token_nothing_is_told(guarded: str, header: dict[str, str]) -> None:
    response = httpx.post(guarded, json=LIST, headers={**HEADERS, **header})
    assert response.status_code == 401
    assert "tools" not in response.text


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_other_sites_may_not_call(url: str, header: dict[str, str], code: int) -> None:
    assert httpx.post(url, json=LIST, headers={**HEADERS, **header}).status_code == code


@pytest.mark.parametrize(
    ("method", "body", "code"),
    [
        ("POST", b"x" * 4096, 413),
        ("POST", b"{", 400),
        ("POST", b"[]", 400),
        ("POST", json.dumps({**LIST, "method": "nonsense"}).encode(), 200),
        ("DELETE", b"", 405),
        ("PUT", b"", 405),
    ],
)
def test_what_is_no_call_is_refused(url: str, method: str, body: bytes, code: int) -> None:
    response = httpx.request(
        method, url, content=body, headers={**HEADERS, "Content-Type": "application/json"}
    )
    assert response.status_code == code
    assert "Traceback" not in response.text


def test_a_client_is_its_address_and_not_what_it_says(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, None, rate=0.001, burst=2) as address:
        codes = [
            httpx.post(address, json=LIST, headers={**HEADERS, "X-Forwarded-For": said}).status_code
            for said in ("192.0.2.1", "192.0.2.2", "192.0.2.3")
        ]
    assert codes == [200, 200, 429]


def test_there_is_nothing_beside_the_tools(url: str) -> None:
    assert httpx.get(url.replace("/mcp", "/")).status_code == 404


def test_an_address_in_use_is_told_before_anything_loads(tmp_path: Path) -> None:
    with listening(agent_settings(port=0)) as taken:
        taken.listen()
        settings = agent_settings(port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="choose another --port"):
            serve_http(settings, model=tmp_path / "nowhere")


def test_beyond_loopback_a_token_is_required() -> None:
    with pytest.raises(UsageError, match="--token-file"):
        agent_settings(host="0.0.0.0")

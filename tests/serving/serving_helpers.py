"""A real server around a model and a graph that are open already, on a thread of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from polycypher.graph.store import GraphStore
from polycypher.serving.metrics import Metrics
from polycypher.serving.run import Server, listening, make_server
from polycypher.serving.service import Service
from polycypher.serving.settings import Settings
from polycypher.translator.translator import Translator

TOKEN = "a-token-of-the-tests"
SLOW = (
    "MATCH (a), (b), (c), (d), (e) WHERE a.name < b.name AND b.name < c.name "
    "AND c.name < d.name AND d.name < e.name RETURN count(*)"
)
"""A query that the demo graph works on for longer than any test waits."""
PATIENT = {"deadline_seconds": 240.0, "query_seconds": 60.0, "receive_seconds": 60.0}
"""Limits that no honest request meets, however busy the machine is."""


class Held:
    """A model that works only once it is let: what is asked of it stays in flight until then."""

    def __init__(self, model: Translator) -> None:
        self.manifest, self.languages = model.manifest, model.languages
        self.begun, self.let = threading.Event(), threading.Event()
        self._model = model

    def start(self, *, overlap: bool) -> Any:
        """The model's work, which begins when it is let."""
        self.begun.set()
        assert self.let.wait(240)
        return self._model.start(overlap=overlap)


@dataclass
class Served:
    """A running server: where it is, what runs it, and a client that knows it."""

    url: str
    server: Server
    service: Service
    client: httpx.Client

    def ask(self, question: str, **more: Any) -> httpx.Response:
        """`POST /v1/ask`."""
        return self.client.post("/v1/ask", json={"question": question, **more})

    def run(self, cypher: str, **more: Any) -> httpx.Response:
        """`POST /v1/run`."""
        return self.client.post("/v1/run", json={"cypher": cypher, **more})

    def abandon(self, path: str, body: dict[str, Any]) -> None:
        """Send a request and go away as soon as it is in work."""
        wait_until(lambda: self.service.admission.count == 0)
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        wait_until(lambda: self.service.admission.count == 1)
        connection.close()


@contextmanager
def serving(
    translator: Translator,
    store: GraphStore,
    *,
    graph: str = "demo",
    token: bytes | None = None,
    **settings: Any,
) -> Iterator[Served]:
    """Serve on a free port of loopback while the block runs; within `PATIENT` limits if not told others."""
    chosen = Settings(port=0, **{**PATIENT, **settings})
    ready = threading.Event()
    found: dict[str, Any] = {}

    async def work(listener: Any) -> None:
        metrics = Metrics(model=translator.manifest.name, graph=graph)
        service = Service(translator, store, chosen, graph=graph, metrics=metrics)
        server = make_server(service, token=token)
        found.update(server=server, service=service)
        ready.set()
        await server.serve([listener])
        service.close()

    with listening(chosen) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda: asyncio.run(work(listener)), daemon=True)
        thread.start()
        assert ready.wait(60)
        headers = {"Authorization": f"Bearer {token.decode()}"} if token else {}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:
            _wait_for(client)
            try:
                yield Served(f"http://127.0.0.1:{port}/", found["server"], found["service"], client)
            finally:
                found["server"].should_exit = True
                thread.join(60)
        assert not thread.is_alive()


def _wait_for(client: httpx.Client) -> None:
    # The socket takes connections only once the server listens on it.
    def answers() -> bool:
        try:
            return client.get("/healthz").is_success
        except httpx.ConnectError:
            return False

    wait_until(answers)


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that will happen soon; the seconds are for a busy machine."""
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def events_of(response: httpx.Response) -> list[tuple[str, Any]]:
    """(name, data) of the server-sent events in a response."""
    found = []
    for block in response.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append((fields.get("event", "message"), json.loads(fields["data"])))
    return found


def error_of(response: httpx.Response) -> tuple[int, str]:
    """(code, type) of an answer that tells of an error in the one shape there is."""
    value = response.json()
    assert list(value) == ["error"]
    assert set(value["error"]) == {"type", "message"}
    assert "\n" not in value["error"]["message"]
    return response.status_code, value["error"]["type"]

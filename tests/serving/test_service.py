"""A graph that goes away and comes back, and what the server says meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from serving_helpers import Served, error_of, events_of, serving, wait_until

from polycypher.fusion.modes import Mode
from polycypher.graph.client import Address
from polycypher.graph.store import GraphStore
from polycypher.translator.translator import Request, Translation, Translator


class Road:
    """A port that leads to a database while it is open: what stands where a server of one's own would."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: list[socket.socket] = []
        self._kept = socket.socket()  # bound as long as the road is there, so that nobody else takes its port
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._kept.bind(("127.0.0.1", 0))
        self.port: int = self._kept.getsockname()[1]
        self.open()

    def close(self) -> None:
        """Cut what goes over it, and let nothing in."""
        _cut(self._listener)
        self._listener.close()
        for end in self._ends:
            _cut(end)
        self._ends.clear()

    def open(self) -> None:
        """Let in again, at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def _take(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._ends += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    _cut(target)


def _cut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@contextmanager
def _by_road(nano: Translator, demo_store: GraphStore) -> Iterator[tuple[Served, Road]]:
    assert demo_store._lease is not None
    address = demo_store._lease.address
    road = Road(int(address.uri.rpartition(":")[2]))
    uri = f"bolt://127.0.0.1:{road.port}"
    store = GraphStore(Address(uri, address.user, address.password, address.database), uri)
    try:
        with serving(nano, store, graph=uri, query_seconds=5) as served:
            yield served, road
    finally:
        store.close()
        road.close()


@pytest.mark.slow
def test_a_graph_that_goes_away_is_a_503_until_it_is_back(nano: Translator, demo_store: GraphStore) -> None:
    with _by_road(nano, demo_store) as (served, road):
        assert served.client.get("/readyz").status_code == 200
        assert served.ask("How many movies are there?").json()["rows"] == [[88]]
        road.close()
        wait_until(lambda: served.client.get("/readyz").status_code == 503)
        assert error_of(served.client.get("/readyz"))[0] == 503
        assert error_of(served.ask("How many movies are there?"))[0] == 503
        assert error_of(served.run("RETURN 1"))[0] == 503
        assert served.client.get("/healthz").status_code == 200, "it lives: no reason to start it again"
        assert "polycypher_graph_up 0.0" in served.client.get("/metrics").text
        road.open()
        wait_until(lambda: served.client.get("/readyz").status_code == 200)
        assert served.ask("How many movies are there?").json()["rows"] == [[88]]
        assert "polycypher_graph_up 1.0" in served.client.get("/metrics").text


def test_one_probe_serves_many_that_ask(served: Served, demo_store: GraphStore) -> None:
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(served.client.get("/readyz").status_code))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 8


def test_a_server_that_ends_is_not_ready(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store) as served:
        served.service.admission.close()
        assert error_of(served.client.get("/readyz")) == (503, "ServerEnding")
        refused = served.run("RETURN 1")
        assert error_of(refused) == (503, "ServerEnding")
        assert int(refused.headers["Retry-After"]) >= 1


class Writer:
    """Stands where a model would: writes the queries that it is given, one after the other."""

    def __init__(self, nano: Translator, *queries: str) -> None:
        self.manifest, self.languages = nano.manifest, nano.languages
        self.queries = list(queries)
        self.failed: list[tuple[str, str] | None] = []

    requests = 0
    """In work: none is for longer than a call."""

    def start(self, *, overlap: bool) -> Writer:
        return self

    def close(self) -> None:
        pass

    def add(self, requests: Sequence[Request]) -> tuple[list[int], list[tuple[int, Translation]]]:
        return list(range(len(requests))), list(enumerate(self._translated(requests)))

    def _translated(self, requests: Sequence[Request]) -> list[Translation]:
        """The next query for each."""
        self.failed += [request.failed for request in requests]
        return [
            Translation(request.question, self.queries.pop(0), {"en": 1.0}, Mode.TOP1, 1, True, (), 1, 1, 1)
            for request in requests
        ]


WRONG = "MATCH (m:Movie) RETURN date('nosuch') AS x"
RIGHT = "MATCH (m:Movie) RETURN count(m) AS movies"


def test_a_query_that_the_database_rejects_is_repaired_once(nano: Translator, demo_store: GraphStore) -> None:
    writer: Any = Writer(nano, WRONG, RIGHT)
    with serving(writer, demo_store) as served:
        events = events_of(served.ask("How many movies are there?", stream=True))
    stages = [data["stage"] for name, data in events if name == "stage"]
    assert stages == ["prepare", "wait", "decode", "execute", "repair", "wait", "decode", "execute"]
    assert events[-1][0] == "answer"
    assert events[-1][1]["rows"] == [[88]]
    assert any("repaired" in notice for notice in events[-1][1]["notices"])
    assert writer.failed[0] is None
    assert writer.failed[1][0] == WRONG


def test_a_repair_that_does_not_help_tells_the_first_error(nano: Translator, demo_store: GraphStore) -> None:
    for second in (WRONG, WRONG.replace("nosuch", "other"), "MATCH (m) DELETE m"):
        writer: Any = Writer(nano, WRONG, second)
        with serving(writer, demo_store) as served:
            response = served.ask("How many movies are there?")
        assert error_of(response) == (422, "QueryRejected")
        assert "nosuch" in response.json()["error"]["message"]
        assert len(writer.failed) == 2


def test_what_the_guard_refuses_is_not_repaired(nano: Translator, demo_store: GraphStore) -> None:
    writer: Any = Writer(nano, "MATCH (m:Movie) DETACH DELETE m")
    with serving(writer, demo_store) as served:
        assert error_of(served.ask("How many movies are there?")) == (422, "GuardError")


def test_a_model_that_breaks_is_a_500_without_its_reason(nano: Translator, demo_store: GraphStore) -> None:
    writer: Any = Writer(nano)
    with serving(writer, demo_store) as served:
        response = served.ask("How many movies are there?")
        assert error_of(response) == (500, "ModelError")
        assert "pop" not in response.text
        assert served.client.get("/healthz").status_code == 200

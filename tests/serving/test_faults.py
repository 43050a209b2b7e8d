"""What goes wrong around a server: the database dies, freezes or finds the disk full."""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_helpers import Served, error_of, serving, wait_until

from polycypher.graph.connect import connect
from polycypher.graph.load import load_script
from polycypher.graph.registry import find_graph
from polycypher.translator.translator import Translator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCRIPT = """
UNWIND range(1, 40) AS i CREATE (:Person {name: 'P' + i});
MATCH (a:Person), (b:Person) WHERE a.name < b.name CREATE (a)-[:KNOWS]->(b);
"""
ENDLESS = "MATCH (a:Person)-[:KNOWS*1..20]-(b:Person) RETURN count(*) AS n"
COUNT = "MATCH (p:Person) RETURN count(p) AS n"


@pytest.fixture(scope="module")
def folder(graph_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedded graph of this module's own."""
    script = tmp_path_factory.mktemp("faults") / "people.cypher"
    script.write_text(SCRIPT, encoding="utf-8")
    load_script("faults", script)
    info = find_graph("faults")
    assert info is not None
    return info.path


@pytest.fixture
def faulty(nano: Translator, folder: Path) -> Iterator[Served]:
    """A server of that graph; its queries may take five seconds."""
    with connect("faults") as store, serving(nano, store, graph="faults", query_seconds=5) as running:
        yield running


def _recovers(served: Served) -> None:
    """Queries are answered again, without anybody's doing; a busy machine may need some tries."""
    wait_until(lambda: served.run(COUNT).status_code == 200, 120)
    assert served.run(COUNT).json()["rows"] == [[40]]


def _java(folder: Path) -> int:
    return int(json.loads((folder / "server.json").read_text(encoding="utf-8"))["java"])


def _cpu_seconds(process: int) -> float:
    """What a process has worked so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_database_killed_in_the_middle_of_a_query_is_there_for_the_next(
    faulty: Served, folder: Path
) -> None:
    java = _java(folder)
    worked = _cpu_seconds(java)

    def kill() -> None:
        # At work on the query, or, on a machine too busy for that, waited for until it was given up.
        wait_until(lambda: _cpu_seconds(java) > worked + 0.3 or answered.is_set())
        os.kill(java, signal.SIGKILL)

    answered = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    assert error_of(faulty.run(ENDLESS)) in ((503, "ConnectionLost"), (504, "QueryTimeout"))
    answered.set()
    killer.join()
    _recovers(faulty)
    assert faulty.ask("How many people are there?").status_code in (200, 422)
    assert faulty.client.get("/readyz").status_code == 200
    assert _java(folder) != java


def test_a_probe_alone_brings_a_killed_database_back(faulty: Served, folder: Path) -> None:
    java = _java(folder)
    os.kill(java, signal.SIGKILL)
    wait_until(lambda: faulty.client.get("/readyz").status_code == 200 and _java(folder) != java, 120)


def test_a_frozen_database_costs_time_and_not_the_server(faulty: Served, folder: Path) -> None:
    assert faulty.run(COUNT).status_code == 200
    java = _java(folder)
    os.kill(java, signal.SIGSTOP)
    try:
        codes: list[int] = []
        threads = [threading.Thread(target=lambda: codes.append(faulty.run(COUNT).status_code)) for _ in "ab"]
        for thread in threads:
            thread.start()
        assert faulty.client.get("/healthz").status_code == 200
        assert faulty.client.get("/v1/languages").status_code == 200
        for thread in threads:
            thread.join()
        assert set(codes) <= {503, 504}
        assert faulty.client.get("/readyz").status_code == 503
    finally:
        os.kill(java, signal.SIGCONT)
    wait_until(lambda: faulty.client.get("/readyz").status_code == 200, 120)
    _recovers(faulty)


def test_a_full_disk_stops_no_reading(faulty: Served, folder: Path) -> None:
    java = _java(folder)
    before = resource.prlimit(java, resource.RLIMIT_FSIZE)
    resource.prlimit(java, resource.RLIMIT_FSIZE, (0, before[1]))  # no file can grow: as on a full disk
    try:
        for _ in range(5):
            assert faulty.run(COUNT).json()["rows"] == [[40]]
        assert faulty.client.get("/readyz").status_code == 200
    finally:
        resource.prlimit(java, resource.RLIMIT_FSIZE, before)


def test_clients_that_vanish_leave_nothing_behind(faulty: Served) -> None:
    for _ in range(5):
        faulty.abandon("/v1/run", {"cypher": ENDLESS})
    wait_until(lambda: faulty.service.admission.count == 0)
    _recovers(faulty)

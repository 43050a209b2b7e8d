"""`GraphStore.read` against the real embedded server: rows, limits, refusals."""

from __future__ import annotations

import threading
import time

import pytest
from graph_helpers import ENDLESS, eventually, server_of

from polycypher.errors import GraphUnavailable, GuardError, QueryRejected, QueryTimeout, UsageError
from polycypher.graph.connect import connect
from polycypher.graph.registry import GraphInfo
from polycypher.graph.store import GraphStore, Limits
from polycypher.graph.values import Node, Path, Relationship, Temporal


def test_rows_come_in_the_server_s_order(store: GraphStore) -> None:
    result = store.read("MATCH (p:Person) RETURN p.name AS name, p.born AS born ORDER BY p.born DESC")
    assert result.columns == ("name", "born")
    assert result.rows == (("Dee", 2001), ("Bo", 1990), ("Çem", 1985), ("Eli", 1970), ("Ada", 1815))
    assert not result.truncated
    assert result.elapsed_ms > 0


def test_graph_objects_arrive_as_values(store: GraphStore) -> None:
    query = "MATCH path = (p:Person)-[r:LIVES_IN]->(c:City) RETURN p, r, c, path"
    ((person, lives_in, city, path),) = store.read(query).rows
    assert isinstance(person, Node)
    assert isinstance(city, Node)
    assert isinstance(lives_in, Relationship)
    assert (person.labels, person.properties["name"]) == (("Person",), "Ada")
    assert city.properties == {"name": "İzmir", "area": 11.9}
    assert (lives_in.start, lives_in.end) == (person.id, city.id)
    assert lives_in.properties["since"] == Temporal("DATE", "2020-05-17")
    assert path == Path((person, city), (lives_in,))


def test_two_columns_of_one_name_are_no_accident(store: GraphStore) -> None:
    # An alias given twice is refused; a repeated expression comes back once or twice, by server.
    with pytest.raises(QueryRejected, match="defined more than once"):
        store.read("MATCH (p:Person) RETURN p.name AS x, p.born AS x")
    result = store.read("MATCH (p:Person {name: 'Ada'}) RETURN p.name, p.name")
    assert all(len(row) == len(result.columns) for row in result.rows)
    assert set(result.rows[0]) == {"Ada"}


def test_rows_are_capped_and_said_to_be(store: GraphStore) -> None:
    assert store.read("MATCH (p:Person) RETURN p", limits=Limits(rows=5)).truncated is False
    capped = store.read("MATCH (p:Person) RETURN p", limits=Limits(rows=4))
    assert (len(capped.rows), capped.truncated) == (4, True)
    assert len(store.read("MATCH (p:Person) RETURN p").rows) == 5  # the store is whole after the cut


def test_bytes_are_capped(store: GraphStore) -> None:
    query = "UNWIND range(1, 1000) AS i RETURN 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' AS text"
    capped = store.read(query, limits=Limits(bytes=5000))
    assert capped.truncated
    assert 90 <= len(capped.rows) <= 100


def test_a_query_without_end_ends_at_its_limit(store: GraphStore) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeout, match="longer than 1 s"):
        store.read(ENDLESS, limits=Limits(seconds=1.0))
    assert 0.9 < time.monotonic() - began < 5.0
    assert store.read("RETURN 1 AS one").rows == ((1,),)


def test_a_query_given_up_on_stops_in_the_server(store: GraphStore) -> None:
    assert store._lease is not None
    control = store._lease._served[1]  # type: ignore[attr-defined]
    reader = threading.Thread(target=_read_to_timeout, args=(store, 1.5))
    reader.start()
    assert eventually(lambda: any(run["text"] == ENDLESS for run in control._command("list queries")))
    reader.join()
    assert eventually(lambda: not any(run["text"] == ENDLESS for run in control._command("list queries")))


def _read_to_timeout(store: GraphStore, seconds: float) -> None:
    with pytest.raises(QueryTimeout):
        store.read(ENDLESS, limits=Limits(seconds=seconds))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("MATCH (n) RETURN missing", "missing"),
        ("MATCH (n:Person) RETURN date('no date')", "no date"),
    ],
)
def test_what_the_server_refuses_is_told_in_one_line(store: GraphStore, query: str, reason: str) -> None:
    with pytest.raises(QueryRejected, match=reason) as caught:
        store.read(query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("query", ["CREATE (:Person)", "MATCH (n) DETACH DELETE n", "MATCH (n) SET n.x = 1"])
def test_the_guard_stands_before_every_read(store: GraphStore, query: str) -> None:
    with pytest.raises(GuardError):
        store.read(query)


def test_many_threads_share_one_store(store: GraphStore) -> None:
    seen: list[int] = []

    def read(number: int) -> None:
        ((value,),) = store.read(f"MATCH (p:Person) RETURN count(p) + {number} AS n").rows
        assert isinstance(value, int)
        seen.append(value - number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [5] * 12


def test_a_closed_store_says_so_and_starts_nothing(tiny: GraphInfo, store: GraphStore) -> None:
    other = connect("tiny")
    java = server_of(tiny.path)["java"]
    other.close()
    other.close()
    with pytest.raises(GraphUnavailable, match="closed"):
        other.read("RETURN 1 AS one")
    assert server_of(tiny.path)["java"] == java
    assert store.read("RETURN 1 AS one").rows == ((1,),)


@pytest.mark.parametrize("wrong", [{"rows": -1}, {"seconds": 0}, {"bytes": -1}, {"seconds": float("nan")}])
def test_limits_must_make_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="limits"):
        Limits(**wrong)  # type: ignore[arg-type]

"""`GraphStore.read` against the real embedded server: rows, limits, refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from graph_helpers import ENDLESS, server_of

from polycypher.errors import GraphUnavailable, GuardError, QueryRejected, QueryTimeout, UsageError
from polycypher.graph import knowledge as knowledge_module
from polycypher.graph.client import Address
from polycypher.graph.connect import connect
from polycypher.graph.embedded import LONGEST_QUERY_SECONDS, SERVER_QUERY_SECONDS, ServerLease
from polycypher.graph.introspect import Run, SchemaReading
from polycypher.graph.registry import GraphInfo
from polycypher.graph.store import GraphStore, Limits, Result
from polycypher.graph.values import Node, Path, Relationship, Temporal
from processes import eventually


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
    assert isinstance(store._lease, ServerLease)
    assert store._lease._served is not None
    control = store._lease._served[1]
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


def test_a_limit_longer_than_the_embedded_server_s_is_refused(store: GraphStore) -> None:
    assert store.read("RETURN 1 AS one", limits=Limits(seconds=LONGEST_QUERY_SECONDS)).rows == ((1,),)
    with pytest.raises(UsageError, match="for 600 s at most, not 601 s"):
        store.read("RETURN 1 AS one", limits=Limits(seconds=LONGEST_QUERY_SECONDS + 1))
    assert LONGEST_QUERY_SECONDS < SERVER_QUERY_SECONDS  # else the server's word comes first


class Gone:
    """A lease of a server that is gone, whose renewal takes as long as a test wants."""

    longest_seconds = 600.0
    address = Address("bolt://127.0.0.1:1", "reader", "x", "graph")

    def __init__(self, then: Callable[[], None]) -> None:
        self.then = then
        self.renewed = 0
        self.held = True

    def renew(self) -> Address:
        self.renewed += 1
        self.then()
        self.held = True
        return self.address

    def stop(self, query: str, began: float) -> None:
        raise AssertionError("nothing runs")

    def close(self) -> None:
        self.held = False


def test_a_store_closed_while_its_server_starts_again_holds_nothing() -> None:
    lease = Gone(then=lambda: store.close())
    store = GraphStore(lease.address, "a graph", lease)
    with pytest.raises(GraphUnavailable, match="a graph is closed"):
        store.read("RETURN 1 AS one")
    assert (lease.renewed, lease.held) == (1, False)


def test_a_server_that_does_not_come_back_is_started_once_a_query() -> None:
    lease = Gone(then=lambda: None)
    with GraphStore(lease.address, "a graph", lease) as store, pytest.raises(GraphUnavailable, match="check"):
        store.read("RETURN 1 AS one")
    assert lease.renewed == 1


def test_the_guard_stands_before_introspection_too(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def malicious(run: Run) -> SchemaReading:
        run("MATCH (n) DETACH DELETE n", Limits())
        raise AssertionError("it was run")

    monkeypatch.setattr(knowledge_module, "read_schema", malicious)
    with pytest.raises(GuardError):
        store.schema(refresh=True)


def test_a_schema_that_takes_too_long_is_the_server_s_fault(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(run: Run) -> SchemaReading:
        raise QueryTimeout("the query took longer than 7.5 s")

    monkeypatch.setattr(knowledge_module, "read_schema", slow)
    with pytest.raises(GraphUnavailable, match="schema of the graph 'tiny' could not be read in time"):
        store.schema(refresh=True)


def test_the_embedded_server_s_cypher_is_known_without_asking(store: GraphStore) -> None:
    assert store.dialect.name == "arcadedb"
    assert store.dialect.explains


@pytest.mark.parametrize("explain", [False, True])
def test_a_query_may_be_planned_first_and_gives_the_same(store: GraphStore, explain: bool) -> None:
    result = store.read("MATCH (p:Person) RETURN count(p) AS n", explain=explain)
    assert (result.columns, result.rows, result.query) == (("n",), ((5,),), "")


def test_a_query_that_cannot_be_planned_is_refused_before_it_runs(store: GraphStore) -> None:
    asked: list[str] = []
    client = store._client

    class Watched:
        def plan(self, query: str, *, limits: Limits) -> None:
            asked.append(f"plan {query}")
            client.plan(query, limits=limits)

        def fetch(self, query: str, *, limits: Limits) -> Result:
            asked.append(f"run {query}")
            return client.fetch(query, limits=limits)

    query = "MATCH (p:Person) RETURN missing"
    store._client = Watched()  # type: ignore[assignment]
    try:
        with pytest.raises(QueryRejected, match="missing"):
            store.read(query, explain=True)
    finally:
        store._client = client
    assert asked == [f"plan {query}"]


def test_planning_runs_nothing(store: GraphStore) -> None:
    store._client.plan(ENDLESS, limits=Limits(seconds=5.0))
    assert isinstance(store._lease, ServerLease)
    address = store._lease.address
    store._client.plan("CREATE (:Nobody)", limits=Limits())
    assert store.read("MATCH (n:Nobody) RETURN count(n) AS n").rows == ((0,),)
    assert address == store._lease.address


def test_what_the_server_s_cypher_lacks_is_refused_with_advice(store: GraphStore) -> None:
    with pytest.raises(QueryRejected, match=r"ArcadeDB has no .*use shortestPath\(\)"):
        store.read("MATCH p = ANY SHORTEST (a:Person)-[:KNOWS]->+(b:Person) RETURN p")

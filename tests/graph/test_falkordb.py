"""FalkorDB by its own client: against a real server, or what a real server (4.18.3) answered."""

from __future__ import annotations

import json
import socket
import sys

import pytest
from falkordb_tape import GRAPH, Tape

from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    GuardError,
    QueryRejected,
    QueryTimeout,
    UsageError,
)
from polycypher.graph.client import Address, Limits
from polycypher.graph.connect import connect
from polycypher.graph.falkordb import FalkorClient, limited
from polycypher.graph.store import GraphStore
from polycypher.graph.values import Node, Path, Point, Relationship, Temporal
from polycypher.schema import GraphSchema, Pattern

pytest.importorskip("falkordb")


def test_it_is_known_for_what_it_is(falkor: GraphStore) -> None:
    assert falkor.dialect.name == "falkordb"
    assert falkor.dialect.version >= (4,)


def test_rows_come_with_their_columns(falkor: GraphStore) -> None:
    result = falkor.read("MATCH (p:Person) RETURN p.name AS name, p.born AS born ORDER BY p.born DESC")
    assert result.columns == ("name", "born")
    assert result.rows == (("Dee", 2001), ("Bo", 1990), ("Çem", 1985), ("Eli", 1970), ("Ada", 1815))
    assert not result.truncated


def test_the_graph_may_be_the_path_of_the_address(tape: Tape, falkor: GraphStore) -> None:
    with connect(f"{tape.uri}/{GRAPH}") as store:
        assert store.read("RETURN 1 AS one").rows == ((1,),)


def test_values_arrive_as_this_package_s_own(falkor: GraphStore) -> None:
    query = "MATCH path = (p:Person)-[r:LIVES_IN]->(c:City) RETURN p, r, c, path"
    ((person, lives_in, city, path),) = falkor.read(query).rows
    assert isinstance(person, Node)
    assert isinstance(city, Node)
    assert isinstance(lives_in, Relationship)
    assert (person.labels, person.properties["name"]) == (("Person",), "Ada")
    assert city.properties == {"name": "İzmir", "area": 11.9}
    assert (lives_in.start, lives_in.end) == (person.id, city.id)
    assert lives_in.properties == {"since": Temporal("DATE", "2020-05-17")}
    assert path == Path((person, city), (lives_in,))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("date('2020-01-02')", Temporal("DATE", "2020-01-02")),
        ("localdatetime('2020-01-02T03:04:05')", Temporal("LOCAL_DATE_TIME", "2020-01-02T03:04:05")),
        ("localtime('03:04:05')", Temporal("LOCAL_TIME", "03:04:05")),
        ("duration('P1Y2M3DT4H5M6S')", Temporal("DURATION", "P1Y2M3DT4H5M6S")),
        ("duration('PT0S')", Temporal("DURATION", "PT0S")),
        ("point({latitude: 1.0, longitude: 2.0})", Point(4326, (2.0, 1.0))),
        ("{latitude: 1.0, longitude: 2.0}", {"latitude": 1.0, "longitude": 2.0}),
        ("[1, 'a', null, true, 1.5, [2]]", [1, "a", None, True, 1.5, [2]]),
        ("null", None),
    ],
)
def test_each_kind_of_value(falkor: GraphStore, expression: str, value: object) -> None:
    assert falkor.read(f"RETURN {expression} AS y").rows == ((value,),)


def test_the_schema_is_that_of_the_graph(falkor: GraphStore) -> None:
    assert falkor.schema() == GraphSchema(
        {
            "City": {"area": "FLOAT", "name": "STRING"},
            "Person": {"born": "INTEGER", "name": "STRING"},
        },
        {"LIVES_IN": {"since": "DATE"}},
        (Pattern("Person", "KNOWS", "Person"), Pattern("Person", "LIVES_IN", "City")),
    )
    assert falkor.stored("ada or nobody", ["ada", "nobody"]) == {"Ada": {("Person", "name")}}


def test_rows_are_capped_and_the_server_is_not_asked_for_more(falkor: GraphStore, tape: Tape) -> None:
    capped = falkor.read("MATCH (p:Person) RETURN p.name", limits=Limits(rows=2))
    assert (len(capped.rows), capped.truncated) == (2, True)
    assert tape.commands[-1][2].endswith("RETURN p.name LIMIT 3")
    assert falkor.read("MATCH (p:Person) RETURN p.name", limits=Limits(rows=5)).truncated is False


def test_bytes_are_capped(falkor: GraphStore) -> None:
    query = "UNWIND range(1, 200) AS i RETURN 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' AS text"
    capped = falkor.read(query, limits=Limits(bytes=5000))
    assert capped.truncated
    assert 90 <= len(capped.rows) <= 100


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("RETURN 1 AS x", "RETURN 1 AS x LIMIT 3"),
        ("MATCH (n) RETURN n ORDER BY n.x SKIP 1;", "MATCH (n) RETURN n ORDER BY n.x SKIP 1 LIMIT 3"),
        ("MATCH (n) RETURN n LIMIT 10", "MATCH (n) RETURN n LIMIT 10"),
        ("RETURN 1 AS x UNION RETURN 2 AS x", "RETURN 1 AS x UNION RETURN 2 AS x"),
        ("CALL { RETURN 1 AS x LIMIT 1 } RETURN x", "CALL { RETURN 1 AS x LIMIT 1 } RETURN x LIMIT 3"),
        ("no query", "no query"),
    ],
)
def test_a_query_gets_a_limit_where_it_has_none(query: str, wanted: str) -> None:
    assert limited(query, 3) == wanted


REWRITTEN = [
    ("MATCH (p:Person)-[:KNOWS]->(q:Person)-[:KNOWS]->(r:Person) RETURN count(*) AS n", ((80,),)),
    ("MATCH (p:Person)-[:KNOWS]-(q)-[:KNOWS]-(r) RETURN count(*) AS n", ((280,),)),
    ("MATCH (p:Person {name: 'Ada'})-[:KNOWS*1..2]->(q) RETURN count(q) AS n", ((20,),)),
    ("MATCH (p:Person) WHERE EXISTS { (p)-[:LIVES_IN]->(:City) } RETURN p.name", (("Ada",),)),
    (
        "MATCH (p:Person) WHERE COUNT { (p)-[:KNOWS]->(q) WHERE q.born > 1986 } = 2 RETURN count(p) AS n",
        ((3,),),
    ),
    ("MATCH (n:Person|City) RETURN count(n) AS n", ((7,),)),
    (
        "MATCH path = shortestPath((p:Person {name: 'Bo'})-[*..4]-(c:City {name: 'İzmir'})) "
        "RETURN length(path)",
        ((2,),),
    ),
    ("MATCH (p:Person {name: 'Ada'}) CALL (p) { MATCH (p)-[r]->() RETURN count(r) AS n } RETURN n", ((5,),)),
]


@pytest.mark.parametrize(("query", "rows"), REWRITTEN)
def test_a_query_is_said_in_its_dialect_and_means_the_same(
    falkor: GraphStore, store: GraphStore, query: str, rows: object
) -> None:
    result = falkor.read(query)
    assert result.rows == rows == store.read(query).rows
    assert result.query not in ("", query)


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("MATCH (n) RETURN missing", "the database rejects the query: .*missing"),
        ("MATCH (n) WHERE n.name =~ 'A.*' RETURN n", "FalkorDB has no `=~`"),
    ],
)
def test_what_it_refuses_is_told_in_one_line(
    falkor: GraphStore, query: str, reason: str, explain: bool
) -> None:
    with pytest.raises(QueryRejected, match=reason) as caught:
        falkor.read(query, explain=explain)
    assert "\n" not in str(caught.value)


def test_a_query_can_be_planned_first(falkor: GraphStore, tape: Tape) -> None:
    before = len(tape.commands)
    assert falkor.read("MATCH (p:Person) RETURN count(p) AS n", explain=True).rows == ((5,),)
    assert [command[0] for command in tape.commands[before:]] == ["GRAPH.EXPLAIN", "GRAPH.RO_QUERY"]


def test_nothing_is_written_by_any_layer(falkor: GraphStore) -> None:
    with pytest.raises(GuardError):
        falkor.read("CREATE (:Person)")
    with pytest.raises(QueryRejected, match="read-only"):
        falkor._client.fetch("CREATE (:Person)", limits=Limits())
    assert falkor.read("MATCH (p:Person) RETURN count(p) AS n").rows == ((5,),)


def test_a_query_without_end_ends_at_its_limit(falkor: GraphStore) -> None:
    with pytest.raises(QueryTimeout):
        falkor.read(
            "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(*) AS n",
            limits=Limits(seconds=0.5),
        )
    assert falkor.read("RETURN 1 AS one").rows == ((1,),)


def test_a_graph_that_is_not_there_is_told(tape: Tape) -> None:
    with pytest.raises(GraphUnavailable, match=r"no such graph .*give its name with --database"):
        connect(tape.uri, database="no-such-graph")


def test_a_graph_must_be_named(tape: Tape) -> None:
    with pytest.raises(UsageError, match="name one with --database"):
        connect(tape.uri)


@pytest.mark.parametrize("scheme", ["falkor", "falkors"])
def test_a_closed_port_is_told(scheme: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(GraphUnavailable, match=r"check that the server runs, .*\(falkors\)"):
        connect(f"{scheme}://127.0.0.1:{port}", database="x")


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        ("-WRONGPASS invalid username-password pair", GraphAuthError, "refuses the user or password"),
        ("-NOPERM this user has no permissions", GraphAuthError, "what the user may do"),
        ("-LOADING Redis is loading the dataset in memory", GraphUnavailable, "Redis is loading"),
        ("-Max pending queries exceeded", GraphUnavailable, "too busy"),
        ("-Query timed out", QueryTimeout, "stopped the query"),
    ],
)
def test_failures_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tape: Tape, reply: str, kind: type[Exception], reason: str
) -> None:
    query = "RETURN 2 AS two LIMIT 2"
    key = json.dumps(["GRAPH.RO_QUERY", GRAPH, query, "--compact"], ensure_ascii=False)
    monkeypatch.setattr(tape, "recording", False)
    monkeypatch.setattr(tape, "replies", {key: f"{reply}\r\n"})
    client = FalkorClient(Address(tape.uri, None, None, GRAPH), "a server")
    with pytest.raises(kind, match=reason) as caught:
        client.fetch("RETURN 2 AS two", limits=Limits(rows=1, seconds=5.0))
    assert "\n" not in str(caught.value)
    client.close()


def test_without_its_package_the_part_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "falkordb.asyncio", None)
    with pytest.raises(UsageError, match=r"pip install 'polycypher\[falkordb\]'"):
        connect("falkor://127.0.0.1:1", database="x")

"""The fourth layer by itself: what costs too much is cut off, and the server answers the next one.

With the guard off, and as a user that may do all: nothing but the limits of time, rows and bytes, the
server's own, and that a server which heeds nothing is ended and started again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from attack_corpus import NOWHERE, Attack, queries, sample
from attack_layers import TIGHT

from polycypher.cypher import guard
from polycypher.errors import GraphUnavailable, PolycypherError, QueryRejected
from polycypher.graph import embedded
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore, Limits, Result
from polycypher.graph.values import approximate_bytes, to_json
from processes import eventually

HEEDLESS = "MATCH (a:Person), (b:Person) WHERE (a)-[*1..25]-(b) RETURN count(*) AS n"
"""A query that goes on although the server was told to end it."""
HEEDFUL = "UNWIND range(1, 9999) AS a UNWIND range(1, 9999) AS b UNWIND range(1, 9999) AS c RETURN count(c)"
"""A query as long that ends when the server is told to end it."""


@pytest.fixture
def unguarded(breakable: ServerLease, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStore]:
    monkeypatch.setattr(guard, "check", lambda query: query)
    breakable.renew()
    store = GraphStore(breakable.address, "the graph under attack", breakable)
    yield store
    store._client.close()


def usable(store: GraphStore) -> bool:
    """Whether an honest question is answered, if need be after some times of asking."""

    def answered() -> bool:
        try:
            return store.read("MATCH (m:Movie) RETURN count(m) AS n", limits=Limits(seconds=30)).rows == (
                (88,),
            )
        except PolycypherError:
            return False

    return eventually(answered, 120.0)


def bounded(store: GraphStore, attack: Attack) -> None:
    try:
        result: Result = store.read(attack.text, limits=TIGHT)
    except PolycypherError as error:
        told = str(error)
    else:
        told = ""
        assert len(result.rows) <= TIGHT.rows, attack.name
        assert sum(approximate_bytes(cell) for row in result.rows for cell in row) <= TIGHT.bytes
        json.dumps([[to_json(cell) for cell in row] for row in result.rows], allow_nan=False)
    assert "\n" not in told, attack.name
    assert usable(store), attack.name


def test_expensive_queries_are_cut_off(unguarded: GraphStore) -> None:
    for attack in sample(queries(NOWHERE, "costs"), 9):
        bounded(unguarded, attack)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_all_expensive_queries_are_cut_off(unguarded: GraphStore) -> None:
    for attack in queries(NOWHERE, "costs"):
        bounded(unguarded, attack)


@pytest.mark.parametrize(
    ("query", "limits"),
    [
        ("UNWIND range(1, 1000000) AS i RETURN i", Limits(rows=7, seconds=30)),
        ("UNWIND range(1, 1000000) AS i RETURN 'a long text ' + i AS t", Limits(bytes=700, seconds=30)),
    ],
)
def test_rows_and_bytes_are_counted(unguarded: GraphStore, query: str, limits: Limits) -> None:
    result = unguarded.read(query, limits=limits)
    assert result.truncated
    assert 0 < len(result.rows) <= limits.rows
    assert sum(approximate_bytes(cell) for row in result.rows for cell in row) <= limits.bytes


@pytest.mark.parametrize(
    "value",
    [
        "date({year: 10000})",
        "datetime({epochMillis: 9223372036854775807})",
        "duration({days: 9223372036854775807})",
        "reduce(a = [], i IN range(1, 200) | [a])",
        "reduce(a = [], i IN range(1, 3000) | [a])",
    ],
)
def test_a_value_that_cannot_be_read_is_an_error_of_the_query(unguarded: GraphStore, value: str) -> None:
    with pytest.raises((QueryRejected, GraphUnavailable)) as caught:
        unguarded.read(f"RETURN {value} AS x")
    assert "\n" not in str(caught.value)
    if "3000" not in value:
        assert isinstance(caught.value, QueryRejected)
    assert usable(unguarded)


def test_numbers_that_json_has_not_become_text(unguarded: GraphStore) -> None:
    row: Any = unguarded.read("RETURN point({x: 0.0 / 0.0, y: 1}) AS x, 1.0 / 0.0 AS y").rows[0]
    assert json.dumps([to_json(cell) for cell in row], allow_nan=False)


@pytest.mark.exhaustive
def test_a_query_that_heeds_nothing_ends_with_its_server(
    unguarded: GraphStore, breakable: ServerLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_HEED_SECONDS", 2.0)
    state = json.loads((breakable.folder / "server.json").read_text(encoding="utf-8"))
    with pytest.raises(PolycypherError):
        unguarded.read(HEEDLESS, limits=TIGHT)
    assert eventually(lambda: not _same_server(breakable, state), 60.0)
    assert usable(unguarded)


@pytest.mark.exhaustive  # on a machine that is busy the server heeds nobody in time
def test_a_query_that_ends_when_told_keeps_its_server(
    unguarded: GraphStore, breakable: ServerLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_HEED_SECONDS", 2.0)
    assert usable(unguarded)
    state = json.loads((breakable.folder / "server.json").read_text(encoding="utf-8"))
    with pytest.raises(PolycypherError):
        unguarded.read(HEEDFUL, limits=TIGHT)
    time.sleep(4.0)
    assert _same_server(breakable, state)
    assert usable(unguarded)


def _same_server(lease: ServerLease, state: dict[str, Any]) -> bool:
    try:
        now = json.loads((lease.folder / "server.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return bool(now["java"] == state["java"])

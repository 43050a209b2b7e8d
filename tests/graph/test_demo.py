"""The demo graph: what is in it, and that it is built once, also by two at a time."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from graph_helpers import python

from polycypher.graph.demo import ensure_demo
from polycypher.graph.registry import describe, find_graph
from polycypher.graph.store import GraphStore
from polycypher.schema import Pattern


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        files("polycypher").joinpath("data", "demo.json").read_text(encoding="utf-8")
    )
    return content


def test_every_person_of_a_film_is_known_and_every_known_person_used(data: dict[str, Any]) -> None:
    parts = ("directed", "wrote", "produced")
    used = {name for film in data["films"] for part in parts for name in film[part]}
    used |= {name for film in data["films"] for name in film["cast"]}
    reviewers = {review["reviewer"] for review in data["reviews"]}
    assert used | reviewers == set(data["people"])
    assert all(name.startswith("Reviewer ") for name in reviewers)
    assert {name for pair in data["follows"] for name in pair} <= reviewers
    assert {review["film"] for review in data["reviews"]} <= {film["title"] for film in data["films"]}


def test_years_and_names_are_plausible(data: dict[str, Any]) -> None:
    titles = [film["title"] for film in data["films"]]
    assert len(set(titles)) == len(titles) >= 60
    assert len(data["people"]) >= 130
    assert all(1900 <= born <= 2005 for born in data["people"].values())
    for film in data["films"]:
        for name in (*film["directed"], *film["cast"]):
            assert data["people"][name] + 5 < film["released"] <= 2025, (film["title"], name)
        assert all(roles and all(roles) for roles in film["cast"].values())


def test_the_graph_holds_all_of_the_data(demo_store: GraphStore, data: dict[str, Any]) -> None:
    nodes = len(data["films"]) + len(data["people"])
    assert demo_store.read("MATCH (n) RETURN count(n) AS n").rows == ((nodes,),)
    counted = dict(demo_store.read("MATCH ()-[r]->() RETURN type(r) AS type, count(r) AS n").rows)
    assert counted == {
        "ACTED_IN": sum(len(film["cast"]) for film in data["films"]),
        "DIRECTED": sum(len(film["directed"]) for film in data["films"]),
        "WROTE": sum(len(film["wrote"]) for film in data["films"]),
        "PRODUCED": sum(len(film["produced"]) for film in data["films"]),
        "REVIEWED": len(data["reviews"]),
        "FOLLOWS": len(data["follows"]),
    }
    info = find_graph("demo")
    assert info is not None
    assert info.nodes == nodes
    assert info.relationships == sum(n for n in counted.values() if isinstance(n, int))


def test_its_schema_is_the_classic_one(demo_store: GraphStore) -> None:
    schema = demo_store.schema()
    assert schema.node_properties == {
        "Movie": {"released": "INTEGER", "tagline": "STRING", "title": "STRING"},
        "Person": {"born": "INTEGER", "name": "STRING"},
    }
    assert schema.relationship_properties == {
        "ACTED_IN": {"roles": "LIST"},
        "REVIEWED": {"rating": "INTEGER", "summary": "STRING"},
    }
    to_movies = {"ACTED_IN", "DIRECTED", "PRODUCED", "REVIEWED", "WROTE"}
    expected = {Pattern("Person", kind, "Movie") for kind in to_movies}
    assert set(schema.relationships) == expected | {Pattern("Person", "FOLLOWS", "Person")}


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "MATCH (:Person {name: 'Keanu Reeves'})-[:ACTED_IN]->(m:Movie) "
            "WHERE m.title STARTS WITH 'The Matrix' RETURN m.title ORDER BY m.released, m.title",
            (("The Matrix",), ("The Matrix Reloaded",), ("The Matrix Revolutions",)),
        ),
        (
            "MATCH (p:Person)-[:DIRECTED]->(m:Movie)<-[:ACTED_IN]-(p) "
            "WHERE p.born = 1930 RETURN count(m) AS n",
            ((4,),),
        ),
        (
            "MATCH (:Person {name: 'Penélope Cruz'})-[r:ACTED_IN]->(:Movie {title: 'Volver'}) RETURN r.roles",
            ((["Raimunda"],),),
        ),
        (
            "MATCH (p:Person)-[:DIRECTED]->(:Movie {title: 'Kış Uykusu'}) RETURN p.name",
            (("Nuri Bilge Ceylan",),),
        ),
    ],
)
def test_it_answers(demo_store: GraphStore, query: str, rows: tuple[tuple[object, ...], ...]) -> None:
    assert demo_store.read(query).rows == rows


def test_it_is_built_once_and_anew_when_the_data_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYCYPHER_HOME", str(tmp_path))
    code = """
        from polycypher.graph.demo import ensure_demo
        print(ensure_demo().nodes)
    """
    builders = [python(code) for _ in range(2)]
    answers = [builder.communicate() for builder in builders]
    assert [out.strip() for out, _ in answers] == ["394", "394"], answers

    first = ensure_demo()
    made = (first.path / "graph.json").stat().st_mtime_ns
    assert ensure_demo() == first
    assert (first.path / "graph.json").stat().st_mtime_ns == made

    describe(first.path, nodes=1, relationships=1, source="demo.json of an older version")
    assert ensure_demo() == first
    assert sorted(entry.name for entry in (tmp_path / "graphs").iterdir()) == [".demo.lock", "demo"]

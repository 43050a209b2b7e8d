"""The schema that a store knows: for how long it is believed, and what the user is told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from polycypher.errors import GraphUnavailable, QueryTimeout
from polycypher.graph import cache, schema_cache
from polycypher.graph import knowledge as knowledge_module
from polycypher.graph.client import Limits, Result
from polycypher.graph.connect import connect
from polycypher.graph.introspect import SCAN, SchemaReading, read_schema
from polycypher.graph.knowledge import GraphKnowledge
from polycypher.graph.load import load_script
from polycypher.graph.schema_cache import SchemaCache
from polycypher.graph.values import Value
from polycypher.notices import Notice
from polycypher.schema import GraphSchema, Pattern

FIRST = GraphSchema({"A": {"x": "STRING"}})
SECOND = GraphSchema({"A": {"x": "STRING"}, "B": {}}, {}, (Pattern("A", "T", "B"),))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time go by for what is believed."""
    now = [0.0]
    monkeypatch.setattr(knowledge_module.time, "monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def never(query: str, limits: Limits) -> Result:
    raise AssertionError(query)


def reading(monkeypatch: pytest.MonkeyPatch, *found: SchemaReading | Exception) -> list[int]:
    """Let the schema be read as given, one after the other; counts the readings."""
    left, count = list(found), [0]

    def read(run: object) -> SchemaReading:
        count[0] += 1
        if isinstance(next_one := left.pop(0), Exception):
            raise next_one
        return next_one

    monkeypatch.setattr(knowledge_module, "read_schema", read)
    return count


def test_a_schema_is_read_again_when_it_is_old(
    monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]
) -> None:
    count = reading(monkeypatch, SchemaReading(FIRST), SchemaReading(SECOND))
    known = GraphKnowledge(never, "a graph", "")
    assert known.schema() == known.schema() == FIRST
    clock(3601.0)
    assert known.schema() == known.schema() == SECOND
    assert count == [2]


def test_a_schema_is_read_again_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, SchemaReading(FIRST), SchemaReading(SECOND))
    known = GraphKnowledge(never, "a graph", "")
    assert known.schema() == FIRST
    assert known.schema(refresh=True) == SECOND


def test_an_old_schema_serves_on_when_it_cannot_be_read_again(
    monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]
) -> None:
    gone = GraphUnavailable("the server went away")
    count = reading(monkeypatch, SchemaReading(FIRST), gone, SchemaReading(SECOND))
    known = GraphKnowledge(never, "a graph", "")
    known.schema()
    clock(3601.0)
    assert known.schema() == known.schema() == FIRST
    assert "could not be read again, an older one is used: the server went away" in known.notices[0]
    clock(61.0)
    assert known.schema() == SECOND
    assert known.notices == ()
    assert count == [3]


@pytest.mark.parametrize("refresh", [False, True])
def test_a_schema_that_was_never_read_is_missed(monkeypatch: pytest.MonkeyPatch, refresh: bool) -> None:
    reading(monkeypatch, QueryTimeout("too long"))
    with pytest.raises(GraphUnavailable, match="schema of a graph could not be read in time"):
        GraphKnowledge(never, "a graph", "").schema(refresh=refresh)


def test_what_was_only_sampled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = ("labels are those of 200,000 nodes", "the properties of 2 of 9 labels are missing")
    reading(monkeypatch, SchemaReading(FIRST, gaps))
    known = GraphKnowledge(never, "a graph", "")
    assert known.notices == ()
    known.schema()
    assert known.notices == (
        "a graph is large and its schema was read in part: labels are those of 200,000 nodes, "
        "and the properties of 2 of 9 labels are missing",
    )


def test_what_was_sampled_is_told_in_other_languages_by_the_next_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    SchemaCache("k").store(SchemaReading(FIRST, (Notice("gap_labels", nodes=SCAN),)), seconds=5.0)
    known = GraphKnowledge(never, "a graph", "k")
    known.schema()
    (notice,) = known.notices
    assert notice == "a graph is large and its schema was read in part: labels are those of 200,000 nodes"
    assert notice.told("tr").endswith(": etiketler 200.000 düğümden alındı")


def test_what_another_version_kept_of_the_gaps_is_read_again(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = {"code": "nosuch", "values": {}}
    cache.store("schemas", "k", {"schema": SECOND.to_dict(), "gaps": [gap]})
    reading(monkeypatch, SchemaReading(FIRST))
    assert GraphKnowledge(never, "a graph", "k").schema() == FIRST


def test_a_schema_that_took_long_is_kept_for_the_next_process(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = SchemaReading(SECOND, ("labels are those of 200,000 nodes",))
    SchemaCache("k").store(kept, seconds=5.0)
    assert SchemaCache("k").load() == kept
    known = GraphKnowledge(never, "a graph", "k")
    assert known.schema() == SECOND
    assert "read in part" in known.notices[0]
    reading(monkeypatch, SchemaReading(FIRST))
    assert known.schema(refresh=True) == FIRST


def test_a_schema_that_was_quick_to_read_is_not_kept(own_cache: Path) -> None:
    SchemaCache("k").store(SchemaReading(FIRST), seconds=0.5)
    SchemaCache("").store(SchemaReading(FIRST), seconds=9.0)
    assert not own_cache.exists()


def test_a_kept_schema_that_is_old_or_damaged_is_not_believed(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SchemaCache("k").store(SchemaReading(FIRST), seconds=9.0)
    (file,) = (own_cache / "schemas").iterdir()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"node_properties"', '"nodes"'), encoding="utf-8")
    assert SchemaCache("k").load() is None
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(schema_cache, "OLDEST_SECONDS", -1.0)
    assert SchemaCache("k").load() is None


def test_what_cannot_be_written_is_not_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "file")
    SchemaCache("k").store(SchemaReading(FIRST), seconds=9.0)
    assert SchemaCache("k").load() is None


def test_a_fingerprint_shows_nothing_of_what_it_is_of() -> None:
    first = cache.fingerprint("bolt://host", None, "ada")
    assert first == cache.fingerprint("bolt://host", None, "ada")
    assert first != cache.fingerprint("bolt://host", "ada", None)
    assert "ada" not in first
    assert len(first) == 32


def test_a_kept_value_can_be_forgotten() -> None:
    cache.store("kind", "k", {"a": 1})
    assert (cache.load("kind", "k", 60.0) or {})["a"] == 1
    cache.forget("kind", "k")
    cache.forget("kind", "k")
    assert cache.load("kind", "k", 60.0) is None


def slow_graph(labels: int, per_query: float) -> tuple[list[str], Callable[[str, Limits], Result]]:
    """A graph of many labels whose every query takes `per_query` seconds of the limit it is given."""
    asked: list[str] = []

    def run(query: str, limits: Limits) -> Result:
        asked.append(query)
        if limits.seconds < per_query:
            raise QueryTimeout("too slow")
        rows: list[tuple[Value, ...]] = []
        if "RETURN DISTINCT labels(n)" in query:
            rows = [([f"L{number}"],) for number in range(labels)]
        elif "RETURN properties(n)" in query:
            rows = [({"name": "x"},)]
        return Result((), tuple(rows), False, 0.0)

    return asked, run


def test_with_many_labels_each_is_sampled_less() -> None:
    asked, run = slow_graph(labels=1000, per_query=0.0)
    found = read_schema(run)
    assert len(found.schema.labels) == 1000
    assert found.gaps == ()
    assert sum(query.endswith("RETURN properties(n) LIMIT 200") for query in asked) == 1000


def test_labels_without_properties_in_time_are_told() -> None:
    _, run = slow_graph(labels=20, per_query=2.0)
    found = read_schema(run, seconds=8.1)  # two seconds for labels; the share of each of the first is 1.6
    assert len(found.schema.labels) == 20
    assert found.gaps[-1].startswith("the properties of ")
    assert found.gaps[-1].endswith(" of 20 labels and relationship types are missing")


def test_a_graph_too_large_for_a_count_is_told_to_be_sampled() -> None:
    def run(query: str, limits: Limits) -> Result:
        if query in (
            "MATCH (n) RETURN DISTINCT labels(n) AS labels",
            "MATCH (a)-[r]->(b) RETURN DISTINCT labels(a) AS starts, type(r) AS type, labels(b) AS ends",
        ):
            raise QueryTimeout("too slow")
        rows: tuple[tuple[Value, ...], ...] = ((["A"],),) if "labels(n)" in query else ()
        return Result((), rows, False, 0.0)

    assert read_schema(run).gaps == (
        f"labels are those of {SCAN:,} nodes",
        "relationships are those of 2,000 nodes of each label",
    )


@pytest.mark.slow
def test_many_labels_on_the_embedded_server(tmp_path: Path) -> None:
    labels = 120
    script = tmp_path / "many.cypher"
    line = "CREATE (:Label# {name: 'n#', size#: #})-[:TYPE# {weight: 1.5}]->(:Label# {on: true});"
    script.write_text("\n".join(line.replace("#", str(n)) for n in range(labels)), encoding="utf-8")
    load_script("many", script)
    with connect("many") as store:
        schema = store.schema()
        assert store.schema_notices == ()
    assert len(schema.labels) == len(schema.relationship_types) == labels
    assert schema.node_properties["Label7"] == {"name": "STRING", "on": "BOOLEAN", "size7": "INTEGER"}
    assert schema.relationship_properties["TYPE7"] == {"weight": "FLOAT"}
    assert Pattern("Label7", "TYPE7", "Label7") in schema.relationships

"""The index of stored values: what is read, how it is bounded, and how it is kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from polycypher.errors import QueryTimeout
from polycypher.graph import cache
from polycypher.graph.client import Limits, Result
from polycypher.graph.store import GraphStore
from polycypher.graph.value_index import ValueIndex, build_index, load_index, store_index
from polycypher.schema import GraphSchema
from polycypher.translator.grounding import candidates
from processes import eventually

SCHEMA = GraphSchema.from_dict(
    {
        "node_properties": {"City": {"name": "STRING", "area": "FLOAT"}, "Person": {"name": "STRING"}},
        "relationship_properties": {"KNOWS": {"how": "STRING"}},
        "relationships": [["Person", "KNOWS", "Person"]],
    }
)
INDEX = ValueIndex({"İzmir": frozenset({("City", "name")}), "Ada": frozenset({("Person", "name")})}, True)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_the_values_of_text_properties_are_read_with_their_places(store: GraphStore) -> None:
    index = store.build_values()
    assert index.complete
    assert index.places["İzmir"] == {("City", "name")}
    assert index.places["Ada"] == {("Person", "name")}
    assert index.folded["izmir"] == ("İzmir",)
    assert 1815 not in index.places


def test_a_property_that_takes_too_long_leaves_the_index_incomplete() -> None:
    def read(query: str, limits: Limits) -> Result:
        assert limits.seconds <= 2.0
        if "City" in query:
            raise QueryTimeout("too slow")
        return Result((), (("Ada",), (" ",), (None,)), False, 0.0)

    index = build_index(read, SCHEMA, seconds=2.0)
    assert not index.complete
    assert index.places == {"Ada": {("Person", "name"), ("KNOWS", "how")}}


def test_after_its_seconds_nothing_more_is_read() -> None:
    def read(query: str, limits: Limits) -> Result:
        raise AssertionError(query)

    assert build_index(read, SCHEMA, seconds=0.0) == ValueIndex({}, False)


def test_only_names_are_read_and_only_so_many() -> None:
    asked = []

    def read(query: str, limits: Limits) -> Result:
        asked.append(query)
        return Result((), (), False, 0.0)

    build_index(read, SCHEMA)
    assert len(asked) == 3
    assert all("size(x.name) <= 80" in q or "size(x.how) <= 80" in q for q in asked)
    assert all(q.endswith("LIMIT 20000") for q in asked)


def test_an_index_is_kept_for_its_user_alone_and_read_again(own_cache: Path) -> None:
    store_index("k1", INDEX)
    (file,) = (own_cache / "values").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert load_index("k1")[0] == INDEX
    assert load_index("k2") == (None, 0.0)
    assert load_index("k1", oldest=-1.0) == (None, 0.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"written": 1e20, "key": "k1"}', '{"key": "k1"}'])
def test_a_damaged_index_is_as_if_it_were_not_there(own_cache: Path, text: str) -> None:
    store_index("k1", INDEX)
    (own_cache / "values" / "k1.json").write_text(text, encoding="utf-8")
    assert load_index("k1") == (None, 0.0)


def test_an_index_of_another_form_is_as_if_it_were_not_there(own_cache: Path) -> None:
    store_index("k1", INDEX)
    path = own_cache / "values" / "k1.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**kept, "values": {"Ada": [99]}}), encoding="utf-8")
    assert load_index("k1") == (None, 0.0)


def test_without_a_key_nothing_is_kept(own_cache: Path) -> None:
    store_index("", INDEX)
    assert load_index("") == (None, 0.0)
    assert not own_cache.exists()


def test_a_question_that_misspells_a_name_is_read_with_the_stored_one(demo_store: GraphStore) -> None:
    pytest.importorskip("rapidfuzz")
    question = "Which movies did Clint Eastwod direct?"
    texts = candidates(question)
    found = demo_store.near(question, texts, demo_store.stored(question, texts))
    assert found.question == "Which movies did Clint Eastwood direct?"
    assert found.homes == {"Clint Eastwood": {("Person", "name")}}


def test_a_question_without_a_name_builds_the_index_beside_it(demo_store: GraphStore) -> None:
    demo_store._values._index = None
    demo_store._values._again = 0.0
    assert demo_store.near("how many films are there?", ["how many films"], {}).substitutions == ()
    assert eventually(lambda: demo_store._values._index is not None)

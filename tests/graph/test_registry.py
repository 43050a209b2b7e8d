"""Named graphs: names, listing, and folders that appear whole or not at all."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import UsageError
from polycypher.graph.registry import (
    GraphInfo,
    building,
    check_name,
    describe,
    find_graph,
    graph_folder,
    home,
    list_graphs,
)

ALLOWED = string.ascii_lowercase + string.digits + "_-"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYCYPHER_HOME", str(tmp_path))
    return tmp_path


def make(name: str, *, nodes: int = 1, replace: bool = False) -> None:
    with building(name, replace=replace) as folder:
        (folder / "database" / "data").write_text(f"{nodes}")
        describe(folder, nodes=nodes, relationships=0, source="a test")


@given(st.text(alphabet=ALLOWED, min_size=1, max_size=64))
def test_names_of_safe_characters_are_taken(name: str) -> None:
    if name[0] in "_-":
        with pytest.raises(UsageError):
            check_name(name)
    else:
        assert check_name(name) == name


@given(st.text(max_size=70))
def test_any_other_name_is_refused(name: str) -> None:
    safe = 1 <= len(name) <= 64 and set(name) <= set(ALLOWED) and name[0] not in "_-"
    if not safe:
        with pytest.raises(UsageError, match="a-z, 0-9"):
            check_name(name)


@pytest.mark.parametrize("name", ["", "..", "a/b", "Movies", "a b", "a\n", ".hidden", "-x", "ä", "a" * 65])
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        graph_folder(name)


def test_the_folder_follows_the_environment(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home() == own_home
    assert graph_folder("movies") == own_home / "graphs" / "movies"
    monkeypatch.delenv("POLYCYPHER_HOME")
    assert home().name == "polycypher"


def test_graphs_are_listed_by_name_with_their_size(own_home: Path) -> None:
    assert list_graphs() == []
    make("zoo", nodes=2)
    make("art", nodes=1)
    (own_home / "graphs" / "no-graph").mkdir()
    (own_home / "graphs" / "notes.txt").write_text("x")
    assert list_graphs() == [
        GraphInfo("art", 1, 0, own_home / "graphs" / "art", "a test"),
        GraphInfo("zoo", 2, 0, own_home / "graphs" / "zoo", "a test"),
    ]


def test_an_existing_graph_is_kept_unless_replaced(own_home: Path) -> None:
    make("art", nodes=1)
    with pytest.raises(UsageError, match="--replace"):
        make("art", nodes=2)
    assert find_graph("art") == GraphInfo("art", 1, 0, own_home / "graphs" / "art", "a test")
    make("art", nodes=3, replace=True)
    assert (own_home / "graphs" / "art" / "database" / "data").read_text() == "3"


def _fail_half_way(folder: Path) -> None:
    (folder / "database" / "data").write_text("half")
    raise KeyError


def test_a_failed_build_leaves_the_old_graph_and_no_litter(own_home: Path) -> None:
    make("art", nodes=1)
    with pytest.raises(KeyError), building("art", replace=True) as folder:
        _fail_half_way(folder)
    assert (own_home / "graphs" / "art" / "database" / "data").read_text() == "1"
    assert sorted(entry.name for entry in (own_home / "graphs").iterdir()) == [".art.lock", "art"]


def test_what_a_killed_build_left_is_cleared_by_the_next(own_home: Path) -> None:
    make("art-b")
    left = own_home / "graphs" / ".new.art.abc"
    other = own_home / "graphs" / ".new.art-b.abc"
    left.mkdir()
    other.mkdir()
    make("art")
    assert not left.exists()
    assert other.exists()  # of another name: it may be going on


def test_a_damaged_description_hides_the_graph_and_does_not_stop_the_list(own_home: Path) -> None:
    make("art")
    make("zoo")
    (own_home / "graphs" / "art" / "graph.json").write_text("{")
    assert [info.name for info in list_graphs()] == ["zoo"]
    (own_home / "graphs" / "art" / "graph.json").write_text(json.dumps({"nodes": "many"}))
    assert find_graph("art") is None

"""Named graphs: names, listing, and folders that appear whole or not at all."""

from __future__ import annotations

import json
import signal
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from graph_helpers import python
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import GraphUnavailable, UsageError
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


BUILD = """
    import json, os, signal
    from pathlib import Path
    from polycypher.graph.registry import building, describe

    renames, rename = [], Path.rename

    def rename_or_die(self, target):
        renames.append(target)
        if len(renames) == {fatal}:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.rename = rename_or_die
    with building("art", replace=True) as folder:
        (folder / "database" / "data").write_text("2")
        describe(folder, nodes=2, relationships=0, source="a test")
"""


def build_and_die(rename: int) -> None:
    """Replace `art` in a process that is killed when it comes to its so-manieth renaming of a folder."""
    with python(BUILD.replace("{fatal}", str(rename))) as builder:
        builder.wait()
    assert builder.returncode == -signal.SIGKILL


def entries(own_home: Path) -> list[str]:
    return sorted(entry.name for entry in (own_home / "graphs").iterdir())


@pytest.mark.parametrize(("rename", "nodes"), [(1, 1), (2, 1), (3, 2)])
def test_a_replacement_killed_at_any_step_leaves_the_old_graph_or_the_new(
    own_home: Path, rename: int, nodes: int
) -> None:
    make("art", nodes=1)
    build_and_die(rename)
    assert len(entries(own_home)) > 2  # the killed build did leave something
    with pytest.raises(UsageError, match="--replace"):
        make("art", nodes=3)
    assert [(info.name, info.nodes) for info in list_graphs()] == [("art", nodes)]
    assert (own_home / "graphs" / "art" / "database" / "data").read_text() == str(nodes)
    make("art", nodes=3, replace=True)
    assert entries(own_home) == [".art.lock", "art"]
    assert find_graph("art") == GraphInfo("art", 3, 0, own_home / "graphs" / "art", "a test")


@pytest.mark.parametrize("look", [lambda: find_graph("art"), lambda: next(iter(list_graphs()), None)])
def test_a_graph_moved_away_by_a_killed_build_is_found_by_whoever_looks(
    own_home: Path, look: Callable[[], GraphInfo | None]
) -> None:
    make("art", nodes=1)
    build_and_die(2)
    assert "art" not in entries(own_home)
    info = look()
    assert info is not None
    assert info.nodes == 1
    assert (info.path / "database" / "data").read_text() == "1"


def test_what_a_killed_build_left_is_cleared_by_the_next_of_that_name_only(own_home: Path) -> None:
    make("art-b")
    with building("art-b", replace=True) as other:  # one that goes on
        build_and_die(1)
        assert len(entries(own_home)) == 5
        make("art")
        assert other.exists()
        assert entries(own_home) == sorted([".art-b.lock", ".art.lock", "art", "art-b", other.name])
        describe(other, nodes=1, relationships=0, source="a test")


def test_a_data_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a-file"
    file.write_text("x")
    monkeypatch.setenv("POLYCYPHER_HOME", str(file))
    with pytest.raises(GraphUnavailable, match=r"a-file/graphs \(Not a directory\)") as caught:
        list_graphs()
    assert "\n" not in str(caught.value)


def test_the_home_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCYPHER_HOME", "~no-such-user-here/data")
    with pytest.raises(UsageError, match="POLYCYPHER_HOME is '~no-such-user-here/data'"):
        list_graphs()


def test_a_damaged_description_hides_the_graph_and_does_not_stop_the_list(own_home: Path) -> None:
    make("art")
    make("zoo")
    (own_home / "graphs" / "art" / "graph.json").write_text("{")
    assert [info.name for info in list_graphs()] == ["zoo"]
    (own_home / "graphs" / "art" / "graph.json").write_text(json.dumps({"nodes": "many"}))
    assert find_graph("art") is None

"""A tiny named graph, its server shared by the session's tests; the same on FalkorDB."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from falkordb_tape import FILL, GRAPH, Tape
from graph_helpers import TINY

from polycypher.graph.client import Address, Limits
from polycypher.graph.connect import connect
from polycypher.graph.falkordb import FalkorClient
from polycypher.graph.load import load_script
from polycypher.graph.registry import GraphInfo
from polycypher.graph.store import GraphStore


@pytest.fixture(scope="session")
def tiny(graph_home: Path, tmp_path_factory: pytest.TempPathFactory) -> GraphInfo:
    """The named graph `tiny`."""
    script = tmp_path_factory.mktemp("scripts") / "tiny.cypher"
    script.write_text(TINY, encoding="utf-8")
    return load_script("tiny", script).graph


@pytest.fixture(scope="session")
def pristine(tiny: GraphInfo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `tiny` as they were before any server read them."""
    return Path(shutil.copytree(tiny.path, tmp_path_factory.mktemp("pristine") / "tiny"))


@pytest.fixture(scope="session")
def store(tiny: GraphInfo, pristine: Path) -> Iterator[GraphStore]:
    """The graph `tiny`, opened once for the session."""
    with connect("tiny") as opened:
        yield opened


@pytest.fixture
def own_tiny(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a graph `tiny` whose server the test may kill; returns the graph's folder."""
    monkeypatch.setenv("POLYCYPHER_HOME", str(tmp_path))
    return Path(shutil.copytree(pristine, tmp_path / "graphs" / "tiny"))


@pytest.fixture(scope="session")
def tape() -> Iterator[Tape]:
    """A FalkorDB server, real or played back."""
    pytest.importorskip("falkordb")
    server = Tape()
    yield server
    server.end()


@pytest.fixture(scope="session")
def falkor(tape: Tape) -> Iterator[GraphStore]:
    """The tiny graph on FalkorDB, opened once for the session."""
    client = FalkorClient(Address(tape.uri, None, None, GRAPH), "a server")
    for query in FILL:
        client.fetch(query, limits=Limits(), write=True)
    client.close()
    with connect(tape.uri, database=GRAPH) as opened:
        yield opened

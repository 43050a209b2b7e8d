"""What is attacked: the demo graph past its guard, a graph of the attacks' own to break, and canaries."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_canary import Canary

from polycypher.graph.bolt import BoltClient
from polycypher.graph.demo import ensure_demo
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore
from polycypher.schema import GraphSchema
from polycypher.translator.translator import Translator


@pytest.fixture(scope="session")
def demo_schema(demo_store: GraphStore) -> GraphSchema:
    """The demo graph's schema."""
    return demo_store.schema()


@pytest.fixture(scope="session")
def nano() -> Iterator[Translator]:
    """The shipped model."""
    with Translator.load("nano") as translator:
        yield translator


@pytest.fixture
def canary(demo_store: GraphStore, tmp_path: Path) -> Iterator[Canary]:
    """Files outside and inside the demo graph's folder, and a port."""
    assert demo_store._lease is not None
    with Canary(tmp_path, demo_store._lease.folder) as watched:  # type: ignore[attr-defined]
        yield watched


@pytest.fixture
def reader(demo_store: GraphStore) -> Iterator[BoltClient]:
    """The demo graph's server as the user that may only read, with no guard before it."""
    assert demo_store._lease is not None
    client = BoltClient(demo_store._lease.address, "the reader")
    assert client.address.user == "reader"
    yield client
    client.close()


@pytest.fixture(scope="module")
def breakable(graph_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerLease]:
    """A copy of the demo graph with a server of its own, held as the user that may do all."""
    folder = tmp_path_factory.mktemp("breakable") / "demo"
    left = shutil.ignore_patterns("*.lck", "*.lock", "server.json", "config", "log", "canary.csv")
    shutil.copytree(ensure_demo().path, folder, ignore=left)
    with ServerLease(folder, writing=True) as lease:
        yield lease

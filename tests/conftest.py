"""What every test shares: a data folder of the test session's own, and the demo graph in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from polycypher.graph.store import GraphStore

# A runner that was started in the background has interrupts switched off, and its children with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("polycypher", deadline=None)  # a busy machine is no reason to fail
settings.load_profile("polycypher")


@pytest.fixture(scope="session", autouse=True)
def graph_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of named graphs for the whole session, so that no test sees the user's own."""
    folder = tmp_path_factory.mktemp("polycypher-home")
    before = os.environ.get("POLYCYPHER_HOME")
    os.environ["POLYCYPHER_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["POLYCYPHER_HOME"]
    else:
        os.environ["POLYCYPHER_HOME"] = before


@pytest.fixture(scope="session")
def demo_store(graph_home: Path) -> Iterator[GraphStore]:
    """The demo graph, opened once for the session."""
    from polycypher.graph.connect import connect

    with connect("demo") as store:
        yield store

"""One model for all tests of the server, and one server with the demo graph and default settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving_helpers import Served, serving

from polycypher.graph.store import GraphStore
from polycypher.translator.translator import Translator


@pytest.fixture(scope="session")
def nano() -> Iterator[Translator]:
    """The packaged model."""
    with Translator.load("nano") as translator:
        yield translator


@pytest.fixture(scope="session")
def served(nano: Translator, demo_store: GraphStore) -> Iterator[Served]:
    """A server with the demo graph."""
    with serving(nano, demo_store, rate=1000, burst=10_000) as running:
        yield running

"""The command line in this process, with the demo graph open."""

from __future__ import annotations

import pytest
from cli_helpers import Command, command

from polycypher.graph.store import GraphStore


@pytest.fixture
def polycypher(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], demo_store: GraphStore
) -> Command:
    """Run a command; the demo graph's server is there already."""

    def call(*words: str) -> tuple[int, str, str]:
        return command(*words, monkeypatch=monkeypatch, capsys=capsys)

    return call

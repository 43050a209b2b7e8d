"""Which credentials count for which graph."""

from __future__ import annotations

import pytest

from polycypher.graph.access import access_to

URI = "bolt://localhost:7687"
NONE = {"database": None, "user": None, "password": None}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for a server, set for every command."""
    for name in ("DATABASE", "USER", "PASSWORD"):
        monkeypatch.setenv(f"POLYCYPHER_{name}", f"set {name.lower()}")


def test_a_uri_takes_what_is_given(environment: None) -> None:
    given = {"database": "films", "user": "set user", "password": "secret"}
    assert access_to(URI, "films", "set user", "secret") == given


@pytest.mark.parametrize("graph", ["demo", None])
def test_what_the_environment_holds_is_left_out_elsewhere(environment: None, graph: str | None) -> None:
    assert access_to(graph, "set database", "set user", "set password") == NONE


def test_what_is_given_otherwise_stays_to_be_refused(environment: None) -> None:
    assert access_to("demo", "set database", "ada", None) == {**NONE, "user": "ada"}


def test_nothing_given_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE", "USER", "PASSWORD"):
        monkeypatch.delenv(f"POLYCYPHER_{name}", raising=False)
    assert access_to("demo", None, None, None) == access_to(URI, None, None, None) == NONE

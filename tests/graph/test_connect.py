"""`connect`: what a person may call a graph, and what they are told when it cannot be opened."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator

import pytest

from polycypher.errors import GraphAuthError, GraphUnavailable, PolycypherError, UsageError
from polycypher.graph import store as store_module
from polycypher.graph.client import Address
from polycypher.graph.connect import connect
from polycypher.graph.registry import GraphInfo
from polycypher.graph.store import GraphStore


@pytest.fixture
def address(store: GraphStore) -> Address:
    """The tiny graph's server, to be asked as one that somebody else runs."""
    assert store._lease is not None
    return store._lease.address


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_a_server_is_opened_by_its_uri(address: Address, scheme: str) -> None:
    uri = address.uri.replace("bolt", scheme)
    with connect(uri, user=address.user, password=address.password, database=address.database) as store:
        assert store.read("MATCH (p:Person) RETURN count(p) AS n").rows == ((5,),)


def test_user_and_password_may_stand_in_the_environment(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYCYPHER_USER", address.user or "")
    monkeypatch.setenv("POLYCYPHER_PASSWORD", address.password or "")
    with connect(address.uri, database=address.database) as store:
        assert store.read("RETURN 1 AS one").rows == ((1,),)
    with pytest.raises(GraphAuthError):
        connect(address.uri, password="wrong")


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"password": "wrong"}, GraphAuthError, "refuses the user or password; give --user"),
        ({"user": None}, GraphAuthError, "refuses the user or password"),
        ({"database": "nope"}, GraphAuthError, "refuses user 'reader' the database 'nope'"),
    ],
)
def test_what_the_server_refuses_is_told_at_once(
    address: Address, change: dict[str, str], kind: type[PolycypherError], reason: str
) -> None:
    given = {"user": address.user, "password": address.password, "database": address.database, **change}
    began = time.monotonic()
    with pytest.raises(kind, match=reason) as caught:
        connect(address.uri, **given)
    assert time.monotonic() - began < 5
    assert address.password is not None
    assert address.password not in str(caught.value)


@pytest.mark.parametrize("uri", ["bolt://127.0.0.1:{}", "neo4j://127.0.0.1:{}", "bolt+s://127.0.0.1:{}"])
def test_a_closed_port_is_told_in_seconds(uri: str) -> None:
    began = time.monotonic()
    with pytest.raises(GraphUnavailable, match="check that the server runs"):
        connect(uri.format(free_port()))
    assert time.monotonic() - began < 5


def test_a_host_that_does_not_exist_is_told() -> None:
    with pytest.raises(GraphUnavailable, match=r"no-such-host\.invalid"):
        connect("bolt://no-such-host.invalid:7687")


def test_a_silent_port_is_given_up(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CONNECT_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(GraphUnavailable, match=r"gave no answer in 0\.5 s"):
        connect(f"bolt://127.0.0.1:{silent_port}")
    assert time.monotonic() - began < 5


def test_encryption_where_there_is_none_is_told(address: Address) -> None:
    with pytest.raises(GraphUnavailable, match=r"encryption \(\+s\)"):
        connect(address.uri.replace("bolt", "bolt+s"), user=address.user, password=address.password)


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        ("http://localhost:7474", "'http://' is no graph address"),
        ("bolt://", "names no host"),
        ("bolt://localhost:99999", "is no address"),
        ("bolt://localhost:port", "is no address"),
        ("bolt://ada:secret@localhost:7687", "not in the URI"),
        ("bolt://ada:secret@localhost:99999", "not in the URI"),
        ("bolt://localhost:7687?a=b", "is no address of a graph"),
        ("../etc", "cannot name a graph"),
        ("", "cannot name a graph"),
    ],
)
def test_what_is_no_graph_is_refused(graph: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        connect(graph)
    assert "secret" not in str(caught.value)


def test_an_unknown_name_lists_the_known_ones(tiny: GraphInfo) -> None:
    with pytest.raises(UsageError, match=r"no graph 'nope'; known are: .*demo, .*tiny"):
        connect("nope")


def test_an_embedded_graph_takes_no_password(tiny: GraphInfo) -> None:
    with pytest.raises(UsageError, match="belong to a URI"):
        connect("tiny", password="x")


def test_passwords_are_not_shown(address: Address) -> None:
    assert address.password is not None
    assert address.password not in repr(address)


def test_the_driver_says_nothing_on_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    kept, root.handlers = root.handlers, []  # as in a program that sets no logging up
    try:
        with pytest.raises(GraphUnavailable):
            connect(f"neo4j://127.0.0.1:{free_port()}")
    finally:
        root.handlers = kept
    assert capfd.readouterr().err == ""

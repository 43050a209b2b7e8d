"""`connect`: from what a person calls a graph to a `GraphStore`.

Knows the three ways to name one: `demo`, a named embedded graph, and the URI of a running server.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from polycypher.errors import GraphAuthError, GraphError, GraphUnavailable, UsageError
from polycypher.graph.cache import fingerprint
from polycypher.graph.client import Address
from polycypher.graph.demo import DEMO, ensure_demo
from polycypher.graph.embedded import ServerLease
from polycypher.graph.falkordb import SCHEMES as FALKORDB
from polycypher.graph.registry import check_name, find_graph, list_graphs, loaded_at
from polycypher.graph.store import GraphStore
from polycypher.notices import Notice

_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc", *FALKORDB)


def connect(
    graph: str = "demo",
    *,
    database: str | None = None,
    user: str | None = None,
    password: str | None = None,
) -> GraphStore:
    """Open a graph for reading; close the store, or use it as a context manager.

    Args:
        graph: `demo`, the name of an embedded graph, or a URI: `bolt://…` or `neo4j://…` (`+s`, `+ssc`), or
            for FalkorDB `falkor://…` or `falkors://…`.
        database: the server's database, its default if not given; for FalkorDB the graph. Only with a URI.
        user: defaults to the environment's `POLYCYPHER_USER`. Only with a URI.
        password: defaults to the environment's `POLYCYPHER_PASSWORD`. Only with a URI.

    Raises:
        UsageError: no graph of that name; the message lists those there are.
        GraphUnavailable: nothing answers at the URI within seconds, or the embedded server cannot start.
        GraphAuthError: the server refuses the user or password.
    """
    if (parts := _URI.fullmatch(graph)) is not None:
        address = _address(graph, parts, database, user, password)
        key = fingerprint(_shown(graph), address.database, address.user)
        store = GraphStore(address, _shown(graph), key=key)
    else:
        if (database, user, password) != (None, None, None):
            raise UsageError(
                f"--database, --user and --password belong to a URI; the embedded graph '{graph}' needs none"
            )
        store = _embedded(graph)
    try:
        store.verify()
    except BaseException as error:
        store.close()
        if parts is not None and isinstance(error, GraphUnavailable | GraphAuthError):
            raise _hinted(error, parts["scheme"]) from None
        raise
    return store


def _hinted(error: GraphError, scheme: str) -> GraphError:
    """The error, with what else may be wrong about an address that asks for a cluster's routing table."""
    if not scheme.lower().startswith("neo4j") or "user or password" in str(error):
        return error
    kind = GraphAuthError if isinstance(error, GraphAuthError) else GraphUnavailable
    return kind(
        f"{error}; to one server alone, without a cluster, go by {scheme.replace('neo4j', 'bolt')}://"
    )


def _embedded(name: str) -> GraphStore:
    check_name(name)
    info = ensure_demo() if name == DEMO else find_graph(name)
    if info is None:
        known = ", ".join(sorted({DEMO, *(other.name for other in list_graphs())}))
        raise UsageError(
            f"there is no graph '{name}'; known are: {known}; load one first, or give a URI such as bolt://localhost:7687"
        )
    lease = ServerLease(info.path)
    key = fingerprint("embedded", str(info.path), str(loaded_at(info)))
    return GraphStore(lease.address, Notice("graph", name=name), lease, key=key)


def _address(
    uri: str,
    parts: re.Match[str],
    database: str | None,
    user: str | None,
    password: str | None,
) -> Address:
    scheme = parts["scheme"].lower()
    if scheme not in _SCHEMES:
        raise UsageError(f"'{scheme}://' is no graph address; use one of {', '.join(_SCHEMES)} with ://")
    if not parts["rest"].strip("/"):
        raise UsageError(f"'{uri}' names no host; give for example bolt://localhost:7687")
    if "@" in parts["rest"].split("/")[0]:
        raise UsageError("give user and password by --user and --password or the environment, not in the URI")
    try:
        urlsplit(uri).port  # noqa: B018  # raises where it is none: the driver takes 99999 for another port
    except ValueError as error:
        raise UsageError(f"'{uri}' is no address: {error}; give for example bolt://localhost:7687") from None
    return Address(
        uri,
        user if user is not None else os.environ.get("POLYCYPHER_USER"),
        password if password is not None else os.environ.get("POLYCYPHER_PASSWORD"),
        database,
    )


def _shown(uri: str) -> str:
    """The URI without what may be secret in its query part."""
    return uri.split("?")[0]

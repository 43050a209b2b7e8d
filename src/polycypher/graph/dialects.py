"""Which Cypher a connected server speaks: how to ask; what the answer means is data of `cypher.dialect`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from polycypher.cypher.dialect import OTHER, Dialect, detect, dialect, numbers
from polycypher.errors import QueryError
from polycypher.graph.client import Address, Client, Limits
from polycypher.graph.values import Value

_LIMITS = Limits(rows=20, seconds=5.0)


def dialect_of(client: Client, address: Address) -> Dialect:
    """The dialect of the server behind a client: by what it calls itself, its host, or its components.

    Where it does not tell, the dialect `other`, for which nothing is rewritten.

    Raises:
        GraphUnavailable: the server cannot be reached.
        GraphAuthError: it refuses the user or password.
    """
    host = urlsplit(address.uri).hostname or ""
    agent = client.agent()
    found = detect(agent, host=host)
    if found.name == OTHER:
        asked = _ask(client, "CALL dbms.components() YIELD name, versions RETURN name, versions")
        known = [(str(name), _first(versions)) for name, versions in (row[:2] for row in asked)]
        return detect(agent, host=host, components=known)
    if found.version_query and not found.version:
        asked = _ask(client, found.version_query)
        return dialect(found.name, numbers(_first(asked[0][0]) if asked else ""))
    return found


def _ask(client: Client, query: str) -> Sequence[tuple[Value, ...]]:
    try:
        return [row for row in client.fetch(query, limits=_LIMITS).rows if row]
    except QueryError:
        return ()


def _first(value: Value) -> str:
    if isinstance(value, list):
        return str(value[0]) if value else ""
    return str(value)

"""`GraphStore`: the one way the rest of the package reads a property graph.

Knows nothing of models. Every query passes `polycypher.cypher.guard` first, runs in a read transaction
and comes back within its limits of rows, bytes and seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from polycypher.cypher import guard
from polycypher.errors import GraphUnavailable, QueryTimeout, UsageError
from polycypher.graph.bolt import CONNECT_SECONDS, Address, BoltClient, Limits, Result
from polycypher.graph.failures import ConnectionLost
from polycypher.graph.introspect import read_schema
from polycypher.graph.stored import find_stored
from polycypher.schema import GraphSchema

__all__ = ["GraphStore", "Limits", "Result"]

_EMBEDDED_SECONDS = 30.0


class Lease(Protocol):
    """A hold on a server that stops when nobody holds it any more; see `polycypher.graph.embedded`."""

    @property
    def address(self) -> Address:
        """Where the held server answers."""

    @property
    def longest_seconds(self) -> float:
        """The longest limit of seconds that a query to this server may have."""

    def renew(self) -> Address:
        """Hold a server that answers, starting another if the one held is gone."""

    def stop(self, query: str, began: float) -> None:
        """End a query given up on that began then (Unix epoch); raises nothing."""

    def close(self) -> None:
        """Let go."""


class GraphStore:
    """Read access to one graph. A context manager; safe to share between threads.

    Args:
        address: server, user and database.
        name: what messages call the graph.
        lease: for an embedded graph, the hold on its server; `close` lets go of it.
    """

    def __init__(self, address: Address, name: str, lease: Lease | None = None) -> None:
        self.name = name
        self._lease = lease
        self._client = self._opened(address)
        self._renewing = threading.Lock()
        self._closed = False
        self._schema: GraphSchema | None = None

    def read(self, query: str, *, limits: Limits | None = None) -> Result:
        """Run one read-only query.

        An embedded server that has gone away (its process was killed) is started again, and the query
        sent to it, unless it may have been this query that brought the server down.

        Raises:
            UsageError: `limits.seconds` is longer than an embedded server lets a query run.
            GuardError: the query would write, or calls what may; it reaches no server.
            QueryRejected: the database rejects the query.
            QueryTimeout: it took longer than `limits.seconds`.
            GraphUnavailable: the server cannot be reached or went away.
            GraphAuthError: the server refuses the user or password.
        """
        limits = limits or Limits()
        if self._lease is not None and limits.seconds > self._lease.longest_seconds:
            raise UsageError(
                f"{self.name} is embedded and runs a query for {self._lease.longest_seconds:g} s at most, "
                f"not {limits.seconds:g} s; lower the limit of seconds, or use a server of your own"
            )
        return self._run(guard.check(query), limits)

    def schema(self, *, refresh: bool = False) -> GraphSchema:
        """Labels, relationship types, properties and patterns; read once and kept until `refresh`.

        An empty graph gives an empty (false) schema. Names that no query may hold are left out of it.

        Raises:
            QueryRejected: the database rejects plain Cypher over MATCH.
            GraphUnavailable: the server cannot be reached, went away, or is too slow for it.
            GraphAuthError: the server refuses the user or password.
        """
        if self._schema is None or refresh:
            try:
                self._schema = read_schema(lambda query, limits: self._run(guard.check(query), limits))
            except QueryTimeout:
                raise GraphUnavailable(
                    f"the schema of {self.name} could not be read in time; "
                    "try again when its server is less busy"
                ) from None
        return self._schema

    def stored(self, texts: Sequence[str]) -> dict[str, frozenset[tuple[str, str]]]:
        """Those of `texts`, whatever their case, that the graph stores: text → (label or type, property).

        Bounded to about a second; what is not found in time is not told.
        """
        return find_stored(lambda query, limits: self._run(guard.check(query), limits), self.schema(), texts)

    def verify(self) -> None:
        """Raise `GraphUnavailable` or `GraphAuthError` within seconds if the graph cannot be read."""
        # An embedded server is known to be there: it may take its time on a busy machine.
        self._client.verify(CONNECT_SECONDS if self._lease is None else _EMBEDDED_SECONDS)

    def close(self) -> None:
        """Close the connections; an embedded server stops when its last user has closed."""
        self._closed = True
        self._client.close()
        if self._lease is not None:
            self._lease.close()

    def __enter__(self) -> GraphStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, query: str, limits: Limits) -> Result:
        client = self._client
        try:
            return self._fetch(client, query, limits)
        except ConnectionLost as error:
            if self._lease is None or self._closed or error.sent:
                raise
        return self._fetch(self._renewed(client), query, limits)

    def _fetch(self, client: BoltClient, query: str, limits: Limits) -> Result:
        self._refuse_closed()
        began = time.time()
        try:
            return client.fetch(query, limits=limits)
        except (QueryTimeout, KeyboardInterrupt):
            if self._lease is not None:
                self._lease.stop(query, began)
            raise
        except ConnectionLost as error:
            if self._lease is None or not error.sent:
                raise
            raise ConnectionLost(  # not sent again: it may be what brought the server down
                f"the server of {self.name} went away while the query ran; "
                "it is started again for the next one",
                sent=True,
            ) from error

    def _renewed(self, broken: BoltClient) -> BoltClient:
        with self._renewing:
            self._refuse_closed()
            if self._client is broken:  # else another thread has renewed it meanwhile
                assert self._lease is not None
                address = self._lease.renew()
                if self._closed:  # while it was renewed: nobody else would let go of it
                    self._lease.close()
                    self._refuse_closed()
                self._client = self._opened(address)
            broken.close()
            return self._client

    def _opened(self, address: Address) -> BoltClient:
        if self._lease is None:
            return BoltClient(address, self.name)
        return BoltClient(address, self.name, idle_seconds=0.0)  # so that a lost query is known to be one

    def _refuse_closed(self) -> None:
        if self._closed:
            raise GraphUnavailable(f"{self.name} is closed; connect again")

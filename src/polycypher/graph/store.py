"""`GraphStore`: the one way the rest of the package reads a property graph.

Knows nothing of models. Every query passes `polycypher.cypher.guard` first, runs in a read transaction
and comes back within its limits of rows, bytes and seconds.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Protocol

from polycypher.cypher import guard
from polycypher.errors import GraphUnavailable, QueryTimeout
from polycypher.graph.bolt import CONNECT_SECONDS, Address, BoltClient, Limits, Result
from polycypher.graph.introspect import read_schema
from polycypher.schema import GraphSchema

__all__ = ["GraphStore", "Limits", "Result"]

_EMBEDDED_SECONDS = 30.0


class Lease(Protocol):
    """A hold on a server that stops when nobody holds it any more; see `polycypher.graph.embedded`."""

    @property
    def address(self) -> Address:
        """Where the held server answers."""

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
        self._client = BoltClient(address, name)
        self._lease = lease
        self._renewing = threading.Lock()
        self._closed = False
        self._schema: GraphSchema | None = None

    def read(self, query: str, *, limits: Limits | None = None) -> Result:
        """Run one read-only query.

        An embedded server that has gone away (its process was killed) is started again once.

        Raises:
            GuardError: the query would write, or calls what may; it reaches no server.
            QueryRejected: the database rejects the query.
            QueryTimeout: it took longer than `limits.seconds`.
            GraphUnavailable: the server cannot be reached or went away.
            GraphAuthError: the server refuses the user or password.
        """
        return self._run(guard.check(query), limits or Limits())

    def schema(self, *, refresh: bool = False) -> GraphSchema:
        """Labels, relationship types, properties and patterns; read once and kept until `refresh`.

        An empty graph gives an empty (false) schema. Raises as `read` does.
        """
        if self._schema is None or refresh:
            self._schema = read_schema(self._run)
        return self._schema

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, query: str, limits: Limits) -> Result:
        client = self._client
        try:
            return self._fetch(client, query, limits)
        except GraphUnavailable:
            if self._lease is None or self._closed:
                raise
        return self._fetch(self._renewed(client), query, limits)

    def _fetch(self, client: BoltClient, query: str, limits: Limits) -> Result:
        if self._closed:
            raise GraphUnavailable(f"{self.name} is closed; connect again")
        began = time.time()
        try:
            return client.fetch(query, limits=limits)
        except (QueryTimeout, KeyboardInterrupt):
            if self._lease is not None:
                self._lease.stop(query, began)
            raise

    def _renewed(self, broken: BoltClient) -> BoltClient:
        with self._renewing:
            if self._client is broken:  # else another thread has renewed it meanwhile
                assert self._lease is not None
                self._client = BoltClient(self._lease.renew(), self.name)
                broken.close()
            return self._client

"""`GraphStore`: the one way the rest of the package reads a property graph.

Knows nothing of models. Every query passes `polycypher.cypher.guard` first, is said in the server's own
Cypher, runs in a read transaction and comes back within its limits of rows, bytes and seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from polycypher.cypher import guard
from polycypher.cypher.dialect import Dialect
from polycypher.cypher.dialect import dialect as known_dialect
from polycypher.cypher.dialect_rewrite import to_dialect
from polycypher.errors import GraphUnavailable, QueryTimeout, UsageError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.client import CONNECT_SECONDS, Address, Client, Limits, Result
from polycypher.graph.dialects import dialect_of
from polycypher.graph.failures import ConnectionLost
from polycypher.graph.falkordb import SCHEMES, FalkorClient
from polycypher.graph.knowledge import GraphKnowledge
from polycypher.graph.known_values import KnownValues
from polycypher.graph.near import Near
from polycypher.graph.value_index import ValueIndex
from polycypher.schema import GraphSchema

__all__ = ["GraphStore", "Limits", "Result"]

_EMBEDDED = "arcadedb"
_EMBEDDED_SECONDS = 30.0
_MOST_QUERIES = 200
"""Queries of which it is remembered how they are said."""
_LONGEST = 2_000
"""Characters; a longer query is not remembered."""


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
        key: names the graph in the user's cache folder; empty keeps nothing of it there.
        dialect: the server's Cypher; None asks the server.
    """

    def __init__(
        self,
        address: Address,
        name: str,
        lease: Lease | None = None,
        *,
        key: str = "",
        dialect: Dialect | None = None,
    ) -> None:
        self.name = name
        self._lease = lease
        self._client = self._opened(address)
        self._renewing = threading.Lock()
        self._closed = False
        self._address = address
        self._dialect = dialect or (known_dialect(_EMBEDDED) if lease is not None else None)
        self._knowledge = GraphKnowledge(self._read_plain, name, key)
        # What is loaded into an embedded graph is another graph, with another key.
        self._values = KnownValues(self._read_plain, self.schema, key, fixed=lease is not None)
        # The same questions come again and give the same queries. The guard looks at each all the same.
        self._said = lru_cache(maxsize=_MOST_QUERIES)(self._say)

    @property
    def dialect(self) -> Dialect:
        """The server's Cypher, asked once; see `polycypher.cypher.dialect`.

        Raises:
            GraphUnavailable: the server cannot be reached.
            GraphAuthError: the server refuses the user or password.
        """
        if self._dialect is None:
            self._refuse_closed()
            self._dialect = dialect_of(self._client, self._address)
        return self._dialect

    def read(self, query: str, *, limits: Limits | None = None, explain: bool = False) -> Result:
        """Run one read-only query, said in the server's dialect.

        An embedded server that has gone away (its process was killed) is started again, and the query
        sent to it, unless it may have been this query that brought the server down.

        Args:
            query: in the Cypher that the guard reads.
            limits: rows, seconds and bytes; `Limits()` if None.
            explain: have the server plan the query first, so that one that it cannot plan is refused before
                anything runs; without effect where a server cannot plan alone.

        Raises:
            UsageError: `limits.seconds` is longer than an embedded server lets a query run.
            GuardError: the query would write, or calls what may; it reaches no server.
            QueryRejected: the database rejects the query, or its dialect has no way to say it.
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
        checked = guard.check(query)
        said = self._said(checked) if len(checked) <= _LONGEST else self._say(checked)
        if explain and self.dialect.explains:
            self._run(said, limits, plan=True)
        result = self._run(said, limits)
        return result if said == checked else replace(result, query=said)

    def schema(self, *, refresh: bool = False) -> GraphSchema:
        """Labels, relationship types, properties and patterns; read once an hour, or when told to `refresh`.

        An empty graph gives an empty (false) schema. Names that no query may hold are left out of it. The
        schema of a large graph is read in part (`schema_notices` says so) and kept in the cache folder.

        Raises:
            QueryRejected: the database rejects plain Cypher over MATCH.
            GraphUnavailable: the server cannot be reached, went away, or is too slow for it.
            GraphAuthError: the server refuses the user or password.
        """
        return self._knowledge.schema(refresh=refresh)

    @property
    def schema_notices(self) -> tuple[str, ...]:
        """Sentences for the user about the schema last read: what was only sampled, or that it is old."""
        return self._knowledge.notices

    def stored(self, question: str, texts: Sequence[str]) -> dict[str, frozenset[tuple[str, str]]]:
        """Those of `texts`, whatever their case, that the graph stores: text → (label or type, property).

        Taken from the index of stored values where it is complete, else asked of the graph: bounded to about
        a second then, and what is not found in time is not told.

        Args:
            question: as asked.
            texts: parts of it that may be values.
        """
        return self._values.stored(question, texts)

    def near(
        self,
        question: str,
        texts: Sequence[str],
        stored: dict[str, frozenset[tuple[str, str]]],
        *,
        languages: Sequence[str] = (),
    ) -> Near:
        """The question with stored values in the place of misspelt or translated ones.

        Takes an index of the stored values, which is built when a question first needs it: for a second at
        most, the rest beside.

        Args:
            question: as asked.
            texts: parts of it that may be values.
            stored: those that are stored as they are, from `stored`.
            languages: of the model; whose names of countries, languages and months are understood.
        """
        return self._values.near(question, texts, stored, languages)

    def build_values(self, *, seconds: float | None = None) -> ValueIndex:
        """Build the index of stored values now, and keep it; bounded to `seconds`, 20 if None."""
        return self._values.build(**({} if seconds is None else {"seconds": seconds}))

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

    def _say(self, checked: str) -> str:
        """A query in the server's Cypher."""
        return to_dialect(checked, self.dialect)

    def _read_plain(self, query: str, limits: Limits) -> Result:
        """Run a query of this package's own, which every server understands."""
        return self._run(guard.check(query), limits)

    def _run(self, query: str, limits: Limits, *, plan: bool = False) -> Result:
        client = self._client
        try:
            return self._fetch(client, query, limits, plan)
        except ConnectionLost as error:
            if self._lease is None or self._closed or error.sent:
                raise
        return self._fetch(self._renewed(client), query, limits, plan)

    def _fetch(self, client: Client, query: str, limits: Limits, plan: bool) -> Result:
        self._refuse_closed()
        began = time.time()
        try:
            if plan:
                client.plan(query, limits=limits)
                return Result((), (), False, 0.0)
            return client.fetch(query, limits=limits)
        except (QueryTimeout, KeyboardInterrupt):
            if self._lease is not None:
                self._lease.stop(f"EXPLAIN {query}" if plan else query, began)
            raise
        except ConnectionLost as error:
            if self._lease is None or not error.sent:
                raise
            raise ConnectionLost(  # not sent again: it may be what brought the server down
                f"the server of {self.name} went away while the query ran; "
                "it is started again for the next one",
                sent=True,
            ) from error

    def _renewed(self, broken: Client) -> Client:
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

    def _opened(self, address: Address) -> Client:
        if address.uri.split("://")[0] in SCHEMES:
            return FalkorClient(address, self.name)
        if self._lease is None:
            return BoltClient(address, self.name)
        return BoltClient(address, self.name, idle_seconds=0.0)  # so that a lost query is known to be one

    def _refuse_closed(self) -> None:
        if self._closed:
            raise GraphUnavailable(f"{self.name} is closed; connect again")

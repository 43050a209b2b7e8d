"""FalkorDB by its own client: one query within limits, over the protocol of Redis.

An optional part: `pip install 'polycypher[falkordb]'`. Knows nothing of guards or schemas. Every query goes
by `GRAPH.RO_QUERY`, which the server itself keeps from writing. The server sends a result in one piece, so
a query gets the limit of rows as its own LIMIT where it has none.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from polycypher.cypher.lexer import tokenize
from polycypher.cypher.syntax import Role, read_structure
from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    PolycypherError,
    QueryError,
    QueryRejected,
    QueryTimeout,
    UsageError,
)
from polycypher.graph.background import wait
from polycypher.graph.client import CONNECT_SECONDS, Address, Limits, Result
from polycypher.graph.failures import REJECTED, ConnectionLost, one_line
from polycypher.graph.falkordb_values import from_falkordb
from polycypher.graph.values import approximate_bytes

if TYPE_CHECKING:
    from falkordb.asyncio import FalkorDB
    from falkordb.asyncio.graph import AsyncGraph

SCHEMES = ("falkor", "falkors")
"""The schemes of its addresses; `falkors` is encrypted."""

_CLOSE_SECONDS = 2.0


class FalkorClient:
    """A lazily opened client for one graph of a FalkorDB server. Safe to share between threads.

    Args:
        address: `falkor://host:port` with the graph's name as path or as database; user and password.
        name: what messages call the graph.
    """

    def __init__(self, address: Address, name: str) -> None:
        self.address = address
        self.name = name
        self._server: FalkorDB | None = None
        self._graph: AsyncGraph | None = None
        self._opening = threading.Lock()
        self._takes_timeout = True

    def verify(self, seconds: float = CONNECT_SECONDS) -> None:
        """Ask for one row, so that a wrong address, password or graph shows now; raises as `fetch`."""
        try:
            self.fetch("RETURN 1 AS one", limits=Limits(rows=1, seconds=seconds))
        except QueryTimeout:
            raise GraphUnavailable(
                f"{self.name} accepts a connection but gave no answer in {seconds:g} s; "
                "check that it is FalkorDB's port and that the server is not overloaded"
            ) from None

    def fetch(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: Limits,
        write: bool = False,
    ) -> Result:
        """Run one query, read-only unless `write`, and take its rows.

        Raises:
            UsageError: the package `falkordb` is not there, or the graph is not named.
            QueryRejected: the server refuses the query.
            QueryTimeout: it took longer than `limits.seconds`; server and connection give it up.
            GraphUnavailable: no connection, it broke, or the server has no such graph.
            GraphAuthError: the user or password is refused.
        """
        return wait(self._fetch(query, dict(parameters or {}), limits, write), self.name)

    def plan(self, query: str, *, limits: Limits) -> None:
        """Have the server plan the query by `GRAPH.EXPLAIN`, which runs nothing; raises as `fetch`."""
        wait(self._within(limits, lambda graph: graph.explain(query)), self.name)

    def agent(self) -> str:
        """`FalkorDB/` and the module's version, where the user may ask for it."""
        return wait(self._agent(), self.name)

    def close(self) -> None:
        """Close every connection. The client opens anew if it is used again."""
        with self._opening:
            server, self._server, self._graph = self._server, None, None
        if server is not None:
            try:
                wait(asyncio.wait_for(server.aclose(), _CLOSE_SECONDS), self.name)
            except (PolycypherError, TimeoutError):
                return  # the server is gone already: nothing is left to close

    # ------------------------------------------------------------------ inside

    async def _fetch(self, query: str, parameters: dict[str, Any], limits: Limits, write: bool) -> Result:
        began = time.monotonic()
        text = query if write else limited(query, limits.rows + 1)

        async def run(graph: AsyncGraph) -> Any:
            milliseconds = max(1, int(limits.seconds * 1000)) if self._takes_timeout else None
            work = graph.query if write else graph.ro_query
            return await work(text, params=parameters or None, timeout=milliseconds)

        try:
            found = await self._within(limits, run)
        except QueryRejected as error:
            if "TIMEOUT" not in str(error) or not self._takes_timeout:
                raise
            self._takes_timeout = False  # the server's own limit is lower, and it holds without a word
            found = await self._within(limits, run)
        columns = tuple(str(name) for _, name in found.header)
        rows: list[tuple[Any, ...]] = []
        size, truncated = 0, len(found.result_set) > limits.rows
        for record in found.result_set[: limits.rows]:
            row = tuple(from_falkordb(value) for value in record)
            size += sum(map(approximate_bytes, row))
            if size > limits.bytes:
                truncated = True
                break
            rows.append(row)
        return Result(columns, tuple(rows), truncated, (time.monotonic() - began) * 1000)

    async def _within(self, limits: Limits, work: Any) -> Any:
        """Run `work` on the graph within the limit of seconds, and tell its failures apart."""
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(limits.seconds):
                graph = await asyncio.to_thread(self._open)  # the client's constructor waits for an answer
                return await work(graph)
        except TimeoutError:
            raise QueryTimeout(
                f"the query took longer than {limits.seconds:g} s and was stopped; "
                "ask for less, or raise the limit of seconds"
            ) from None
        except UnicodeEncodeError:
            raise QueryRejected(
                "the query, or a value given to it, holds half of a surrogate pair, which is no character; "
                "take it out"
            ) from None
        except (RedisError, OSError) as error:
            raise _explained(error, self.name, limits.seconds) from error

    async def _agent(self) -> str:
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.to_thread(self._open)
                assert self._server is not None
                modules = await self._server.connection.execute_command("MODULE LIST")
        except (RedisError, OSError, TimeoutError):
            return "FalkorDB"
        versions = [module["ver"] for module in modules if module.get("name") == "graph"]
        if not versions:
            return "FalkorDB"
        number = int(versions[0])
        return f"FalkorDB/{number // 10_000}.{number // 100 % 100}.{number % 100}"

    def _open(self) -> AsyncGraph:
        with self._opening:
            if self._graph is None:
                self._server = _server(self.address, self.name)
                self._graph = self._server.select_graph(_graph_name(self.address, self.name))
            return self._graph


def limited(query: str, rows: int) -> str:
    """The query with a LIMIT of `rows`, where it is one RETURN without a LIMIT of its own."""
    try:
        structure = read_structure(tokenize(query))
    except QueryError:
        return query  # the server says what is wrong with it
    returns = [found for found in structure.projections if found.depth == 0 and found.clause == "RETURN"]
    if len(returns) != 1 or 0 in structure.unions or returns[0].tail[1] != len(structure.words):
        return query
    tail = structure.words[slice(*returns[0].tail)]
    if any(word.role is Role.KEYWORD and word.text.upper() == "LIMIT" for word in tail):
        return query
    return f"{query.rstrip().rstrip(';')} LIMIT {rows}"


def _server(address: Address, name: str) -> FalkorDB:
    try:
        from falkordb.asyncio import FalkorDB
    except ImportError:
        raise UsageError(
            "graphs of FalkorDB need an optional part; install it: pip install 'polycypher[falkordb]'"
        ) from None
    parts = urlsplit(address.uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    server: FalkorDB = FalkorDB.from_url(
        f"{parts.scheme}://{host}:{parts.port or 6379}",
        username=address.user,
        password=address.password,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
        protocol=2,  # as the client itself asks for where no pool is made from an address
        client_name="polycypher",
    )
    return server


def _graph_name(address: Address, name: str) -> str:
    graph = address.database or urlsplit(address.uri).path.strip("/")
    if not graph:
        raise UsageError(f"{name} may hold many graphs; name one with --database, or as path of the address")
    return graph


def _explained(error: Exception, name: str, seconds: float) -> PolycypherError:
    """The error of this package that one of the client means; its message is one line."""
    from redis import exceptions

    text = one_line(str(error).removeprefix("errMsg: "))
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return GraphAuthError(
            f"{name} refuses the user or password, or what the user may do ({text}); give --user and "
            "--password, or set POLYCYPHER_USER and POLYCYPHER_PASSWORD"
        )
    if isinstance(error, exceptions.ResponseError):
        if "timed out" in text.lower():
            return QueryTimeout(
                f"the server stopped the query within the limit of {seconds:g} s ({text}); ask for less"
            )
        if "empty key" in text or "WRONGTYPE" in text:
            return GraphUnavailable(f"{name} has no such graph ({text}); give its name with --database")
        if "pending queries" in text or text.startswith(("BUSY", "LOADING", "MAXCLIENTS")):
            return GraphUnavailable(f"{name} is too busy to answer ({text}); try again")
        return QueryRejected(REJECTED + text)
    return ConnectionLost(
        f"{name} cannot be reached or went away ({text}); "
        "check that the server runs, and that address, port and encryption (falkors) are right",
        sent=True,
    )

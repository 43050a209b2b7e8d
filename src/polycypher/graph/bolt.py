"""One Bolt connection to one database: run a query within limits, and tell its failures apart.

Knows nothing of guards, schemas or embedded servers. Queries run on the loop of `graph.background`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    PolycypherError,
    QueryRejected,
    QueryTimeout,
    UsageError,
)
from polycypher.graph.background import wait
from polycypher.graph.client import CONNECT_SECONDS, Address, Limits, Result
from polycypher.graph.failures import REJECTED, explain, one_line
from polycypher.graph.values import Value, approximate_bytes, from_driver

if TYPE_CHECKING:
    from neo4j import AsyncDriver

_FETCH_ROWS = 500
_IDLE_SECONDS = 30.0

_SILENT = logging.NullHandler()


class BoltClient:
    """A lazily opened driver for one `Address`. Safe to share between threads.

    Args:
        address: server, user and database.
        name: what messages call the graph, for example `bolt://localhost:7687`.
        idle_seconds: a connection idle for longer is tried before a query is sent on it. With 0 no query
            is lost to a connection that broke between two queries, for one more message a query.
    """

    def __init__(self, address: Address, name: str, *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self.address = address
        self.name = name
        self._idle_seconds = idle_seconds
        self._driver: AsyncDriver | None = None
        self._opening = threading.Lock()
        self._agent = ""

    def verify(self, seconds: float = CONNECT_SECONDS) -> None:
        """Ask for one row, so that a wrong address, password or database shows now and not later.

        Raises:
            GraphUnavailable: nothing answers, or it has no such database.
            GraphAuthError: the user or password is refused, or may not open the database.
        """
        try:
            self.fetch("RETURN 1 AS one", limits=Limits(rows=1, seconds=seconds))
        except QueryTimeout:
            raise GraphUnavailable(
                f"{self.name} accepts a connection but gave no answer in {seconds:g} s; "
                "check that it is a Bolt port and that the server is not overloaded"
            ) from None
        except QueryRejected as error:
            database = self.address.database or "(default)"
            reason = str(error).removeprefix(REJECTED)
            raise GraphAuthError(
                f"{self.name} refuses user '{self.address.user or ''}' the database '{database}' ({reason}); "
                "check the database's name and the user's rights"
            ) from None

    def fetch(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: Limits,
        write: bool = False,
    ) -> Result:
        """Run one query in its own transaction, a read transaction unless `write`, and take its rows.

        Raises:
            QueryRejected: the server refuses the query, or a text in it cannot be sent.
            QueryTimeout: it took longer than `limits.seconds`; the connection is cut.
            GraphUnavailable: no connection, or it broke (`ConnectionLost` says whether it was sent).
            GraphAuthError: the user or password is refused.
        """
        return wait(self._fetch(query, dict(parameters or {}), limits, write), self.name)

    def plan(self, query: str, *, limits: Limits) -> None:
        """Send the query behind EXPLAIN, for servers that then plan it and run nothing; raises as `fetch`."""
        self.fetch(f"EXPLAIN {query}", limits=limits)

    def agent(self) -> str:
        """What the server called itself in the handshake; raises as `fetch`."""
        if not self._agent:
            self.fetch("RETURN 1 AS one", limits=Limits(rows=1, seconds=CONNECT_SECONDS))
        return self._agent

    def close(self) -> None:
        """Close every connection. The client opens anew if it is used again."""
        with self._opening:
            driver, self._driver = self._driver, None
        if driver is not None:
            try:
                wait(asyncio.wait_for(driver.close(), 2.0), self.name)
            except (PolycypherError, TimeoutError):
                return  # the server is gone already: nothing is left to close

    # ------------------------------------------------------------------ inside

    def _open(self) -> AsyncDriver:
        with self._opening:
            if self._driver is None:
                self._driver = _driver(self.address, self.name, self._idle_seconds)
            return self._driver

    async def _fetch(self, query: str, parameters: dict[str, Any], limits: Limits, write: bool) -> Result:
        import neo4j
        from neo4j.exceptions import DriverError, Neo4jError

        began = time.monotonic()
        session = self._open().session(
            database=self.address.database,
            default_access_mode=neo4j.WRITE_ACCESS if write else neo4j.READ_ACCESS,
            fetch_size=min(_FETCH_ROWS, limits.rows + 1),
        )
        try:
            async with asyncio.timeout(limits.seconds):
                result = await session.run(neo4j.Query(query, timeout=limits.seconds), parameters)
                columns = tuple(result.keys())
                rows, truncated = await _take(result, limits)
                elapsed = (time.monotonic() - began) * 1000
                if not truncated:
                    summary = await result.consume()  # commits a write, tells of an error after the last row
                    self._agent = summary.server.agent or ""
                    await session.close()
        except TimeoutError:
            raise QueryTimeout(
                f"the query took longer than {limits.seconds:g} s and was stopped; "
                "ask for less, or raise the limit of seconds"
            ) from None
        except RecursionError:
            raise QueryRejected(
                "the result holds lists or maps too deep inside one another to be read; ask for a flatter one"
            ) from None
        except UnicodeEncodeError:
            raise QueryRejected(
                "the query, or a value given to it, holds half of a surrogate pair, which is no character; "
                "take it out"
            ) from None
        except (Neo4jError, DriverError, OSError) as error:
            raise explain(error, self.name, limits.seconds) from error
        finally:
            session.cancel()  # drops the connection if it is still held: no more is wanted of it
            await session.close()
        return Result(columns, tuple(rows), truncated, elapsed)


async def _take(result: Any, limits: Limits) -> tuple[list[tuple[Value, ...]], bool]:
    rows: list[tuple[Value, ...]] = []
    size = 0
    async for record in result:
        if len(rows) == limits.rows:
            return rows, True
        row = tuple(from_driver(value) for value in record.values())
        size += sum(map(approximate_bytes, row))
        if size > limits.bytes:
            return rows, True
        rows.append(row)
    return rows, False


def _driver(address: Address, name: str, idle_seconds: float) -> AsyncDriver:
    import neo4j
    from neo4j.exceptions import ConfigurationError

    # Errors that are raised anyway, and a server's hints, would reach the terminal by logging's last resort.
    logging.getLogger("neo4j").addHandler(_SILENT)
    try:
        return neo4j.AsyncGraphDatabase.driver(
            address.uri,
            auth=(address.user, address.password or "") if address.user else None,
            connection_timeout=CONNECT_SECONDS,
            connection_acquisition_timeout=CONNECT_SECONDS,
            max_transaction_retry_time=0,
            keep_alive=True,
            liveness_check_timeout=idle_seconds,
            user_agent="polycypher",
            telemetry_disabled=True,
        )
    except (ConfigurationError, ValueError) as error:
        raise UsageError(
            f"'{name}' is no address of a graph: {one_line(str(error))}; "
            "give for example bolt://localhost:7687 or neo4j+s://host"
        ) from None

"""One Bolt connection to one database: run a query within limits, and tell its failures apart.

Knows nothing of guards, schemas or embedded servers. Every query runs on one background event loop,
because the driver's asynchronous side is the one that can be cancelled: a query past its time is cut by
dropping the connection, whatever the server thinks of its own timeout.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError as FutureCancelled
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    PolycypherError,
    QueryRejected,
    QueryTimeout,
    UsageError,
)
from polycypher.graph.failures import REJECTED, explain, one_line
from polycypher.graph.values import Value, approximate_bytes, from_driver

if TYPE_CHECKING:
    from neo4j import AsyncDriver

CONNECT_SECONDS = 5.0
"""How long a server may take to answer the first handshake."""

LONGEST_SECONDS = 86_400.0
"""The longest limit of seconds a query may have: one day."""

_FETCH_ROWS = 500
_IDLE_SECONDS = 30.0

_SILENT = logging.NullHandler()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost: rows returned, seconds in all, and bytes of values (as text, roughly)."""

    rows: int = 1000
    seconds: float = 10.0
    bytes: int = 16_000_000

    def __post_init__(self) -> None:
        if self.rows < 0 or self.bytes < 0 or not 0 < self.seconds <= LONGEST_SECONDS:
            raise UsageError(
                "limits must be positive: rows, seconds and bytes; "
                f"and {LONGEST_SECONDS:,.0f} seconds are the most"
            )


@dataclass(frozen=True, slots=True)
class Result:
    """Rows in the order the server gave them, each as wide as `columns`.

    `truncated` says that a row or byte limit cut the rest off. Some servers name no columns when there
    are no rows; `columns` is then empty. Two columns may bear the same name.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    truncated: bool
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database answers and as whom to ask it; the password is left out of `repr`."""

    uri: str
    user: str | None
    password: str | None
    database: str | None

    def __repr__(self) -> str:
        return f"Address({self.uri!r}, user={self.user!r}, database={self.database!r})"


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
        return self._wait(self._fetch(query, dict(parameters or {}), limits, write))

    def close(self) -> None:
        """Close every connection. The client opens anew if it is used again."""
        with self._opening:
            driver, self._driver = self._driver, None
        if driver is not None:
            try:
                self._wait(asyncio.wait_for(driver.close(), 2.0))
            except (PolycypherError, TimeoutError):
                return  # the server is gone already: nothing is left to close

    # ------------------------------------------------------------------ inside

    def _open(self) -> AsyncDriver:
        with self._opening:
            if self._driver is None:
                self._driver = _driver(self.address, self.name, self._idle_seconds)
            return self._driver

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, _background_loop())
        try:
            return future.result()
        except FutureCancelled:
            raise GraphUnavailable(f"the connection to {self.name} was closed while a query ran") from None
        except BaseException:
            future.cancel()  # Ctrl-C in the waiting thread: the query must not outlive the wish for it
            raise

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
                    await result.consume()  # commits a write, and tells of an error after the last row
                    await session.close()
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


_loop: asyncio.AbstractEventLoop | None = None
_loop_owner = 0
_loop_lock = threading.Lock()


def _background_loop() -> asyncio.AbstractEventLoop:
    """The process's event loop for Bolt, on a daemon thread; made anew in a forked child."""
    global _loop, _loop_owner
    with _loop_lock:
        if _loop is None or _loop_owner != os.getpid():
            _loop = asyncio.new_event_loop()
            _loop_owner = os.getpid()
            threading.Thread(target=_loop.run_forever, name="polycypher-bolt", daemon=True).start()
        return _loop

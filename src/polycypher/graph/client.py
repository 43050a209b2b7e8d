"""What a client of a graph database does, whatever it speaks: run one query within limits.

`BoltClient` and `FalkorClient` are the two there are. Knows nothing of guards, schemas or vendors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from polycypher.errors import UsageError
from polycypher.graph.values import Value

CONNECT_SECONDS = 5.0
"""How long a server may take to answer the first handshake."""

LONGEST_SECONDS = 86_400.0
"""The longest limit of seconds a query may have: one day."""


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
    are no rows; `columns` is then empty. Two columns may bear the same name. `query` is the text that was
    sent where it is another than what was asked (see `polycypher.cypher.dialect_rewrite`), else empty.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    truncated: bool
    elapsed_ms: float
    query: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database answers and as whom to ask it; the password is left out of `repr`."""

    uri: str
    user: str | None
    password: str | None
    database: str | None

    def __repr__(self) -> str:
        return f"Address({self.uri!r}, user={self.user!r}, database={self.database!r})"


class Client(Protocol):
    """A lazily opened connection to one database. Safe to share between threads."""

    def verify(self, seconds: float = CONNECT_SECONDS) -> None:
        """Raise `GraphUnavailable` or `GraphAuthError` within seconds if the database cannot be read."""

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
            QueryTimeout: it took longer than `limits.seconds`.
            GraphUnavailable: no connection, or it broke.
            GraphAuthError: the user or password is refused.
        """

    def plan(self, query: str, *, limits: Limits) -> None:
        """Have the server plan a query without running it; raises as `fetch`."""

    def agent(self) -> str:
        """What the server calls itself; empty if it does not say. Raises as `fetch`."""

    def close(self) -> None:
        """Close every connection. The client opens anew if it is used again."""

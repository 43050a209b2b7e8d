"""What went wrong on a Bolt connection, as an error of this package with a message of one line.

Knows the driver's exceptions and the codes of several vendors' servers; opens no connection itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    PolycypherError,
    QueryRejected,
    QueryTimeout,
    UsageError,
)

REJECTED = "the database rejects the query: "
"""How every message of `QueryRejected` that tells the database's own words begins."""

_LONGEST_MESSAGE = 300
_UNCONNECTED = "Couldn't connect to "
"""How the driver's message begins after every attempt to connect has failed."""


class ConnectionLost(GraphUnavailable):
    """No connection, or it broke. `sent` is false where the query certainly never reached the server."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def explain(error: Exception, name: str, seconds: float) -> PolycypherError:
    """The error of this package that a driver's exception means; its message is one line.

    Args:
        error: what the driver raised.
        name: what the message calls the graph.
        seconds: the limit that was in force, for the message of a timeout.
    """
    from neo4j import exceptions

    code = str(getattr(error, "code", None) or "")
    text = one_line(str(getattr(error, "message", None) or error))
    if "TimedOut" in code or ("timeout" in text.lower() and isinstance(error, exceptions.TransientError)):
        return QueryTimeout(
            f"the server stopped the query within the limit of {seconds:g} s ({text}); ask for less"
        )
    if isinstance(error, exceptions.AuthError) or "AuthenticationRateLimit" in code:
        return GraphAuthError(
            f"{name} refuses the user or password; give --user and --password, "
            "or set POLYCYPHER_USER and POLYCYPHER_PASSWORD"
        )
    if "DatabaseNotFound" in code or "DatabaseUnavailable" in code:
        return GraphUnavailable(f"{name} has no such database ({text}); give its name with --database")
    if isinstance(error, exceptions.TransientError):
        return GraphUnavailable(f"{name} is too busy to answer ({text}); try again")
    if isinstance(error, exceptions.Neo4jError):
        return QueryRejected(REJECTED + text)
    if isinstance(error, exceptions.BrokenRecordError):
        reason = one_line(str(error.__cause__ or text))
        return QueryRejected(
            f"a value of the result is out of range here ({reason}); ask for it as text, with toString()"
        )
    if isinstance(error, exceptions.ConfigurationError):
        return UsageError(f"cannot connect to {name} as given: {text}")
    return ConnectionLost(
        f"{name} cannot be reached or went away ({_cause(error) or text}); "
        "check that the server runs, and that address, port and encryption (+s) are right",
        sent=not _unconnected(error),
    )


def _unconnected(error: BaseException) -> bool:
    """Whether no connection was made, so that no query can have been sent.

    Nothing listened there, or what did, a server that was ending, cut the connection before the handshake;
    of the latter only the driver's words tell.
    """
    return any(
        isinstance(link, ConnectionRefusedError) or str(link).startswith(_UNCONNECTED)
        for link in _chain(error)
    )


def _cause(error: BaseException) -> str:
    """What the operating system said, if it is at the root: the driver wraps it in long sentences."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno is not None and link.errno > 0:
            return os.strerror(link.errno)
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it. The driver raises kept errors again, so a chain may lead to itself."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def one_line(text: str) -> str:
    """`text` without line breaks, cut to a length a terminal line bears."""
    joined = " ".join(text.split())
    return joined if len(joined) <= _LONGEST_MESSAGE else joined[: _LONGEST_MESSAGE - 1] + "…"

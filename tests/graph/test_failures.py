"""How a driver's exceptions become this package's, whoever raised them."""

from __future__ import annotations

import pytest
from neo4j import exceptions
from neo4j.exceptions import Neo4jError

from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    PolycypherError,
    QueryRejected,
    QueryTimeout,
    UsageError,
)
from polycypher.graph.failures import ConnectionLost, explain, one_line


def server_error(code: str, message: str) -> Exception:
    """What the driver raises for a failure that a server reports with this code."""
    error = Neo4jError._hydrate_neo4j(code=code, message=message)
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("Neo.ClientError.Statement.SyntaxError", "Invalid input 'X'", QueryRejected),
        ("Neo.ClientError.Statement.TypeError", "Type mismatch", QueryRejected),
        ("Neo.ClientError.Security.Forbidden", "may not write", QueryRejected),
        ("Neo.DatabaseError.General.UnknownError", "Unknown procedure", QueryRejected),
        ("Memgraph.ClientError.MemgraphError.MemgraphError", "mismatched input", QueryRejected),
        ("Neo.ClientError.Transaction.TransactionTimedOut", "timed out", QueryTimeout),
        (
            "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
            "terminated after the timeout of the client",
            QueryTimeout,
        ),
        (
            "Memgraph.TransientError.MemgraphError.MemgraphError",
            "Transaction was asked to abort because of transaction timeout.",
            QueryTimeout,
        ),
        ("Neo.ClientError.Security.Unauthorized", "wrong password", GraphAuthError),
        ("Neo.ClientError.Security.AuthenticationRateLimit", "too many attempts", GraphAuthError),
        ("Neo.ClientError.Database.DatabaseNotFound", "no graph 'x'", GraphUnavailable),
        ("Neo.TransientError.General.MemoryPoolOutOfMemoryError", "no memory", GraphUnavailable),
    ],
)
def test_what_a_server_reports(code: str, message: str, kind: type[PolycypherError]) -> None:
    assert type(explain(server_error(code, message), "bolt://x", 10.0)) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ServiceUnavailable("gone"), ConnectionLost),
        (exceptions.SessionExpired("gone"), ConnectionLost),
        (ConnectionResetError(104, "x"), ConnectionLost),
        (exceptions.ConfigurationError("bad"), UsageError),
    ],
)
def test_what_the_driver_itself_reports(error: Exception, kind: type[PolycypherError]) -> None:
    told = explain(error, "bolt://x", 10.0)
    assert type(told) is kind
    assert "bolt://x" in str(told)


def test_the_operating_system_s_word_is_told_and_not_the_wrapping() -> None:
    error = exceptions.ServiceUnavailable("a long story")
    error.__cause__ = ConnectionRefusedError(111, "Connect call failed")
    assert "refused" in str(explain(error, "bolt://x", 10.0))
    assert "story" not in str(explain(error, "bolt://x", 10.0))


@pytest.mark.parametrize(
    ("root", "sent"),
    [(ConnectionRefusedError(111, "x"), False), (ConnectionResetError(104, "x"), True), (None, True)],
)
def test_only_a_connection_never_made_is_known_to_have_carried_no_query(
    root: Exception | None, sent: bool
) -> None:
    error = exceptions.ServiceUnavailable("gone")
    error.__cause__ = root
    told = explain(error, "bolt://x", 10.0)
    assert isinstance(told, ConnectionLost)
    assert isinstance(told, GraphUnavailable)
    assert told.sent is sent


def test_a_connection_cut_in_its_handshake_has_carried_no_query() -> None:
    error = exceptions.ServiceUnavailable("Couldn't connect to 127.0.0.1:1 (resolved to …):\nFailed to read")
    error.__cause__ = ConnectionResetError(104, "Connection reset by peer")
    told = explain(error, "bolt://x", 10.0)
    assert isinstance(told, ConnectionLost)
    assert not told.sent
    assert "Connection reset by peer" in str(told)


@pytest.mark.timeout(10)
def test_an_error_that_led_to_itself_is_told_too() -> None:
    error, kept = exceptions.ServiceUnavailable("gone"), exceptions.SessionExpired("kept")
    error.__cause__, kept.__context__ = kept, error
    assert "cannot be reached or went away (gone)" in str(explain(error, "bolt://x", 10.0))
    kept.__cause__ = ConnectionRefusedError(111, "x")
    kept.__cause__.__context__ = error
    told = explain(error, "bolt://x", 10.0)
    assert isinstance(told, ConnectionLost)
    assert not told.sent


def test_messages_are_one_line_of_bearable_length() -> None:
    error = server_error("Neo.ClientError.Statement.SyntaxError", "Invalid\n   input\n" + "x" * 1000)
    text = str(explain(error, "bolt://x", 10.0))
    assert text.startswith("the database rejects the query: Invalid input xxx")
    assert "\n" not in text
    assert len(text) < 400
    assert one_line("a\n\tb") == "a b"

"""Stopping a query on the server: which run is meant, and that nothing is ever raised."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from polycypher.graph.running import Control

RUNS = [
    {"id": "later", "text": "MATCH (a) RETURN a", "startedAt": 1_009_000},
    {"id": "earlier", "text": "MATCH (a) RETURN a", "startedAt": 990_000},
    {"id": "other", "text": "MATCH (b) RETURN b", "startedAt": 1_000_000},
    {"id": "own", "text": "MATCH (a)\nRETURN  a", "startedAt": 1_000_900},
]


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """A stand-in for the server's HTTP side; its port, and the commands it got."""
    commands: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            command = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["command"]
            commands.append(command)
            result: Any = RUNS if command == "list queries" else {"status": "terminated"}
            body = json.dumps({"result": result}).encode()
            self.send_response(200 if self.headers["Authorization"] == "Basic YWRhOnB3" else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield http.server_port, commands
        http.shutdown()


def test_the_first_run_of_the_text_since_it_was_sent_is_ended(server: tuple[int, list[str]]) -> None:
    port, commands = server
    assert Control(port, "ada", "pw").stop("MATCH (a) RETURN a", 1000.2)
    assert commands == ["list queries", "terminate query own"]


def test_askers_of_equal_queries_end_one_each(server: tuple[int, list[str]]) -> None:
    """Though all asked at the same time, and what was ended is still listed."""
    port, commands = server
    control = Control(port, "ada", "pw")
    ended = [control.stop("MATCH (a) RETURN a", 990.2) for _ in range(4)]
    assert ended == ["earlier", "own", "later", ""]
    assert [command for command in commands if "terminate" in command] == [
        "terminate query earlier",
        "terminate query own",
        "terminate query later",
    ]


def test_nothing_is_ended_where_nothing_runs_any_more(server: tuple[int, list[str]]) -> None:
    port, commands = server
    assert not Control(port, "ada", "pw").stop("MATCH (a) RETURN a", 2000.0)
    assert not Control(port, "ada", "pw").stop("MATCH (c) RETURN c", 1000.0)
    assert commands == ["list queries", "list queries"]


def test_a_server_that_is_gone_is_no_error() -> None:
    assert not Control(1, "ada", "pw").stop("RETURN 1", 0.0)


def test_the_password_is_not_shown() -> None:
    assert "pw" not in repr(Control(1, "ada", "pw"))

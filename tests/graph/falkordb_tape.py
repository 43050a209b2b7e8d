"""A FalkorDB to test against: a real one where there is one, else what a real one answered.

`POLYCYPHER_TEST_FALKORDB=falkor://127.0.0.1:6379` names a server that the tests may write to, and records its
answers anew into `falkordb_tape.json`; without it they are played back, byte for byte, over a socket. Either
way the client library is the real one.
"""

from __future__ import annotations

import json
import os
import re
import socket
import socketserver
import threading
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

TAPE = Path(__file__).with_name("falkordb_tape.json")
SERVER = os.environ.get("POLYCYPHER_TEST_FALKORDB", "")

GRAPH = "polycypher-tests"

FILL = (
    "MATCH (n) DETACH DELETE n",
    "CREATE (:City {name: 'İzmir', area: 11.9}), (:City {name: 'A; B', area: 4})",
    "UNWIND [['Ada', 1815], ['Bo', 1990], ['Çem', 1985], ['Dee', 2001], ['Eli', 1970]] AS row "
    "CREATE (:Person {name: row[0], born: row[1]})",
    "MATCH (a:Person {name: 'Ada'}), (c:City {name: 'İzmir'}) "
    "CREATE (a)-[:LIVES_IN {since: date('2020-05-17')}]->(c)",
    "MATCH (a:Person), (b:Person) WHERE a.name <> b.name CREATE (a)-[:KNOWS]->(b)",
)
"""The tiny graph of the other tests."""

_ALIKE = {
    "AUTH": b"+OK\r\n",
    "CLIENT": b"+OK\r\n",
    "INFO": b"$21\r\nredis_mode:standalone\r\n",
    "PING": b"+PONG\r\n",
}
"""Commands about the connection and the machine, which are always answered alike."""
_MODULE = re.compile(r"\$\d+\r\n/[^\r]*\.so\r\n")
"""Where the server's module lies, which is nobody's business."""


class Tape(socketserver.ThreadingTCPServer):
    """Listens on loopback; passes commands on and records, or plays back. `commands` are those it got."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.recording = bool(SERVER)
        self.replies: dict[str, str] = {} if SERVER else json.loads(TAPE.read_text(encoding="utf-8"))
        self.commands: list[list[str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"falkor://127.0.0.1:{self.server_address[1]}"

    def end(self) -> None:
        """Stop, and keep what was recorded."""
        self.shutdown()
        self.server_close()
        if self.recording:
            text = json.dumps(self.replies, ensure_ascii=True, indent=1, sort_keys=True)
            TAPE.write_text(text + "\n", encoding="utf-8")


class _Connection(socketserver.StreamRequestHandler):
    server: Tape

    def handle(self) -> None:
        upstream: BinaryIO | None = None
        while command := _command(self.rfile):
            self.server.commands.append(command)
            if command[0].upper() in _ALIKE:
                self.wfile.write(_ALIKE[command[0].upper()])
                continue
            key = json.dumps(command[:4], ensure_ascii=False)  # what follows is how long it may take
            if self.server.recording:
                upstream = upstream or _connected()
                upstream.write(_encoded(command))
                upstream.flush()
                answer = _reply(upstream).decode("latin-1")
                self.server.replies[key] = _MODULE.sub("$11\r\nfalkordb.so\r\n", answer)
            answer = self.server.replies.get(key, f"-ERR not on the tape: {command[:3]}\r\n")
            self.wfile.write(answer.encode("latin-1"))


def _connected() -> BinaryIO:
    parts = urlsplit(SERVER)
    assert parts.hostname
    connection: Any = socket.create_connection((parts.hostname, parts.port or 6379))
    file: BinaryIO = connection.makefile("rwb")
    return file


def _encoded(command: list[str]) -> bytes:
    parts = [word.encode() for word in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _command(file: BinaryIO) -> list[str]:
    """The words of one command in Redis's protocol; empty at the end."""
    head = file.readline()
    if not head.startswith(b"*"):
        return []
    words = []
    for _ in range(int(head[1:])):
        length = int(file.readline()[1:])
        words.append(file.read(length + 2)[:-2].decode())
    return words


def _reply(file: BinaryIO) -> bytes:
    """One reply in Redis's protocol, as its bytes."""
    head = file.readline()
    if head[:1] == b"$" and int(head[1:]) >= 0:
        return head + file.read(int(head[1:]) + 2)
    if head[:1] == b"*" and int(head[1:]) > 0:
        return head + b"".join(_reply(file) for _ in range(int(head[1:])))
    return head

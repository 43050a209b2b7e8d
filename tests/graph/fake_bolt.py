"""A server that speaks Bolt 5.4 and answers from a table: for vendors that cannot be run here.

The driver on the other side is the real one. It records every message, so that a test sees what was sent.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

_HELLO, _GOODBYE, _RESET, _RUN, _PULL, _ROUTE, _LOGON = 0x01, 0x02, 0x0F, 0x10, 0x3F, 0x66, 0x6A
_SUCCESS, _RECORD, _IGNORED, _FAILURE = 0x70, 0x71, 0x7E, 0x7F


@dataclass(frozen=True)
class Failure:
    """What a server answers to a query that it refuses."""

    code: str
    message: str


Answer = tuple[Sequence[str], Sequence[Sequence[Any]]] | Failure
"""Columns and rows, or a failure."""


class FakeBolt(socketserver.ThreadingTCPServer):
    """Listens on loopback. `answers` maps the beginning of a query to its answer; others are refused.

    `queries` are the queries it got, `extras` what came with them; `routes` counts requests for routes.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, agent: str, answers: Mapping[str, Answer] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.agent = agent
        self.answers: dict[str, Answer] = {"RETURN 1": (("one",), ((1,),)), **(answers or {})}
        self.queries: list[str] = []
        self.extras: list[dict[str, Any]] = []
        self.routes = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def uri(self, scheme: str = "bolt") -> str:
        return f"{scheme}://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def answer(self, query: str) -> Answer:
        for start, answer in self.answers.items():
            if query.startswith(start):
                return answer
        return Failure("Neo.ClientError.Statement.SyntaxError", f"cannot read {query[:20]}")


class _Connection(socketserver.StreamRequestHandler):
    server: FakeBolt

    def handle(self) -> None:
        if len(self.rfile.read(20)) < 20:
            return
        self.wfile.write(b"\0\0\4\5")
        failed, rows = False, ()
        while (message := _message(self.rfile)) is not None:
            tag, fields = message
            if tag == _GOODBYE:
                return
            if tag == _RESET:
                failed = False
                self.send(_SUCCESS, {})
            elif failed:
                self.send(_IGNORED)
            elif tag == _HELLO:
                self.send(_SUCCESS, {"server": self.server.agent, "connection_id": "c1"})
            elif tag == _RUN:
                query, _, extra = fields
                self.server.queries.append(query)
                self.server.extras.append(extra)
                answer = self.server.answer(query)
                if isinstance(answer, Failure):
                    failed = True
                    self.send(_FAILURE, {"code": answer.code, "message": answer.message})
                else:
                    rows = answer[1]
                    self.send(_SUCCESS, {"fields": list(answer[0])})
            elif tag == _PULL:
                for row in rows:
                    self.send(_RECORD, list(row))
                self.send(_SUCCESS, {"type": "r", "has_more": False})
            elif tag == _ROUTE:
                self.server.routes += 1
                failed = True
                self.send(_FAILURE, {"code": "Neo.ClientError.Request.Invalid", "message": "no routing here"})
            else:
                self.send(_SUCCESS, {})

    def send(self, tag: int, *fields: Any) -> None:
        body = bytes((0xB0 + len(fields), tag)) + b"".join(map(_packed, fields))
        self.wfile.write(struct.pack(">H", len(body)) + body + b"\0\0")


def _message(file: BinaryIO) -> tuple[int, list[Any]] | None:
    """One message: its tag and its fields; None at the end of the connection."""
    body = b""
    while True:
        head = file.read(2)
        if len(head) < 2:
            return None
        (length,) = struct.unpack(">H", head)
        if length:
            body += file.read(length)
        elif body:
            count, tag = body[0] & 0x0F, body[1]
            fields, at = [], 2
            for _ in range(count):
                value, at = _unpacked(body, at)
                fields.append(value)
            return tag, fields


def _packed(value: Any) -> bytes:
    """A value in PackStream: what answers need of it."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", True: b"\xc3", False: b"\xc2"}[value]
    if isinstance(value, int):
        return b"\xcb" + struct.pack(">q", value)
    if isinstance(value, str):
        return b"\xd2" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, list):
        return b"\xd6" + struct.pack(">I", len(value)) + b"".join(map(_packed, value))
    pairs = (_packed(key) + _packed(item) for key, item in value.items())
    return b"\xda" + struct.pack(">I", len(value)) + b"".join(pairs)


_SIZES = {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD8: 1, 0xD9: 2, 0xDA: 4}
_NUMBERS = {0xC1: ">d", 0xC8: ">b", 0xC9: ">h", 0xCA: ">i", 0xCB: ">q"}


def _unpacked(body: bytes, at: int) -> tuple[Any, int]:
    """The value that begins at an offset, and the offset behind it."""
    marker = body[at]
    at += 1
    if marker in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[marker], at
    if marker < 0x80 or marker >= 0xF0:
        return marker - (0x100 if marker >= 0xF0 else 0), at
    if marker in _NUMBERS:
        size = struct.calcsize(_NUMBERS[marker])
        return struct.unpack(_NUMBERS[marker], body[at : at + size])[0], at + size
    if marker in _SIZES:
        count = int.from_bytes(body[at : at + _SIZES[marker]], "big")
        at += _SIZES[marker]
        kind = {0xD0: "text", 0xD4: "list", 0xD8: "map"}[marker - (marker - 0xD0) % 4]
    else:
        kind, count = {0x8: "text", 0x9: "list", 0xA: "map"}[marker >> 4], marker & 0x0F
    if kind == "text":
        return body[at : at + count].decode(), at + count
    values = []
    for _ in range(count * (2 if kind == "map" else 1)):
        value, at = _unpacked(body, at)
        values.append(value)
    return (dict(zip(values[::2], values[1::2], strict=True)) if kind == "map" else values), at

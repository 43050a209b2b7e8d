"""Canaries: two files and a port of which every touch is noticed.

On Linux the kernel itself tells whether a file was opened (inotify); elsewhere only its content, which is
random, is looked for in what comes back.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType

from attack_corpus import Target

_EVERY_EVENT = 0xFFF  # IN_ALL_EVENTS
_SECONDS = 2.0


class Canary:
    """Two secret files and a listening port. `touches` tells all that happened to them.

    Args:
        outside: an empty folder that belongs to no graph.
        inside: the folder of an embedded graph.
    """

    def __init__(self, outside: Path, inside: Path) -> None:
        self.secret = f"canary-{secrets.token_hex(8)}"
        self.files = (outside / "canary.csv", inside / "canary.csv")
        for file in self.files:
            file.write_text(f"{self.secret},1\n", encoding="utf-8")
        self._folder = outside
        self._watch = _watching(self.files)
        self._requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, name="canary", daemon=True).start()

    @property
    def target(self) -> Target:
        """What attacks are aimed at."""
        return Target(str(self.files[0]), str(self.files[1]), self.port)

    def touches(self) -> list[str]:
        """What happened since it was made: opened or changed files, new files beside them, connections."""
        told = []
        if self._watch is not None:
            try:
                while os.read(self._watch, 65_536):
                    told.append("a canary file was opened")
            except BlockingIOError:
                pass
        told += [f"{entry} appeared" for entry in self._folder.iterdir() if entry != self.files[0]]
        told += [f"the port was asked {request[:60]!r}" for request in self._requests]
        return told

    def sung_in(self, text: str) -> bool:
        """Whether a text holds the files' content."""
        return self.secret in text

    def close(self) -> None:
        """Remove the files and let go of the port."""
        self._listener.close()
        if self._watch is not None:
            os.close(self._watch)
        for file in self.files:
            file.unlink(missing_ok=True)

    def __enter__(self) -> Canary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(_SECONDS)
                try:
                    self._requests.append(connection.recv(4096))
                    connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{self.secret}\n".encode())
                except OSError:
                    self._requests.append(b"")


def _watching(files: tuple[Path, ...]) -> int | None:
    """A descriptor on which the kernel tells of every touch; None where there is no inotify."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return None
    for file in files:
        if libc.inotify_add_watch(descriptor, os.fsencode(file), _EVERY_EVENT) < 0:
            os.close(descriptor)
            return None
    return int(descriptor)

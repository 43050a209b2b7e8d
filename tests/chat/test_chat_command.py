"""`polycypher chat` as a process: in a pipe, and on a terminal of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

CHAT = (sys.executable, "-m", "polycypher", "chat")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process on a pseudo-terminal: type, and wait for what it shows."""

    def __init__(self, *words: str) -> None:
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(words[0], words)
        self._shown = ""
        self.code: int | None = None

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._file, text.encode())

    def until(self, text: str, seconds: float = 200.0) -> str:
        """What is shown from the last call to the first `text`."""
        ends = time.monotonic() + seconds
        while text not in self._shown:
            assert time.monotonic() < ends, f"{text!r} is not in {self._shown[-2000:]!r}"
            if select.select([self._file], [], [], 0.5)[0]:
                self._take(os.read(self._file, 65_536).decode(errors="replace"))
        before, _, self._shown = self._shown.partition(text)
        return before

    def end(self, seconds: float = 60.0) -> int | None:
        """The exit code of the process, which is killed if it does not end in time."""
        ends = time.monotonic() + seconds
        while self.code is None and time.monotonic() < ends:
            self._wait(os.WNOHANG)
            time.sleep(0.05)
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._wait(0)
        return self.code

    def _wait(self, options: int) -> None:
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.code = os.waitstatus_to_exitcode(status)

    def _take(self, shown: str) -> None:
        if "\x1b[6n" in shown:  # asks where the cursor is, as a real terminal would be asked
            self.type("\x1b[1;1R")
        self._shown += _ESCAPES.sub("", shown)


@pytest.fixture
def terminal(demo_store: object) -> Iterator[Terminal]:
    opened = Terminal(*CHAT)
    yield opened
    if opened.code is None:
        opened.end(0)


@pytest.mark.slow
def test_a_session_on_a_terminal(terminal: Terminal) -> None:
    terminal.until("Ctrl-D to leave")
    terminal.until("polycypher>")
    terminal.type("Clint Eastwood hangi filmleri yönetti?\r")
    assert "Unforgiven" in terminal.until("execute ")
    terminal.until("polycypher>")
    terminal.type(
        ":cypher MATCH (a), (b), (c), (d), (e) WHERE a.name < b.name AND b.name < c.name "
        "AND c.name < d.name AND d.name < e.name RETURN count(*)\r"
    )
    terminal.until("running")
    terminal.type("\x03")
    terminal.until("cancelled")
    terminal.until("polycypher>")
    terminal.type(":lang es\r")
    terminal.until("polycypher es>")
    terminal.type("\x04")
    assert terminal.end() == 0


@pytest.mark.slow
def test_a_pipe_gives_one_object_a_line(demo_store: object) -> None:
    asked = "How many movies are there?\n¿Cuántas películas hay?\n:nonsense\nKaç film var?\n"
    done = subprocess.run([*CHAT, "--json"], input=asked, capture_output=True, text=True, timeout=280)
    values = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 2
    assert done.stderr == ""
    assert [value.get("rows") for value in values] == [[[88]], [[88]], None, [[88]]]

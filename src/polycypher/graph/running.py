"""Stop a query that the embedded server still runs after its asker has given up on it.

The server does not notice that a Bolt connection is cut until it wants to write a row, so a long query
would go on at full speed. Its HTTP interface, on loopback like the rest, lists what runs and lets a user
end their own queries. Knows nothing of Bolt.
"""

from __future__ import annotations

import http.client
import json
import threading
from base64 import b64encode
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_SECONDS = 2.0
_CLOCK_SLACK_MS = 500
_COMPARED_CHARACTERS = 200
_REMEMBERED = 256
"""Runs that were ended and may still be listed."""
_NO_ANSWER = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Control:
    """The HTTP port of an embedded server on loopback, and the user that asks."""

    port: int
    user: str
    password: str
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _ended: deque[str] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED), init=False, repr=False, compare=False
    )

    def __repr__(self) -> str:
        return f"Control(port={self.port}, user={self.user!r})"

    def stop(self, query: str, began: float) -> str | None:
        """End this user's first run of `query` since it was sent.

        Several askers may share the server as one user, so a run is known by its text and its start: of
        equal queries, each asker ends its own if each ends the first that began after it asked, and askers of
        one process end one each though they asked at the same time. Nothing is raised: that the query goes on
        until the server's own limit is no error of the asker's.

        Args:
            query: the query's text.
            began: when it was sent, in seconds of the Unix epoch.

        Returns:
            The run's id; an empty text if there is none, None if the server does not answer.
        """
        try:
            with self._turn:
                listed = self._command("list queries")
                runs = [run for run in listed if _is_run_of(run, query, began)]
                runs = [run for run in runs if str(run["id"]) not in self._ended]
                if not runs:
                    return ""
                first = str(min(runs, key=lambda run: float(run["startedAt"]))["id"])
                self._command(f"terminate query {first}")
                self._ended.append(first)
        except _NO_ANSWER:
            return None
        return first

    def goes_on(self, run: str) -> bool:
        """Whether a run of that id is still there; True too where the server does not answer."""
        try:
            return any(str(other["id"]) == run for other in self._command("list queries"))
        except _NO_ANSWER:
            return True

    def _command(self, command: str) -> list[Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            token = b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
            headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
            connection.request("POST", "/api/v1/server", json.dumps({"command": command}), headers)
            result = json.loads(connection.getresponse().read()).get("result", [])
            return result if isinstance(result, list) else [result]
        finally:
            connection.close()


def _is_run_of(run: dict[str, Any], query: str, began: float) -> bool:
    text, asked = " ".join(str(run["text"]).split()), " ".join(query.split())
    same = text[:_COMPARED_CHARACTERS] == asked[:_COMPARED_CHARACTERS]
    return same and float(run["startedAt"]) >= began * 1000 - _CLOCK_SLACK_MS

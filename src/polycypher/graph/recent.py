"""Texts of which something was found a short while ago, so that it need not be found again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

LONGEST = 2_000
"""Characters of a text that is remembered."""


class Recent:
    """Remembers texts for `seconds`, at most `most` of them: the latest. Safe to share between threads."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._until: OrderedDict[str, float] = OrderedDict()  # on the monotonic clock
        self._lock = threading.Lock()

    def __contains__(self, text: str) -> bool:
        until = self._until.get(text)
        return until is not None and time.monotonic() < until

    def __len__(self) -> int:
        return len(self._until)

    def add(self, text: str) -> None:
        """Remember a text from now on, unless it is very long."""
        if len(text) > LONGEST:
            return
        with self._lock:
            self._until[text] = time.monotonic() + self._seconds
            self._until.move_to_end(text)
            while len(self._until) > self._most:
                self._until.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._until.clear()

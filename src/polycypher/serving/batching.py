"""One thread that owns the model: it takes the questions that wait and translates them together.

While it works on one batch the next one gathers by itself, so no question ever waits for others to come.
Knows nothing of HTTP or databases.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from polycypher.errors import ModelError, PolycypherError
from polycypher.translator.translator import Request, Translation

TranslateBatch: TypeAlias = Callable[[Sequence[Request]], Sequence[Translation | PolycypherError]]
"""One outcome a request, in order."""

_FADING = 0.2
"""How much the last batch counts in the mean time of a question."""

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Waiting:
    """A question that waits, and where its outcome goes."""

    request: Request
    outcome: asyncio.Future[Translation]
    loop: asyncio.AbstractEventLoop
    taken: Callable[[], None]
    since: float


class Batcher:
    """Gathers requests from an event loop and translates them in batches on a thread of its own.

    Args:
        translate_batch: called on that thread alone.
        size: the most requests of a batch.
        watch: told of each batch: its size, and the seconds each of its requests had waited.
    """

    def __init__(
        self,
        translate_batch: TranslateBatch,
        *,
        size: int,
        watch: Callable[[int, Sequence[float]], None] = lambda size, waits: None,
    ) -> None:
        self._translate_batch = translate_batch
        self._size = size
        self._watch = watch
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._seconds_each = 0.0
        self._thread = threading.Thread(target=self._work, name="polycypher-model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that no batch has taken yet."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread works; once it has died no question is answered any more."""
        return self._thread.is_alive()

    @property
    def seconds_each(self) -> float:
        """What a question has taken lately of the model's time, within its batch; 0 before the first."""
        return self._seconds_each

    async def translate(self, request: Request, taken: Callable[[], None] = lambda: None) -> Translation:
        """Translate one request together with others.

        Cancelled while it waits, it is dropped; once its batch has begun, its outcome is.

        Args:
            request: what to translate.
            taken: called on the model's thread when its batch begins.

        Raises:
            PolycypherError: what the translator says of this request.
            ModelError: the model failed on it, or the batcher is closed.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, loop.create_future(), loop, taken, time.monotonic())
        with self._changed:
            if self._ending or not self.alive:
                raise ModelError("the model is not running any more; start the server again")
            self._waiting.append(waiting)
            self._changed.notify()
        return await waiting.outcome

    def close(self, seconds: float = 5.0) -> None:
        """Drop what waits and let the batch in work end, for so many seconds."""
        with self._changed:
            self._ending = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        for waiting in dropped:
            _settle(waiting, ModelError("the server ended before the question's turn came"))
        self._thread.join(seconds)

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            began = time.monotonic()
            for waiting in batch:
                waiting.taken()
            outcomes = self._translated(batch)
            # Told before the outcomes are: whoever receives one may ask at once how long it took.
            each = (time.monotonic() - began) / len(batch)
            self._seconds_each += (_FADING if self._seconds_each else 1.0) * (each - self._seconds_each)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                _settle(waiting, outcome)

    def _next(self) -> list[_Waiting] | None:
        """The next batch, of requests that somebody still waits for; None when the batcher is closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ending)
                if self._ending:
                    return None
                count = min(self._size, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
            batch = [waiting for waiting in batch if not waiting.outcome.done()]
            if batch:
                now = time.monotonic()
                self._watch(len(batch), [now - waiting.since for waiting in batch])
                return batch

    def _translated(self, batch: Sequence[_Waiting]) -> Sequence[Translation | PolycypherError]:
        try:
            return self._translate_batch([waiting.request for waiting in batch])
        except PolycypherError as error:
            return [error] * len(batch)
        except Exception:
            _log.exception("the model failed on a batch of %d", len(batch))
        if len(batch) == 1:
            return [ModelError("the model failed on this question; the server's log says why")]
        # One question may have brought the others down with it.
        return [outcome for waiting in batch for outcome in self._translated([waiting])]


def _settle(waiting: _Waiting, outcome: Translation | PolycypherError) -> None:
    """Give a request its outcome, from any thread."""

    def give() -> None:
        if waiting.outcome.done():
            return  # nobody waits any more
        if isinstance(outcome, PolycypherError):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)

    try:
        waiting.loop.call_soon_threadsafe(give)
    except RuntimeError:
        return  # the loop has ended, and with it whoever waited

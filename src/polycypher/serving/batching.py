"""One thread that owns the model: questions join what it translates, and leave when they are finished.

A question that comes while others are in work joins them at the next token, if there is a place; none waits
for others to come, nor for others to end. Knows nothing of HTTP or databases.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from polycypher.errors import ModelError, PolycypherError
from polycypher.translator.translating import Outcome
from polycypher.translator.translator import Request, Translation

_FADING = 0.1
"""How much the last question counts in the mean time of one."""

_log = logging.getLogger(__name__)


class Work(Protocol):
    """Requests in the translation; see `polycypher.translator.translating.Translating`."""

    @property
    def requests(self) -> int: ...

    def add(self, requests: Sequence[Request]) -> tuple[list[int], list[tuple[int, Outcome]]]: ...

    def step(self) -> list[tuple[int, Outcome]]: ...

    def drop(self, numbers: Collection[int]) -> None: ...

    def close(self) -> None: ...


@dataclass(eq=False, slots=True)
class _Waiting:
    """A question that waits, and where its outcome goes."""

    request: Request
    outcome: asyncio.Future[Translation]
    loop: asyncio.AbstractEventLoop
    taken: Callable[[], None]
    since: float


class Batcher:
    """Takes requests from an event loop and translates them together on a thread of its own.

    Args:
        start: begins work with the model; called on that thread alone, as is what it gives.
        size: the most requests in work at once.
        watch: told when requests join: how many are then in work, and the seconds each of them had waited.
    """

    def __init__(
        self,
        start: Callable[[], Work],
        *,
        size: int,
        watch: Callable[[int, Sequence[float]], None] = lambda size, waits: None,
    ) -> None:
        self._start = start
        self._size = size
        self._watch = watch
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._seconds_each = 0.0
        self._marked = 0.0
        self._thread = threading.Thread(target=self._work, name="polycypher-model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that are not in work yet."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread works; once it has died no question is answered any more."""
        return self._thread.is_alive()

    @property
    def seconds_each(self) -> float:
        """What a question has taken lately of the model's time, among the others; 0 before the first."""
        return self._seconds_each

    async def translate(self, request: Request, taken: Callable[[], None] = lambda: None) -> Translation:
        """Translate one request together with others.

        Cancelled, it is given up, whether it waits or is in work.

        Args:
            request: what to translate.
            taken: called on the model's thread when its turn comes.

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
        """Drop what waits and let what is in work end, for so many seconds."""
        with self._changed:
            self._ending = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        for waiting in dropped:
            _settle(waiting, ModelError("the server ended before the question's turn came"))
        self._thread.join(seconds)

    def _work(self) -> None:
        inside: dict[int, _Waiting] = {}
        work: Work | None = None
        joined = 0  # how many ever joined this work
        while (fresh := self._next(inside)) is not None:
            failed: PolycypherError | None = None
            try:
                if work is None:
                    work, joined, self._marked = self._start(), 0, time.monotonic()
                joined += len(fresh)
                self._settled(self._turn(work, inside, fresh), inside)
            except Exception as error:
                if not isinstance(error, PolycypherError):
                    _log.exception("the model failed on %d questions", len(inside))
                # Without the way it came: that would keep the work's memory.
                failed = _failure(error).with_traceback(None)
            if failed is not None or not inside:
                _closed(work)
                work = None
            if failed is not None:
                lost = list({id(waiting): waiting for waiting in (*inside.values(), *fresh)}.values())
                inside.clear()
                self._redo(lost, failed, alone=joined == 1)

    def _next(self, inside: dict[int, _Waiting]) -> list[_Waiting] | None:
        """Requests that join those inside and that somebody still waits for; None when all has ended."""
        while True:
            with self._changed:
                if not inside:
                    self._changed.wait_for(lambda: self._waiting or self._ending)
                    if self._ending:
                        return None
                count = min(self._size - len(inside), len(self._waiting))
                fresh = [self._waiting.popleft() for _ in range(count)]
            fresh = [waiting for waiting in fresh if not waiting.outcome.done()]
            if fresh or inside:
                return fresh

    def _turn(
        self, work: Work, inside: dict[int, _Waiting], fresh: Sequence[_Waiting]
    ) -> list[tuple[int, Outcome]]:
        """Let the fresh ones join and write one more token of every query; gives what is finished."""
        left = [number for number, waiting in inside.items() if waiting.outcome.done()]
        if left:
            work.drop(left)
            for number in left:
                del inside[number]
        finished: list[tuple[int, Outcome]] = []
        if fresh:
            now = time.monotonic()
            self._watch(len(inside) + len(fresh), [now - waiting.since for waiting in fresh])
            for waiting in fresh:
                waiting.taken()
            numbers, finished = work.add([waiting.request for waiting in fresh])
            inside.update(zip(numbers, fresh, strict=True))
        return finished + (work.step() if work.requests else [])

    def _settled(self, finished: Sequence[tuple[int, Outcome]], inside: dict[int, _Waiting]) -> None:
        """Give requests their outcomes."""
        if not finished:
            return
        # Told before the outcomes are: whoever receives one may ask at once how long it took.
        now = time.monotonic()
        each, self._marked = (now - self._marked) / len(finished), now
        fading = 1 - (1 - _FADING) ** len(finished) if self._seconds_each else 1.0
        self._seconds_each += fading * (each - self._seconds_each)
        for number, outcome in finished:
            _settle(inside.pop(number), outcome)

    def _redo(self, lost: Sequence[_Waiting], failed: PolycypherError, *, alone: bool) -> None:
        """Tell those of a failed work; each is worked on by itself first, unless it was alone all along.

        One question may have brought the others down with it.
        """
        for waiting in lost:
            if alone or self._ending:
                _settle(waiting, failed)
            elif not waiting.outcome.done():
                _settle(waiting, self._alone(waiting))

    def _alone(self, waiting: _Waiting) -> Outcome:
        """The outcome of one request by itself."""
        work: Work | None = None
        try:
            work = self._start()
            _, finished = work.add([waiting.request])
            while not finished and not waiting.outcome.done():
                finished += work.step()
            return finished[0][1] if finished else ModelError("nobody waits for it any more")
        except Exception as error:
            if not isinstance(error, PolycypherError):
                _log.exception("the model failed on a question")
            return _failure(error).with_traceback(None)
        finally:
            _closed(work)


def _failure(error: Exception) -> PolycypherError:
    """What is told of an error."""
    if isinstance(error, PolycypherError):
        return error
    return ModelError("the model failed on this question; the server's log says why")


def _closed(work: Work | None) -> None:
    """Close it; whatever that says, the model's thread goes on."""
    try:
        if work is not None:
            work.close()
    except Exception:
        _log.exception("the model's work could not be closed")


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

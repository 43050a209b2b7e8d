"""A model and a graph behind an event loop: questions in, answers out, within deadlines.

Preparing (schema, stored values) and executing happen in a bounded pool of threads, translating in the
batcher's one thread, so that a slow graph holds up no translation and the other way round. Knows nothing of
HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar

from polycypher import ask as rooms
from polycypher.errors import (
    GraphError,
    GraphUnavailable,
    ModelError,
    PolycypherError,
    QueryError,
    QueryRejected,
    UsageError,
)
from polycypher.graph.demo import DEMO
from polycypher.graph.store import GraphStore, Limits
from polycypher.serving.batching import Batcher
from polycypher.serving.failures import Refused
from polycypher.serving.limits import Admission
from polycypher.serving.metrics import Metrics
from polycypher.serving.schemas import AskRequest, RunRequest, TranslateRequest
from polycypher.serving.settings import Settings
from polycypher.translator.translator import Translation, Translator

Notify: TypeAlias = Callable[[str, dict[str, Any]], None]
"""Told of what happens to a question: (event, data), on the event loop's thread."""

T = TypeVar("T")

_PROBE = "RETURN 1 AS one"
_PROBE_SECONDS = 5.0
_PROBE_KEPT_SECONDS = 1.0
"""How long what a probe found is believed, so that probing cannot load the graph."""
_SHORTEST_QUERY_SECONDS = 0.1

_log = logging.getLogger(__name__)


def ignore(event: str, data: dict[str, Any]) -> None:
    """A `Notify` for those who want the answer alone."""


class Service:
    """What the routes call. Make it on the event loop's thread; `close` closes neither model nor graph.

    Args:
        translator: the loaded model.
        store: the open graph.
        settings: the server's.
        graph: what the graph is called.
        metrics: counts what happens.
    """

    def __init__(
        self, translator: Translator, store: GraphStore, settings: Settings, *, graph: str, metrics: Metrics
    ) -> None:
        self.translator = translator
        self.graph = graph
        self.metrics = metrics
        self.settings = settings
        self._store = store
        start = partial(translator.start, overlap=True)
        self._batcher = Batcher(start, size=settings.batch, watch=metrics.batch)
        self._pool = ThreadPoolExecutor(settings.threads, "polycypher-graph")
        self.admission = Admission(
            settings.in_flight,
            settings.in_flight_a_client,
            always=settings.batch,
            longest_wait=settings.wait_seconds,
            wait=lambda: self.admission.count * self._batcher.seconds_each,
            refused=metrics.refusal,
        )
        self._probing = asyncio.Lock()
        self._probed: tuple[float, GraphError | None] | None = None
        self._works: set[asyncio.Task[Any]] = set()
        metrics.watch(
            "polycypher_in_flight", "Requests worked on or waiting.", lambda: float(self.admission.count)
        )
        metrics.watch(
            "polycypher_waiting_questions",
            "Questions that no decode has taken yet.",
            lambda: float(self._batcher.waiting),
        )

    # ------------------------------------------------------------------ what can be asked

    async def ask(self, asked: AskRequest, notify: Notify = ignore) -> dict[str, Any]:
        """Answer a question: `Answer.to_dict` and `notices`. A rejected query is repaired once.

        Raises:
            UsageError, SchemaError, QueryError, GraphError, ModelError: as `polycypher.ask.ask`.
            Refused: 504, the deadline passed.
        """
        async with self._deadline(asked.timeout) as left:
            prepared = await self._prepared(asked, notify)
            made = await self._translated(prepared, notify)
            try:
                return await self._finished(made, prepared, self._limits(asked.rows, left()), notify)
            except QueryRejected as error:
                notify("stage", {"stage": "repair"})
                again = rooms.repair(prepared, made, error)
                try:
                    better = await self._translated(again, notify)
                    if better.cypher == made.cypher:
                        raise error
                    return await self._finished(better, again, self._limits(asked.rows, left()), notify)
                except (QueryError, UsageError, ModelError):
                    raise error from None  # the first one is the one to tell

    async def translate(self, asked: TranslateRequest, notify: Notify = ignore) -> dict[str, Any]:
        """Translate a question: the query, weights, times and `notices`. Raises as `ask`."""
        async with self._deadline(asked.timeout):
            prepared = await self._prepared(asked, notify)
            made = await self._translated(prepared, notify)
            told = self._told(rooms.finish(made, prepared, self._store, execute=False))
        return {key: value for key, value in told.items() if key not in ("columns", "rows", "truncated")}

    async def run(self, asked: RunRequest) -> dict[str, Any]:
        """Execute a query of the user's own through the same guard and limits. Raises as `ask`."""
        async with self._deadline(asked.timeout) as left:
            limits = self._limits(asked.rows, left())
            return await self._in_pool(
                lambda: self._told(rooms.run(asked.cypher, self._store, limits=limits))
            )

    async def schema(self, *, refresh: bool = False) -> dict[str, Any]:
        """What the graph holds, and `notices`. Raises as `GraphStore.schema`; `Refused` past the deadline."""
        async with self._deadline(None):
            found = await self._in_pool(partial(self._store.schema, refresh=refresh))
        return {"graph": self.graph, **found.to_dict(), "notices": list(self._store.schema_notices)}

    @property
    def examples(self) -> list[tuple[str, str]]:
        """(language, question) pairs that the demo graph answers; none for another graph."""
        return list(rooms.examples_of_questions(5)) if self.graph == DEMO else []

    # ------------------------------------------------------------------ its state

    @property
    def alive(self) -> bool:
        """Whether the model's thread works."""
        return self._batcher.alive

    async def probe(self) -> None:
        """Raise why the server is not ready: it is ending, or the graph does not answer.

        An embedded graph that has gone away is started again by this.
        """
        if self.admission.closed:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "ServerEnding", "the server is ending")
        async with self._probing:  # one probe serves all who wait for one
            if self._probed is None or time.monotonic() - self._probed[0] > _PROBE_KEPT_SECONDS:
                self._probed = (time.monotonic(), await self._in_pool(self._asked_graph))
                self.metrics.graph_up.set(self._probed[1] is None)
            error = self._probed[1]
        if error is not None:
            raise error

    async def warm(self) -> None:
        """Translate one question, so that the first client does not wait for what is made once.

        A question that fails is no reason not to start.

        Raises:
            UsageError: the settings allow a query more time than the graph's server does.
            GraphError: the graph does not answer.
        """
        await self._in_pool(partial(self._store.read, _PROBE, limits=self.settings.limits))
        await self.probe()
        question = next((question for _, question in self.examples), "How many nodes are there?")
        try:
            await self.translate(TranslateRequest(question=question))
        except PolycypherError as error:
            _log.warning("the first question failed: %s", error)

    def work(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the work on a request as a task that `cut` can end."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        return task

    def cut(self) -> None:
        """End all work in flight; its clients are told that the server ends."""
        for task in tuple(self._works):
            task.cancel("ending")

    def close(self) -> None:
        """End the threads; what still waits is dropped."""
        self.admission.close()
        self._batcher.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # ------------------------------------------------------------------ inside

    async def _prepared(self, asked: TranslateRequest, notify: Notify) -> rooms.Prepared:
        """The question with what the graph knows about it."""
        notify("stage", {"stage": "prepare"})
        began = time.perf_counter()
        prepared = await self._in_pool(
            partial(
                rooms.prepare,
                asked.question,
                self._store,
                languages=self.translator.languages,
                language=asked.language,
                constrain=asked.constrain,
                mode=asked.mode,
                on_text=None if notify is ignore else _soon(notify, "token", "cypher"),
            )
        )
        self.metrics.stages.labels("prepare").observe(time.perf_counter() - began)
        return prepared

    async def _translated(self, prepared: rooms.Prepared, notify: Notify) -> Translation:
        """The query for a prepared question, with an event for each step on the way."""
        notify("stage", {"stage": "wait"})
        begun = _soon(notify, "stage", "stage")
        made = await self._batcher.translate(prepared.request, lambda: begun("decode"))
        self.metrics.questions.labels(max(made.weights, key=made.weights.__getitem__)).inc()
        weights = {language: round(weight, 6) for language, weight in made.weights.items()}
        notify("weights", {"weights": weights})
        notify("cypher", {"cypher": made.cypher, "notices": list(made.notices)})
        return made

    async def _finished(
        self, made: Translation, prepared: rooms.Prepared, limits: Limits, notify: Notify
    ) -> dict[str, Any]:
        """The answer of a translation that is executed."""
        notify("stage", {"stage": "execute"})
        return await self._in_pool(
            lambda: self._told(rooms.finish(made, prepared, self._store, limits=limits))
        )

    def _told(self, answer: rooms.Answer) -> dict[str, Any]:
        """An answer as clients get it. Called in the pool, because there may be much of it."""
        told = {**answer.to_dict(), "notices": list(answer.notices)}
        self.metrics.stage_ms(told["elapsed_ms"])
        return told

    async def _in_pool(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _limits(self, rows: int | None, seconds: float) -> Limits:
        most = self.settings.limits
        return Limits(
            rows=min(rows or most.rows, most.rows),
            seconds=max(_SHORTEST_QUERY_SECONDS, min(most.seconds, seconds)),
            bytes=most.bytes,
        )

    @asynccontextmanager
    async def _deadline(self, wanted: float | None) -> AsyncIterator[Callable[[], float]]:
        """Bound the time of a request; gives a function that tells the seconds left."""
        seconds = min(wanted or self.settings.deadline_seconds, self.settings.deadline_seconds)
        ends = time.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds):
                yield lambda: ends - time.monotonic()
        except TimeoutError:
            raise Refused(
                HTTPStatus.GATEWAY_TIMEOUT,
                "DeadlineExceeded",
                f"the answer took longer than {seconds:g} s; ask for less, or try again when fewer ask",
            ) from None

    def _asked_graph(self) -> GraphError | None:
        try:
            self._store.read(_PROBE, limits=Limits(rows=1, seconds=_PROBE_SECONDS))
        except GraphError as error:
            return error
        except QueryError as error:
            return GraphUnavailable(f"{self._store.name} does not answer a trivial query: {error}")
        return None


def _soon(notify: Notify, event: str, key: str) -> Callable[[str], None]:
    """Tell of an event with one text from any thread, also one that outlives the loop."""
    loop = asyncio.get_running_loop()

    def told(text: str) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever listened
            loop.call_soon_threadsafe(notify, event, {key: text})

    return told

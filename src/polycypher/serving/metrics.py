"""What a server counts, for Prometheus. Each server has counters of its own; nothing here is global.

Labels take a fixed set of values: a route is its template, never the path somebody sent. Knows nothing of
how requests are answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polycypher import __version__

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.5, 5.0, 10.0, 20.0, 30.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_UNKNOWN = "(none)"
"""The route of a request that no route takes, and the method of one that is none of those."""


class Metrics:
    """A server's counters; `docs/operations.md` lists them."""

    def __init__(self, *, model: str, graph: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        build = Gauge(
            "polycypher_build_info",
            "1; what is served stands in the labels.",
            ["version", "model", "graph"],
            registry=self.registry,
        )
        build.labels(__version__, model, graph).set(1)
        self.requests = Counter(
            "polycypher_requests",
            "HTTP requests answered.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "polycypher_request_seconds",
            "From a request's head to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "polycypher_stage_seconds",
            "What the stages of a question took.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "polycypher_batch_questions",
            "Questions in one fused decode, whenever one joins.",
            buckets=_BATCHES,
            registry=self.registry,
        )
        self.questions = Counter(
            "polycypher_questions",
            "Questions translated, by the adapter with the largest weight.",
            ["language"],
            registry=self.registry,
        )
        self.errors = Counter(
            "polycypher_errors", "Requests that failed in work.", ["type"], registry=self.registry
        )
        self.refused = Counter(
            "polycypher_refused",
            "Requests refused to protect the others: rate, full, client, ending.",
            ["reason"],
            registry=self.registry,
        )
        self.graph_up = Gauge(
            "polycypher_graph_up", "Whether the graph answered when last asked.", registry=self.registry
        )

    def watch(self, name: str, help: str, value: Callable[[], float]) -> None:
        """Show a value that is read whenever somebody looks."""
        Gauge(name, help, registry=self.registry).set_function(value)

    def batch(self, size: int, waits: Sequence[float]) -> None:
        """Count who joined a decode: how many are in it now, and the seconds that each of them had waited."""
        self.batches.observe(size)
        for seconds in waits:
            self.stages.labels("wait").observe(seconds)

    def stage_ms(self, times: dict[str, float]) -> None:
        """Count what stages took, in milliseconds; those that took none are left out."""
        for stage, spent in times.items():
            if spent > 0:
                self.stages.labels(stage).observe(spent / 1000)

    def refusal(self, reason: str) -> None:
        """Count one refused request."""
        self.refused.labels(reason).inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


class Counted:
    """Counts requests and their time, refused ones too. The outermost layer of an application."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "gone"  # the client went away before there was an answer

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", _UNKNOWN)
            method = scope["method"] if scope["method"] in _METHODS else _UNKNOWN
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

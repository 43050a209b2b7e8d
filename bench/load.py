"""What the benches of the server share: a server in a process of its own, questions, and clients that ask.

A question is counted by its HTTP code and its time from request to whole answer. Questions are synthetic ones
about the demo graph, each in English, Spanish and Turkish, the same for every run.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from polycypher.graph.connect import connect
from polycypher.synthesis import demo_world, synthesise

LANGUAGES = ("en", "es", "tr")
SEED = 20_260_101


@dataclass(frozen=True)
class Asked:
    """One answered question: its HTTP code (0 for none) and its seconds."""

    code: int
    seconds: float

    @property
    def answered(self) -> bool:
        """Whether there was an answer; a query that the guard or the graph refused (422) was one too.

        That is the model's failure and not the server's.
        """
        return self.code in (200, 422)


@dataclass(frozen=True)
class Served:
    """A running server: its address and its process."""

    url: str
    process: int


@contextmanager
def served(words: Sequence[str], **settings: Any) -> Iterator[Served]:
    """A server as its user starts it, but that one client may ask as often as many."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "serve.yaml"
        alone = {
            "rate": 100_000,
            "burst": 100_000,
            "in_flight_a_client": 10_000,
            "connections_a_client": 10_000,
        }
        file.write_text(yaml.safe_dump({**alone, **settings}), encoding="utf-8")
        command = [sys.executable, "-m", "polycypher", "serve", "--port", "0", "--settings", str(file)]
        process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                sys.exit(f"the server did not start (exit code {process.wait()}); its error stands above")
            yield Served(url, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def questions(count: int) -> list[str]:
    """`count` questions about the demo graph, the languages mixed."""
    with connect("demo") as store:
        schema, lexicon, values = demo_world(store)
        made = synthesise(schema, lexicon, values, languages=LANGUAGES, count=-(-count // 3), seed=SEED)
    mixed = [example.questions[language] for example in made for language in LANGUAGES][:count]
    random.Random(SEED).shuffle(mixed)
    return mixed


async def ask(client: httpx.AsyncClient, question: str) -> Asked:
    """Ask one question."""
    began = time.perf_counter()
    try:
        response = await client.post("/v1/ask", json={"question": question})
    except httpx.HTTPError:
        return Asked(0, time.perf_counter() - began)
    return Asked(response.status_code, time.perf_counter() - began)


async def at_rate(url: str, asked: Iterator[str], rate: float, seconds: float) -> list[Asked]:
    """Ask `rate` questions a second, whether or not the ones before are answered."""
    async with clients(url) as client:
        began = time.perf_counter()
        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(ask(client, next(asked))))
        return list(await asyncio.gather(*tasks))


async def closed_loop(
    url: str, asked: Iterator[str], at_once: int, seconds: float
) -> tuple[list[Asked], float]:
    """`at_once` clients that ask one question after the other; gives the answers and the seconds it took."""
    answers: list[Asked] = []
    began = time.perf_counter()

    async def one(client: httpx.AsyncClient) -> None:
        while time.perf_counter() - began < seconds:
            answers.append(await ask(client, next(asked)))

    async with clients(url) as client:
        await asyncio.gather(*(one(client) for _ in range(at_once)))
    return answers, time.perf_counter() - began


def clients(url: str) -> httpx.AsyncClient:
    """A client with as many connections as anybody wants."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    return httpx.AsyncClient(base_url=url, timeout=120, limits=limits)


async def sample(url: str, *names: str) -> tuple[float, ...]:
    """Values of the server's metrics that have no labels."""
    async with clients(url) as client:
        told = (await client.get("/metrics")).text
    values = {
        found.name: found.value for family in text_string_to_metric_families(told) for found in family.samples
    }
    missing = [name for name in names if name not in values]
    if missing:
        sys.exit(f"the server's metrics have no {missing[0]}; run this on Linux")
    return tuple(values[name] for name in names)


def seconds_at(answers: Sequence[Asked], share: float) -> float:
    """The seconds within which this share of the questions was answered (nearest rank)."""
    times = sorted(answer.seconds for answer in answers)
    return times[min(len(times) - 1, int(share * len(times)))] if times else float("nan")


def summary(answers: Sequence[Asked]) -> dict[str, Any]:
    """Codes, and p50 and p99 of the answered ones in milliseconds."""
    answered = [answer for answer in answers if answer.answered]
    return {
        "questions": len(answers),
        "codes": {str(code): count for code, count in sorted(Counter(a.code for a in answers).items())},
        "p50_ms": round(1000 * seconds_at(answered, 0.5), 1),
        "p99_ms": round(1000 * seconds_at(answered, 0.99), 1),
    }


def machine() -> dict[str, Any]:
    """The commit, cores, and the load that others put on them, without which no time means anything."""
    shown = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    loads = [round(load, 2) for load in os.getloadavg()]
    return {"commit": shown.stdout.strip(), "cores": len(os.sched_getaffinity(0)), "load": loads}

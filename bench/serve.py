"""How quickly a server answers, what batching gives, and what overload does.

    python bench/serve.py [--seconds 120] [--out docs/serve.json] [-- serve's own options]
    python bench/figures.py docs

Three phases after a warm-up. One question a second (p50 and p99). Then, by turns within the same so many
seconds each, one client that asks without a pause and 16 such clients at once, so that whatever else the
machine does meets both alike: throughput beside the one's. At last three times as many questions a second as
those 16 got answered: what is shed (429, and how soon), and how long the others take. On a machine that is
not free, times mean little; `cpu_ms_each`, the processor time of the server for a question, does.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from load import Asked, at_rate, closed_loop, machine, questions, sample, seconds_at, served, summary

CLIENTS = 16
CPU = "process_cpu_seconds_total"
OVERLOAD = 3.0
TURNS = 4
"""Turns of one client, and as many of 16."""
WARM_UP_SECONDS = 6.0


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of each phase")
    parser.add_argument("--out", type=Path)
    parser.add_argument("words", nargs="*", help="options of `polycypher serve`, after --")
    options = parser.parse_args()
    asked = itertools.cycle(questions(3000))
    before = machine()
    with served(options.words) as server:
        result = asyncio.run(phases(server.url, asked, options.seconds))
    result = {"seconds": options.seconds, "before": before, "after": machine(), **result}
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


async def phases(url: str, asked: Iterator[str], seconds: float) -> dict[str, Any]:
    """The phases in their order."""
    await at_rate(url, asked, 2.0, WARM_UP_SECONDS)
    steady = await at_rate(url, asked, 1.0, seconds)
    one, many = Turns(url, asked, 1), Turns(url, asked, CLIENTS)
    for _ in range(TURNS):
        await one.take(seconds / TURNS)
        await many.take(seconds / TURNS)
    over = await at_rate(url, asked, OVERLOAD * many.a_second, seconds)
    shed = [answer for answer in over if answer.code == 429]
    return {
        "one_a_second": summary(steady),
        "one_client": one.figures(),
        f"{CLIENTS}_clients": {
            **many.figures(),
            "times_one_client": round(many.a_second / one.a_second, 2),
            "times_one_client_a_cpu_second": round(one.cpu_each / many.cpu_each, 2),
        },
        "overload": {
            **summary(over),
            "offered_a_second": round(OVERLOAD * many.a_second, 2),
            "shed_share": round(len(shed) / len(over), 3),
            "shed_p99_ms": round(1000 * seconds_at(shed, 0.99), 1) if shed else None,
        },
    }


class Turns:
    """So many clients that ask without a pause, for one turn after the other.

    Args:
        url: the server.
        asked: where questions come from.
        clients: how many ask at once.
    """

    def __init__(self, url: str, asked: Iterator[str], clients: int) -> None:
        self._url = url
        self._asked = asked
        self._clients = clients
        self._answers: list[Asked] = []
        self._seconds = self._cpu = 0.0

    async def take(self, seconds: float) -> None:
        """One turn."""
        (began,) = await sample(self._url, CPU)
        answers, took = await closed_loop(self._url, self._asked, self._clients, seconds)
        (ended,) = await sample(self._url, CPU)
        self._answers += answers
        self._seconds += took
        self._cpu += ended - began

    @property
    def a_second(self) -> float:
        """Questions answered in a second."""
        return sum(answer.answered for answer in self._answers) / self._seconds

    @property
    def cpu_each(self) -> float:
        """Seconds of the server's processors for a question."""
        return self._cpu / len(self._answers)

    def figures(self) -> dict[str, Any]:
        """What all turns gave."""
        figures = {"a_second": round(self.a_second, 2), "cpu_ms_each": round(1000 * self.cpu_each, 1)}
        return {**summary(self._answers), **figures}


if __name__ == "__main__":
    main()

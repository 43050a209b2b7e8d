"""A server under mixed questions at a fixed rate for long: no error, and memory that stays as it was.

    python bench/soak.py [--minutes 30] [--rate 1] [--out docs/soak.json] [-- serve's own options]

The server's resident memory is read every ten seconds from its metrics. What the first fifth of the time
shows is warm-up; after it, the mean of the last fifth may be 5 % above that of the second at most. It exits
with 1 if it is more, or if any question was answered by an error of the server's (a query that the guard or
the graph refuses is the model's error, and counted apart).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from load import Asked, at_rate, machine, questions, sample, served, summary

EVERY_SECONDS = 10.0
MOST_GROWTH = 0.05


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=1.0, help="questions a second")
    parser.add_argument("--out", type=Path)
    parser.add_argument("words", nargs="*", help="options of `polycypher serve`, after --")
    options = parser.parse_args()
    asked = questions(300)
    before = machine()
    with served(options.words) as url:
        answers, memory = asyncio.run(soak(url, asked, options.rate, 60 * options.minutes))
    growth = grown(memory)
    failed = sum(answer.code not in (200, 422) for answer in answers)
    result = {
        "minutes": options.minutes,
        "rate": options.rate,
        "before": before,
        "after": machine(),
        **summary(answers),
        "errors": failed,
        "memory_mb": {"first": memory[0], "last": memory[-1], "most": max(memory)},
        "memory_growth": round(growth, 4),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    sys.exit(failed > 0 or growth > MOST_GROWTH)


async def soak(
    url: str, asked: Sequence[str], rate: float, seconds: float
) -> tuple[list[Asked], list[float]]:
    """The answers, and the process's memory in MB over the time."""
    memory: list[float] = []

    async def watch() -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            memory.append(round(await sample(url, "process_resident_memory_bytes") / 1e6, 1))
            await asyncio.sleep(min(EVERY_SECONDS, seconds / 20))

    answers, _ = await asyncio.gather(at_rate(url, asked, rate, seconds), watch())
    return answers, memory


def grown(memory: Sequence[float]) -> float:
    """How much the last fifth of the time needs more than the second fifth, as a share."""
    fifth = max(1, len(memory) // 5)
    return fmean(memory[-fifth:]) / fmean(memory[fifth : 2 * fifth]) - 1


if __name__ == "__main__":
    main()

"""A server under mixed questions at a fixed rate for long: no error, and it grows by nothing.

    python bench/soak.py [--minutes 30] [--rate 1] [--out docs/soak.json] [-- serve's own options]
    python bench/figures.py docs

Ten times a minute the server's resident memory, open files and threads are read. What the first fifth of the
time shows is warm-up; after it, the mean of the last fifth may be above that of the second by 5 % for memory,
and by 8 for files and threads, as so many threads with a connection each the server has for the graph and
starts when they are first needed. It exits with 1 if it is more, or if any question was answered by an error
of the server's (a query that the guard or the graph refuses is the model's error, and counted apart).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from load import Asked, Served, at_rate, machine, questions, sample, served, summary

EVERY_SECONDS = 6.0
FEWEST_SAMPLES = 20
MOST_GROWTH = 0.05
MOST_MORE = 8
WATCHED = ("memory_mb", "open_files", "threads")


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
    asked = itertools.cycle(questions(3000))
    before = machine()
    with served(options.words) as server:
        answers, watched = asyncio.run(soak(server, asked, options.rate, 60 * options.minutes))
    failed = sum(not answer.answered for answer in answers)
    result: dict[str, Any] = {
        "minutes": options.minutes,
        "rate": options.rate,
        "before": before,
        "after": machine(),
        **summary(answers),
        "errors": failed,
    }
    for name, values in watched.items():
        result[name] = {
            "second_fifth": round(fmean(fifth(values, 1)), 1),
            "last_fifth": round(fmean(fifth(values, 4)), 1),
            "most": max(values),
            "growth": round(grown(values), 4),
        }
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    more = [result[name]["last_fifth"] - result[name]["second_fifth"] for name in ("open_files", "threads")]
    sys.exit(failed > 0 or result["memory_mb"]["growth"] > MOST_GROWTH or max(more) > MOST_MORE)


async def soak(
    server: Served, asked: Iterator[str], rate: float, seconds: float
) -> tuple[list[Asked], dict[str, list[float]]]:
    """The answers, and what was watched over the time."""
    watched: dict[str, list[float]] = {name: [] for name in WATCHED}

    async def watch() -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            memory, files = await sample(server.url, "process_resident_memory_bytes", "process_open_fds")
            for name, value in zip(WATCHED, (memory / 1e6, files, threads(server.process)), strict=True):
                watched[name].append(round(value, 1))
            await asyncio.sleep(min(EVERY_SECONDS, seconds / FEWEST_SAMPLES))

    answers, _ = await asyncio.gather(at_rate(server.url, asked, rate, seconds), watch())
    return answers, watched


def threads(process: int) -> float:
    """How many threads a process has."""
    found = re.search(r"^Threads:\s+(\d+)$", Path(f"/proc/{process}/status").read_text("utf-8"), re.MULTILINE)
    assert found
    return float(found[1])


def fifth(values: Sequence[float], number: int) -> Sequence[float]:
    """One fifth of the values, counted from 0."""
    size = max(1, len(values) // 5)
    return values[-size:] if number == 4 else values[number * size : (number + 1) * size]


def grown(values: Sequence[float]) -> float:
    """How much more the last fifth of the time needs than the second one, as a share."""
    return fmean(fifth(values, 4)) / fmean(fifth(values, 1)) - 1


if __name__ == "__main__":
    main()

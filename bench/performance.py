"""Runs the whole bench and writes it into docs/performance.md, with its plot and numbers.

python bench/performance.py docs [--device cuda --random-weights llama-3.1-8b] [--cold-starts 5]
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from cold_start import cold_starts, markdown_of

from polycypher import console
from polycypher.benchmark.report import markdown, plot
from polycypher.benchmark.run import Plan, run_bench
from polycypher.study.files import write_json
from polycypher.study.run import provenance

BEGIN, END = "<!-- {} begins: written by bench/{} -->", "<!-- {} ends -->"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("docs", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype")
    parser.add_argument("--random-weights")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold-starts", type=int, default=5)
    options = parser.parse_args()
    plan = replace(
        Plan(),
        device=options.device,
        dtype=options.dtype,
        random_weights=options.random_weights,
        rounds=options.rounds,
    )
    name = "-".join(filter(None, (options.device, options.random_weights, options.dtype)))
    made = provenance([])
    command = shlex.join(["python", *sys.argv])
    result = {"command": command, "commit": made["commit"], **run_bench(plan, watch=console.progress_bar)}
    write_json(options.docs / "performance" / f"{name}.json", result)
    plot(result, options.docs / "performance" / f"{name}.png")
    picture = f"![Time of every way beside one plain PEFT adapter.](performance/{name}.png)\n"
    text = markdown(result, command, made["commit"]) + "\n" + picture
    insert(options.docs / "performance.md", name, text)
    if options.cold_starts and options.device == "cpu" and options.random_weights is None:
        found = cold_starts(options.cold_starts, watch=console.progress_bar)
        write_json(options.docs / "performance" / "cold-start.json", {"commit": made["commit"], **found})
        insert(options.docs / "performance.md", "cold-start", markdown_of(found, made["commit"]))


def insert(page: Path, name: str, text: str, *, by: str = "performance.py") -> None:
    """Replace the part of a page between the marks of a name."""
    begin, end = BEGIN.format(name, by), END.format(name)
    whole = page.read_text(encoding="utf-8")
    if begin not in whole:
        raise SystemExit(f"{page} has no place for '{name}'; add the lines\n{begin}\n{end}")
    before, rest = whole.split(begin, 1)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

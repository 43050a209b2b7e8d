"""The figures of `bench/serve.py` and `bench/soak.py` as the tables of `docs/operations.md`.

    python bench/figures.py docs

reads `serve.json` and `soak.json` in that folder, those of them that are there, and writes the tables between
the two marks of the document.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("docs", type=Path)
    folder = parser.parse_args().docs
    document = folder / "operations.md"
    parts = []
    for name, told in (("serve", load), ("soak", soak)):
        file = folder / f"{name}.json"
        if file.exists():
            parts.append(told(json.loads(file.read_text(encoding="utf-8"))) + "\n")
    text = document.read_text(encoding="utf-8")
    within = re.compile(f"(?<={re.escape(BEGIN)}\n).*(?={re.escape(END)})", re.DOTALL)
    document.write_text(within.sub(lambda _: "\n".join(parts), text), encoding="utf-8")


def load(found: dict[str, Any]) -> str:
    """What quick, many and too many questions gave."""
    phases = [
        ("one question a second", "one_a_second"),
        ("one client without a pause", "one_client"),
        ("16 such clients", "16_clients"),
        ("three times as many as those", "overload"),
    ]
    lines = [
        "| | questions | answered | shed (429) | other | a second | p50 ms | p99 ms | CPU ms each |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for title, name in phases:
        phase = found[name]
        codes = phase["codes"]
        answered, shed = codes.get("200", 0) + codes.get("422", 0), codes.get("429", 0)
        cells = [
            phase["questions"],
            answered,
            shed,
            phase["questions"] - answered - shed,
            phase.get("a_second", ""),
            phase["p50_ms"],
            phase["p99_ms"],
            phase.get("cpu_ms_each", ""),
        ]
        lines.append(f"| {title} | {' | '.join(map(str, cells))} |")
    many, over = found["16_clients"], found["overload"]
    shed = (
        f" A refusal came within {over['shed_p99_ms']} ms (p99)." if over["shed_p99_ms"] is not None else ""
    )
    lines += [
        "",
        f"16 clients at once get **{many['times_one_client']}** times the answers of one, asked by turns in "
        f"the same run ({many['times_one_client_a_cpu_second']} times for a second of processor).{shed} "
        f"{found['seconds']:g} s a phase; {machine(found)}.",
    ]
    return "\n".join(lines)


def soak(found: dict[str, Any]) -> str:
    """What a long time left behind."""
    lines = [
        "| watched | after a fifth of the time | at the end | most | growth |",
        "|---|--:|--:|--:|--:|",
    ]
    for title, name in (("memory, MB", "memory_mb"), ("open files", "open_files"), ("threads", "threads")):
        value = found[name]
        cells = (value["second_fifth"], value["last_fifth"], value["most"], f"{100 * value['growth']:.1f} %")
        lines.append(f"| {title} | {' | '.join(map(str, cells))} |")
    lines += [
        "",
        f"{found['minutes']:g} minutes, {found['rate']:g} questions a second: {found['questions']} "
        f"questions, {found['errors']} errors, p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms; "
        f"{machine(found)}.",
    ]
    return "\n".join(lines)


def machine(found: dict[str, Any]) -> str:
    """Where and when it was measured."""
    before, after = found["before"], found["after"]
    return (
        f"commit {before['commit']}, {before['cores']} cores, "
        f"load of others and its own {before['load'][0]} before and {after['load'][0]} after"
    )


if __name__ == "__main__":
    main()

"""Where the time of a first `polycypher ask` goes: fresh processes, medians.

python bench/cold_start.py [runs]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import Any

from polycypher.graph.watch import Watch, unwatched

QUESTION = "Which movies did Clint Eastwood direct?"
ASK = [sys.executable, "-m", "polycypher", "ask", QUESTION, "--json"]
STAGES = """
import json, sys, time
began, told = time.perf_counter(), {}
def lap(name):
    told[name] = time.perf_counter() - began - sum(told.values())
import torch
lap("import PyTorch")
from polycypher.translator import loading
from polycypher.translator.translator import Translator
lap("import the rest")
translator = Translator.load("nano")
lap("load nano")
from polycypher.graph.connect import connect
store = connect("demo")
lap("start the embedded graph (beside the model in `ask`)")
schema, question, first = store.schema(), sys.argv[1], []
lap("read the schema")
translator.translate(question, schema, on_text=lambda text: first.append(time.perf_counter()))
told["first token"] = first[0] - began - sum(told.values())
lap("the rest of the query")
translator.translate(question, schema)
lap("the same question again, warm")
store.close()
print(json.dumps(told))
"""


def cold_starts(runs: int, *, watch: Watch = unwatched) -> dict[str, Any]:
    """Median seconds: `ask` as a whole, and its stages one after another in a process of their own."""
    whole: list[float] = []
    stages: dict[str, list[float]] = {}
    with watch("cold starts", 2 * runs) as advance:
        for _ in range(runs):
            began = time.perf_counter()
            subprocess.run(ASK, check=True, capture_output=True)
            whole.append(time.perf_counter() - began)
            advance()
            done = subprocess.run(
                [sys.executable, "-c", STAGES, QUESTION], check=True, capture_output=True, text=True
            )
            for name, seconds in json.loads(done.stdout).items():
                stages.setdefault(name, []).append(seconds)
            advance()
    return {
        "runs": runs,
        "ask_s": [round(value, 2) for value in (statistics.median(whole), min(whole), max(whole))],
        "stages_s": {name: round(statistics.median(values), 3) for name, values in stages.items()},
    }


def markdown_of(found: dict[str, Any], commit: str) -> str:
    """The table for docs/performance.md."""
    middle, least, most = found["ask_s"]
    lines = [
        f"`python bench/cold_start.py` at commit {commit}, {found['runs']} fresh processes: `polycypher ask` "
        f"takes {middle} s from the shell's prompt to its end (between {least} and {most}).",
        "",
        "| stage, one after another | median s |",
        "| --- | ---: |",
        *(f"| {name} | {seconds} |" for name, seconds in found["stages_s"].items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_of(cold_starts(int(sys.argv[1]) if len(sys.argv) > 1 else 5), "this one"))

"""How quickly a server answers, what batching gives, and what overload does.

    python bench/serve.py [--seconds 60] [--out docs/serve.json] [-- serve's own options]

Four phases of so many seconds, after a warm-up: one question a second (p50 and p99), one client that asks
without a pause, 16 such clients at once (throughput beside the one's), and three times as many questions a
second as those 16 got answered (what is shed, and how long the others take). On a machine that is not free,
times mean little; `cpu_ms_each`, the processor time of the server for a question, does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from load import at_rate, closed_loop, machine, questions, sample, seconds_at, served, summary

CLIENTS = 16
CPU = "process_cpu_seconds_total"
OVERLOAD = 3.0
WARM_UP = 12


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each phase")
    parser.add_argument("--out", type=Path)
    parser.add_argument("words", nargs="*", help="options of `polycypher serve`, after --")
    options = parser.parse_args()
    asked = questions(300)
    before = machine()
    with served(options.words) as url:
        result = asyncio.run(phases(url, asked, options.seconds))
    result = {"seconds": options.seconds, "before": before, "after": machine(), **result}
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


async def phases(url: str, asked: list[str], seconds: float) -> dict[str, Any]:
    """The four phases in their order."""
    await at_rate(url, asked, 2.0, WARM_UP / 2)
    steady = await at_rate(url, asked, 1.0, seconds)
    spent = [await sample(url, CPU)]
    alone, alone_seconds = await closed_loop(url, asked, 1, seconds)
    spent.append(await sample(url, CPU))
    together, together_seconds = await closed_loop(url, asked, CLIENTS, seconds)
    spent.append(await sample(url, CPU))
    each = [1000 * (spent[1] - spent[0]) / len(alone), 1000 * (spent[2] - spent[1]) / len(together)]
    one = len(alone) / alone_seconds
    many = len(together) / together_seconds
    over = await at_rate(url, asked, OVERLOAD * many, seconds)
    shed = [answer for answer in over if answer.code == 429]
    return {
        "one_a_second": summary(steady),
        "one_client": {**summary(alone), "a_second": round(one, 2), "cpu_ms_each": round(each[0], 1)},
        f"{CLIENTS}_clients": {
            **summary(together),
            "a_second": round(many, 2),
            "times_one_client": round(many / one, 2),
            "cpu_ms_each": round(each[1], 1),
            "times_one_client_a_cpu_second": round(each[0] / each[1], 2),
        },
        "overload": {
            **summary(over),
            "offered_a_second": round(OVERLOAD * many, 2),
            "shed_share": round(len(shed) / len(over), 3),
            "shed_p99_ms": round(1000 * seconds_at(shed, 0.99), 1),
        },
    }


if __name__ == "__main__":
    main()

"""The command that measures what fusion costs: `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import JsonOption, ModelOption


@app.command()
def bench(
    model: ModelOption = "nano",
    random_weights: Annotated[
        str | None, typer.Option(help="Sizes to fill with random weights instead: llama-3.1-8b, llama-tiny.")
    ] = None,
    device: Annotated[str, typer.Option(help="As PyTorch names it: cpu, cuda.")] = "cpu",
    dtype: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
    adapters: Annotated[list[int] | None, typer.Option(min=1, help="How many; may be repeated.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds of each workload.")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="One workload, in less than a minute.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the result here (JSON).")] = None,
    json: JsonOption = False,
) -> None:
    """Time every mode beside plain PEFT adapters, interleaved, as ratios."""
    from dataclasses import replace

    from polycypher.benchmark.report import tables
    from polycypher.benchmark.run import Plan, run_bench
    from polycypher.study.files import write_json

    plan = Plan(model, random_weights, device, dtype, rounds=rounds)
    if adapters:
        plan = replace(plan, counts=tuple(adapters))
    if quick:
        plan = plan.quickened()
    result = run_bench(plan, watch=console.progress_bar)
    if out is not None:
        write_json(out, result)
    if json:
        console.print_json(result)
        return
    for table in tables(result):
        console.out().print(table)

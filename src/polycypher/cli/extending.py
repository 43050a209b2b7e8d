"""The command that gives a bundle one more language: `add-language`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import JsonOption, ModelOption


@app.command("add-language")
def add_language(
    language: Annotated[str, typer.Argument(help="The new language, a BCP 47 code: de, pt-BR, …")],
    corpus: Annotated[list[Path], typer.Option(help="Examples: .jsonl, .csv or .parquet; one or several.")],
    schemas: Annotated[Path, typer.Option(help="Schemas of the examples' databases (JSONL).")],
    out: Annotated[Path, typer.Option(help="The folder of the extended bundle.")],
    model: ModelOption = "nano",
    test: Annotated[
        Path | None, typer.Option(help="Held-out examples: never trained on, scored after.")
    ] = None,
    graph: Annotated[
        str | None, typer.Option("--graph", "-g", help="Where the held-out queries run.")
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="Gate questions a language, at most.")] = 2500,
    epochs: Annotated[int, typer.Option(min=1, help="Times the adapter sees its examples.")] = 4,
    seed: Annotated[int, typer.Option(help="Of first weights and order.")] = 0,
    json: JsonOption = False,
) -> None:
    """Add a language to a bundle: one adapter and a new gate, old adapters untouched."""
    from polycypher.corpus.readers import read_examples, read_schemas
    from polycypher.evaluation.table import score_table
    from polycypher.study.compare import before_and_after
    from polycypher.study.extend import NANO_ADAPTER
    from polycypher.study.extend import add_language as extend
    from polycypher.study.recipe import GatePart

    held_out = read_examples(test) if test else []
    made = extend(
        model,
        language,
        [example for path in corpus for example in read_examples(path)],
        read_schemas(schemas),
        out,
        held_out=held_out,
        settings=NANO_ADAPTER.model_copy(update={"epochs": epochs}),
        gate=GatePart(questions=questions),
        seed=seed,
        bar=console.progress_bar,
    )
    told = made.to_dict()
    if held_out:
        before, after = before_and_after(
            model, out, held_out, read_schemas(schemas), graph, console.progress_bar
        )
        told["before"], told["after"] = before.to_json(), after.to_json()
        if not json:
            for name, report in (("before", before), ("after", after)):
                console.print_notice(name)
                console.out().print(score_table(report))
    if json:
        console.print_json(told)
    else:
        console.print_text(
            f"{out}: '{language}' from {made.adapter_samples} questions, gate from "
            f"{sum(made.gate_samples.values())}, {made.fusion_minutes:.1f} minutes; "
            f"joint training would take {made.joint_samples} questions"
        )

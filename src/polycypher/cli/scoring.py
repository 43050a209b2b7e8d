"""The command that measures a model: `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import (
    ConstrainOption,
    DatabaseOption,
    JsonOption,
    ModelOption,
    ModeOption,
    PasswordOption,
    UserOption,
)
from polycypher.fusion.modes import Mode
from polycypher.graph.access import access_to


@app.command()
def evaluate(
    corpus: Annotated[Path, typer.Option(help="Examples: .jsonl, .csv or .parquet.")],
    graph: Annotated[str | None, typer.Option("--graph", "-g", help="Where queries run.")] = None,
    schemas: Annotated[
        Path | None, typer.Option(help="Schemas (JSONL) instead of a graph: text measures only.")
    ] = None,
    database: DatabaseOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    model: ModelOption = "nano",
    language: Annotated[list[str] | None, typer.Option(help="Only these languages.")] = None,
    constrain: ConstrainOption = True,
    mode: ModeOption = Mode.PRUNED,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many examples.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Keep the predictions here (JSONL).")] = None,
    json: JsonOption = False,
) -> None:
    """Score a model on a corpus, by language."""
    from polycypher import score
    from polycypher.evaluation.table import routing_table, score_table

    with console.waiting("loading"):
        trial = score.open_trial(
            corpus,
            model,
            graph=graph,
            schemas=schemas,
            languages=language,
            limit=limit,
            mode=mode,
            **access_to(graph, database, user, password),
        )
    with trial:
        for notice in trial.notices:
            console.print_notice(notice)
        report = trial.run(constrain=constrain, watch=console.progress_bar, keep=predictions)
    if json:
        console.print_json(report.to_json())
        return
    for table in (score_table(report), routing_table(report)):
        if table is not None:
            console.out().print(table)

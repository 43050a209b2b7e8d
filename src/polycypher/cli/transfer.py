"""The command that measures ways of cross-lingual transfer: `transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app
from polycypher.cli.options import JsonOption


@app.command()
def transfer(
    task: Annotated[str, typer.Option(help="xnli, nusax, tydiqa, mlqa or text2cypher.")],
    mode: Annotated[
        list[str],
        typer.Option(help="zero-shot, translate-test, translate-train, input-fusion, flare-add-relu, …"),
    ],
    model: Annotated[Path, typer.Option(help="A Hugging Face folder of the base.")],
    test: Annotated[Path, typer.Option(help="Examples in the target language.")],
    target: Annotated[str, typer.Option(help="The language to answer in: de, tr, …")],
    source: Annotated[str, typer.Option(help="The language that the model knows the task in.")] = "en",
    adapter: Annotated[
        Path | None, typer.Option(help="The task's LoRA in the source language, a PEFT folder.")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="Training examples, in the target or the source language, or both.")
    ] = None,
    source_train: Annotated[
        Path | None, typer.Option(help="The training examples in the source language, if in another file.")
    ] = None,
    source_test: Annotated[
        Path | None, typer.Option(help="The test examples in the source language, if in another file.")
    ] = None,
    translator: Annotated[
        str | None, typer.Option(help="nllb:FOLDER_OR_ID or file:PATH; makes the texts that no file has.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for trained adapters.")] = Path("transfer"),
    epochs: Annotated[int | None, typer.Option(min=1, help="Of training.")] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Examples answered at once.")] = 32,
    device: Annotated[str, typer.Option(help="cpu, cuda, …")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of first weights and order.")] = 0,
    json: JsonOption = False,
) -> None:
    """Compare ways to answer in a language with a model that learned the task in another."""
    from polycypher.study.transfer.on_tasks import TaskComparison, compare_on_task

    training = {"epochs": epochs, "rate": rate}
    told = compare_on_task(
        TaskComparison(
            task=task,
            methods=tuple(mode),
            model=model,
            source=source,
            target=target,
            test=test,
            source_test=source_test,
            train=train,
            source_train=source_train,
            adapter=adapter,
            translator=translator,
            folder=out,
            training={name: value for name, value in training.items() if value is not None},
            batch=batch,
            device=device,
            seed=seed,
        ),
        console.waiting,
    )
    if json:
        console.print_json(told)
        return
    for row in told["rows"]:
        scores = ", ".join(f"{metric} {value:.3f}" for metric, value in row["scores"].items())
        cost = (
            f"{row['parameters']:,} parameters, {row['minutes']:.1f} min"
            if row["parameters"]
            else "no training"
        )
        console.print_text(f"{row['method']}: {scores} ({told['examples']} examples, {cost})")

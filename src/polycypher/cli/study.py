"""Commands of the study: `study run`, `study plan`, `train adapter`, `train joint`, `train gate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from polycypher import console
from polycypher.cli.app import app, train_app
from polycypher.cli.options import JsonOption
from polycypher.cli.training import print_record

study_app = typer.Typer(help="The paper's experiment: run it, or plan it.", no_args_is_help=True)
app.add_typer(study_app, name="study")

RecipeArgument = Annotated[Path, typer.Argument(help="The study's recipe (YAML).")]
TinyOption = Annotated[
    bool, typer.Option("--tiny", help="A small random base of the same architecture, synthetic questions.")
]


@study_app.command("run")
def run(recipe: RecipeArgument, tiny: TinyOption = False, json: JsonOption = False) -> None:
    """Run the whole experiment; finished stages are kept, an interrupted run goes on."""
    from polycypher.study.reading import METRICS
    from polycypher.study.recipe import StudyRecipe
    from polycypher.study.report import write_report
    from polycypher.study.run import provenance, run_study
    from polycypher.study.tables import point_table

    results = run_study(
        StudyRecipe.from_file(recipe),
        tiny=tiny,
        bar=console.progress_bar,
        report=print_record,
        provenance=provenance(sys.argv[1:]),
    )
    if results is None:
        return
    written = write_report(results, Path(results["folder"]))
    if json:
        console.print_json(results)
        return
    for metric in METRICS:
        console.out().print(console.text_table(point_table(results, metric)))
    for path in written:
        console.print_notice(str(path))


@study_app.command("transfer")
def transfer(recipe: RecipeArgument, tiny: TinyOption = False, json: JsonOption = False) -> None:
    """Compare every way to combine adapters, or to bring in a language, on a study's base and data."""
    from polycypher.study.reading import METRICS
    from polycypher.study.run import provenance
    from polycypher.study.tables import point_table
    from polycypher.study.transfer.recipe import TransferRecipe
    from polycypher.study.transfer.report import write_transfer_report
    from polycypher.study.transfer.run import run_transfer

    results = run_transfer(
        TransferRecipe.from_file(recipe),
        tiny=tiny,
        bar=console.progress_bar,
        report=print_record,
        provenance=provenance(sys.argv[1:]),
    )
    written = write_transfer_report(results, Path(results["folder"]))
    if json:
        console.print_json(results)
        return
    for metric in METRICS:
        console.out().print(console.text_table(point_table(results, metric)))
    for path in written:
        console.print_notice(str(path))


@study_app.command("plan")
def plan(recipe: RecipeArgument, json: JsonOption = False) -> None:
    """Print what a study will do and need, without loading weights."""
    from polycypher.study.plan import plan_study, plan_table
    from polycypher.study.recipe import StudyRecipe

    planned = plan_study(StudyRecipe.from_file(recipe))
    if json:
        console.print_json(planned.to_dict())
    else:
        console.out().print(console.text_table(plan_table(planned)))
        for note in planned.notes:
            console.print_notice(note)


@train_app.command("adapter")
def train_adapter(
    recipe: RecipeArgument,
    language: Annotated[str, typer.Argument(help="A language of the recipe, or en-only.")],
    tiny: TinyOption = False,
) -> None:
    """Train one adapter of a study."""
    _train(recipe, language, tiny)


@train_app.command("joint")
def train_joint(recipe: RecipeArgument, tiny: TinyOption = False) -> None:
    """Train the adapter of all languages together, the paper's upper bound."""
    _train(recipe, "joint", tiny)


@train_app.command("gate")
def train_gate(recipe: RecipeArgument, tiny: TinyOption = False) -> None:
    """Train the gates of a study over its adapters, which are trained first where they are missing."""
    from polycypher.study.recipe import StudyRecipe
    from polycypher.study.run import train_gates

    for kind, folder in train_gates(
        StudyRecipe.from_file(recipe), tiny=tiny, bar=console.progress_bar, report=print_record
    ).items():
        console.print_text(f"{kind} {folder}")


def _train(recipe: Path, name: str, tiny: bool) -> None:
    from polycypher.study.recipe import StudyRecipe
    from polycypher.study.run import train_named

    folder = train_named(
        StudyRecipe.from_file(recipe), name, tiny=tiny, bar=console.progress_bar, report=print_record
    )
    console.print_text(str(folder))

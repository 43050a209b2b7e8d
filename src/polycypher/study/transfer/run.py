"""The whole comparison: the study's adapters, then family by family the rows that the recipe asks for.

What is finished is kept; an interrupted run goes on. Knows nothing of how the table looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from polycypher.evaluation import Report, evaluate
from polycypher.study.files import write_json
from polycypher.study.growth import train_further
from polycypher.study.measure import MEASURES, check_gold, difference_of, open_graphs, scores
from polycypher.study.progress import Bar, quiet
from polycypher.study.recipe import GrowthPart, StudyRecipe
from polycypher.study.study import Study
from polycypher.study.train import trained_names
from polycypher.study.transfer.comparison import Comparison, Made, check_together
from polycypher.study.transfer.cross_lingual import cross_lingual, why_missing
from polycypher.study.transfer.merging import baselines, learned, merges
from polycypher.study.transfer.recipe import TransferRecipe
from polycypher.study.transfer.reference import transferred
from polycypher.study.transfer.routing import routed
from polycypher.study.transfer.rows import ROWS

Family = Callable[[Comparison], Iterator[Made]]
FAMILIES: tuple[Family, ...] = (baselines, merges, learned, routed, transferred, cross_lingual)
"""Each yields its rows, those that the recipe asks for."""

BESIDE = ("gate-mlp", "zero-shot")
"""Rows that every other is compared with, question by question, where both answer."""


def run_transfer(
    recipe: TransferRecipe,
    *,
    tiny: bool = False,
    bar: Bar = quiet,
    report: Callable[[Mapping[str, Any]], None] = lambda record: None,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make every row that the recipe asks for; returns what it wrote to `transfer.json`.

    The shape is that of a study's results: `methods` → language → measure. A row that answers in the target
    language alone has None elsewhere, and no average.

    Args:
        recipe: what to compare.
        tiny: on a small random base with synthetic questions.
        bar: draws the progress.
        report: told of the base's training, if it has to be trained.
        provenance: command and commit.

    Raises:
        RecipeError: recipe and study do not belong together.
        CorpusError, TrainingError, ModelError, GraphError, AdapterError: as for `run_study`.
    """
    asked_study = StudyRecipe.from_file(recipe.study)
    check_together(recipe, asked_study)
    if asked_study.growth is None or asked_study.growth.language != recipe.target:
        growth = GrowthPart(language=recipe.target, examples=1_000_000)
        asked_study = asked_study.model_copy(update={"growth": growth})
    if tiny:
        recipe = tiny_transfer(recipe)
    study = Study.open(asked_study, tiny=tiny, bar=bar, report=report)
    comparison = Comparison(recipe, study)
    for name in trained_names(study.recipe):
        study.train(name)
    train_further(study)
    examples = comparison.test_examples()
    with open_graphs(study.recipe.evaluation.graphs) as graphs:
        usable, wrong = check_gold(examples, graphs)
        reports: dict[str, Report] = {}
        costs: dict[str, Any] = {}
        for family in FAMILIES:
            for made in family(comparison):
                reports[made.name] = evaluate(made.predictions, usable, graphs)
                costs[made.name] = made.cost
    codes = comparison.languages
    results = {
        "name": recipe.name,
        **(provenance or {}),
        "folder": str(recipe.folder),
        "tiny": tiny,
        "seed": study.recipe.seed,
        "languages": list(codes),
        "target": recipe.target,
        "corpus": {
            "test": {code: sum(code in example.questions for example in examples) for code in codes},
            "executed": {
                code: sum(code in e.questions and e.database in graphs for e in usable) for code in codes
            },
            "gold_unusable": dict(wrong),
            "train": {
                **{code: len(study.data.split.train[code]) for code in study.recipe.languages},
                recipe.target: len(comparison.target_examples()[0]),
            },
            "shared": study.data.split.counts["shared"],
            "joint": study.data.split.counts["joint"],
            "gate": len(comparison.gate_rows()[0]),
        },
        "rows": [name for name in ROWS if name in reports],
        "missing": {name: _why_missing(name, recipe) for name in ROWS if name not in reports},
        "methods": {name: _scores(reports[name], codes, name) for name in ROWS if name in reports},
        "differences": _differences(reports, codes),
        "costs": {name: costs[name] for name in ROWS if name in costs},
    }
    write_json(recipe.folder / "transfer.json", results)
    return results


def tiny_transfer(recipe: TransferRecipe) -> TransferRecipe:
    """The recipe with small counts, for `--tiny`."""
    return recipe.model_copy(
        update={
            "folder": recipe.folder / "tiny",
            "learned": recipe.learned.model_copy(update={"steps": 2, "budget": 3, "rows": 4}),
            "routers": recipe.routers.model_copy(update={"epochs": 1}),
            "reference": recipe.reference.model_copy(
                update={"texts": 12, "epochs": 1, "task_epochs": 1, "scales": [0.5, 1.0], "development": 3}
            ),
            "flare": recipe.flare.model_copy(update={"epochs": 1, "batch": 8}),
        }
    )


def _why_missing(name: str, recipe: TransferRecipe) -> str:
    return why_missing(name) if name in recipe.rows else "the recipe does not ask for it"


def _scores(report: Report, languages: Sequence[str], name: str) -> dict[str, Any]:
    found = scores(report, languages)
    if ROWS[name].target_only:
        found["avg"] = dict.fromkeys(MEASURES)  # an average over one language stands beside no other
    return found


def _differences(reports: Mapping[str, Report], languages: Sequence[str]) -> dict[str, Any]:
    """`one - other` → language → measure → the paired difference, for every row beside each of `BESIDE`."""
    return {
        f"{one} - {other}": {
            code: {
                measure: difference_of(reports[one], reports[other], measure, None if code == "avg" else code)
                for measure in MEASURES
            }
            for code in (*languages, "avg")
            if code != "avg" or not (ROWS[one].target_only or ROWS[other].target_only)
        }
        for one in ROWS
        for other in BESIDE
        if one in reports and other in reports and one != other
    }

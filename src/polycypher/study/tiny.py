"""A recipe in miniature: every stage on a small random base and synthetic questions, in minutes.

For recipes whose base or corpus is out of reach: the same code runs on the same settings with smaller
counts. Its scores say nothing. Knows nothing of stages.
"""

from __future__ import annotations

from collections.abc import Iterable

from polycypher.cypher.normalise import normalise
from polycypher.study.data import StudyData, make_data
from polycypher.study.recipe import StudyRecipe
from polycypher.synthesis import demo_world, synthesise

COUNTS = {"shared": 12, "pair": 2, "unique": 4, "test_limit": 8}
SEED = 1_000_003
DATABASE = "demo"


def tiny_recipe(recipe: StudyRecipe) -> StudyRecipe:
    """The recipe with small counts, the demo graph, and an optimiser that runs on any processor."""
    adapters = recipe.adapters.model_copy(
        update={"epochs": 1, "optimizer": "adamw", "longest": max(768, min(1024, recipe.adapters.longest))}
    )
    return recipe.model_copy(
        update={
            "name": f"{recipe.name} (tiny)",
            "folder": recipe.folder / "tiny",
            "corpus": recipe.corpus.model_copy(update=COUNTS),
            "adapters": adapters,
            "gate": recipe.gate.model_copy(update={"questions": 8, "epochs": 2}),
            "evaluation": recipe.evaluation.model_copy(
                update={"graphs": {DATABASE: "demo"}, "longest": 24, "batch": 8}
            ),
            "growth": recipe.growth.model_copy(update={"examples": 10}) if recipe.growth else None,
        }
    )


def tiny_data(recipe: StudyRecipe) -> StudyData:
    """Synthetic parallel questions about the demo graph, in the recipe's languages.

    Raises:
        UsageError: the synthesiser does not know one of the languages.
        CorpusError: as for `make_data`.
    """
    schema, lexicon, values = demo_world()
    codes = list(recipe.languages)
    if recipe.growth is not None:
        codes.append(recipe.growth.language)
    made = synthesise(
        schema, lexicon, values, languages=codes, count=160, seed=SEED + recipe.seed, database=DATABASE
    )
    return make_data(recipe, made[40:], made[:40], {DATABASE: schema}, {})


def tiny_texts(data: StudyData) -> Iterable[str]:
    """Texts for the tiny base's tokenizer."""
    for schema in data.schemas.values():
        yield schema.to_prompt()
    for example in data.split.union:
        yield from example.questions.values()
        yield normalise(example.cypher)

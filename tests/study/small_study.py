"""Small recipes, data and bases for the tests of the study's rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from polycypher.corpus.example import Example
from polycypher.corpus.prompt import COMPACT
from polycypher.errors import QueryRejected
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from polycypher.graph.store import Limits, Result
from polycypher.schema import GraphSchema
from polycypher.study.base import Base
from polycypher.study.data import StudyData, make_data
from polycypher.study.recipe import StudyRecipe
from polycypher.translator.prompts import PromptMaker
from tiny_models import END, random_adapter, tiny_llama, tiny_tokenizer

FILMS = GraphSchema.from_dict(
    {"node_properties": {"Movie": {"title": "STRING"}, "Person": {"name": "STRING"}}, "relationships": []}
)
TOWNS = GraphSchema.from_dict({"node_properties": {"Town": {"name": "STRING"}}, "relationships": []})
SCHEMAS = {"films": FILMS, "towns": TOWNS}


def recipe_of(folder: Path, **changes: Any) -> StudyRecipe:
    """A recipe in English and Spanish: 2 shared, 1 for the pair, 1 for each alone."""
    files = {"files": ["never-read.jsonl"]}
    return StudyRecipe.model_validate(
        {
            "name": "small",
            "folder": folder,
            "languages": ["en", "es"],
            "base": {"model": "owner/base"},
            "corpus": {"train": files, "test": files, "shared": 2, "pair": 1, "unique": 1},
            "gate": {"questions": 2},
            **changes,
        }
    )


def example(number: int, database: str = "films", cypher: str = "", **questions: str) -> Example:
    """An example with an English and a Spanish question of its own, unless others are given."""
    asked = questions or {"en": f"Which film is number {number}?", "es": f"¿Qué película es la {number}?"}
    return Example(f"q{number}", database, asked, cypher or f"MATCH (m:Movie) RETURN m.title LIMIT {number}")


def data_of(recipe: StudyRecipe, count: int = 8, **more: Any) -> StudyData:
    """Data of `count` training examples and two test examples."""
    train = [example(number) for number in range(1, count + 1)]
    test = [example(101), example(102, "towns", "MATCH (t:Town) RETURN t.name")]
    return make_data(recipe, train, test, SCHEMAS, {}, **more)


def base_of(folder: Path = Path("base")) -> Base:
    """A random Llama of two layers with a tokenizer of a few hundred tokens."""
    tokenizer = tiny_tokenizer()
    model = tiny_llama(vocabulary=len(tokenizer))
    return Base(model, tokenizer, folder, "fingerprint", PromptMaker(tokenizer, COMPACT, 200))


def runner_of(base: Base, *names: str) -> tuple[Runner, dict[str, int]]:
    """A model like the base's with a random adapter a name, and their places."""
    model = tiny_llama(vocabulary=len(base.tokenizer))
    adapters = [random_adapter(model, seed=place, language=name) for place, name in enumerate(names)]
    stacked = StackedAdapter(model, adapters)
    return Runner(model, stacked, end=END), {name: place for place, name in enumerate(names)}


class Graph:
    """A graph that answers known queries: text → rows, or a function of how often it was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.times: dict[str, int] = {}

    def read(self, query: str, *, limits: Limits) -> Result:
        """The rows of a known query."""
        if query not in self.answers:
            raise QueryRejected(f"no such query: {query}")
        self.times[query] = self.times.get(query, 0) + 1
        found = self.answers[query]
        rows = found(self.times[query]) if isinstance(found, Callable) else found  # type: ignore[arg-type]
        return Result(("a",), tuple(rows), False, 0.0)


def seeded(*size: int, seed: int = 0) -> torch.Tensor:
    """Normal numbers."""
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))

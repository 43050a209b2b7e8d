"""Training nano's base: tokenizer, wiring, copying warm-up, then the mixture.

Knows nothing of adapters or gates.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polycypher.corpus.example import Example
from polycypher.corpus.prompt import COMPACT
from polycypher.cypher.normalise import normalise
from polycypher.errors import QueryError, RecipeError
from polycypher.nano.data import LENGTHS, Mixture, Source, encode_pair, make_batch, source_of
from polycypher.nano.forward import Batch, Shape
from polycypher.nano.initialise import make_model
from polycypher.nano.recipe import NanoRecipe
from polycypher.nano.synthetic import GroupMaker
from polycypher.nano.tokenizer import train_tokenizer
from polycypher.nano.train import Plan, Trainable, teacher_forced, train
from polycypher.schema import GraphSchema

Report = Callable[[dict[str, Any]], None]


def train_base(recipe: NanoRecipe, *, report: Report = lambda record: None) -> Path:
    """Train, or go on training, the base of a recipe; returns its folder (a plain Hugging Face one)."""
    from transformers import AutoTokenizer

    torch.manual_seed(recipe.seed)
    folder = recipe.folder / "base"
    folder.mkdir(parents=True, exist_ok=True)
    examples, schemas, held_out = recipe.read_corpora()
    if (folder / "tokenizer.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(folder)
    else:
        texts = tokenizer_texts(recipe, examples, schemas)
        tokenizer = train_tokenizer(texts, vocabulary=recipe.sizes.vocabulary)
        tokenizer.save_pretrained(folder)
    model = make_model(**recipe.sizes.model_dump(), seed=recipe.seed)
    shape = Shape.of(model.config)
    trainable = Trainable(dict(model.named_parameters()))
    if not (folder / "checkpoint.pt").exists():
        copying = Plan(steps=recipe.copying_steps, rate=recipe.base.rate, groups=1, fall=0.05)
        train(trainable, shape, CopyTask(len(tokenizer), recipe.seed), copying, report=report)
    mixture = Mixture(sources(recipe, examples, schemas), schemas, tokenizer, COMPACT, seed=recipe.seed)
    part = recipe.base
    plan = Plan(part.steps, part.rate, part.groups, part.warm_up, part.fall)
    probes = {
        code: probe_batches(held_out, schemas, tokenizer, code, most=150)
        for code in sorted({code for example in held_out for code in example.questions})
    }

    def probe(weights: dict[str, Tensor]) -> dict[str, float]:
        return probe_scores(weights, shape, probes)

    train(trainable, shape, mixture, plan, folder=folder, probe=probe, report=report)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(trainable.master[name])
    # A folder of its own first: a kill must not leave a half-written model that looks finished.
    with tempfile.TemporaryDirectory(dir=recipe.folder) as temporary:
        model.bfloat16().save_pretrained(temporary)
        for path in sorted(Path(temporary).iterdir(), key=lambda path: path.suffix == ".safetensors"):
            os.replace(path, folder / path.name)
    return folder


def tokenizer_texts(
    recipe: NanoRecipe, examples: Mapping[str, Sequence[Example]], schemas: Mapping[str, GraphSchema]
) -> list[str]:
    """Texts for the tokenizer: every schema, and questions and queries in proportion to the mixture."""
    texts = [schema.to_prompt() for schema in schemas.values()] * 3
    chooser = random.Random(recipe.seed)
    for part in recipe.corpora:
        rows = examples.get(part.name, [])
        for example in chooser.choices(rows, k=int(20_000 * part.weight)) if rows else []:
            texts.extend(text for code, text in example.questions.items() if code in part.languages)
            try:
                texts.append(normalise(example.cypher))
            except QueryError:
                continue
    if recipe.synthetic is not None:
        maker = _maker(recipe)
        for _ in range(200):
            schema, pairs = maker.pairs(chooser, 8)
            texts.append(schema.to_prompt())
            texts.extend(text for pair in pairs for text in pair)
    return texts


def sources(
    recipe: NanoRecipe,
    examples: Mapping[str, Sequence[Example]],
    schemas: Mapping[str, GraphSchema],
    *,
    only: str | None = None,
) -> list[Source]:
    """The mixture of a recipe, of the corpora that are there.

    With `only`, an adapter's: the corpora marked for adapters and the synthesiser, in that language.
    """
    found = []
    for part in recipe.corpora:
        if part.name in examples and (only is None or (part.adapters and only in part.languages)):
            weights = part.languages if only is None else {only: 1.0}
            found.append(source_of(part.name, part.weight, examples[part.name], schemas, weights))
    if recipe.synthetic is not None:
        found.append(Source("synthetic", recipe.synthetic.weight, {}, make=_maker(recipe, only).pairs))
    return found


def _maker(recipe: NanoRecipe, only: str | None = None) -> GroupMaker:
    part = recipe.synthetic
    if part is None:
        raise RecipeError("the recipe has no `synthetic` part")
    languages = part.languages if only is None else {only: 1.0}
    return GroupMaker(languages, demo_share=part.demo_share, known_share=part.known_share)


def probe_batches(
    examples: Sequence[Example], schemas: Mapping[str, GraphSchema], tokenizer: Any, code: str, *, most: int
) -> list[Batch]:
    """Batches of held-out examples in one language, grouped by database, answers only."""
    by_database: dict[str, list[Example]] = {}
    for example in [e for e in examples if code in e.questions and e.database in schemas][:most]:
        by_database.setdefault(example.database, []).append(example)
    batches: list[Batch] = []
    for database, group in by_database.items():
        rows = []
        for example in group:
            try:
                rows.append(
                    encode_pair(tokenizer, COMPACT, example.questions[code], normalise(example.cypher))
                )
            except QueryError:
                continue
        prefix = COMPACT.encode_prefix(tokenizer, schemas[database].to_prompt())
        rows = [row for row in rows if len(row[0]) <= LENGTHS[-1]]
        batches.extend(
            make_batch(prefix, rows[at : at + 12], LENGTHS[-1], 0.0) for at in range(0, len(rows), 12)
        )
    return batches


def probe_scores(
    weights: dict[str, Tensor], shape: Shape, probes: Mapping[str, list[Batch]]
) -> dict[str, float]:
    """Share of held-out queries written exactly, and mean answer loss, a language."""
    scores = {}
    for code, batches in probes.items():
        results = [teacher_forced(weights, shape, batch) for batch in batches]
        rows = sum(result[1] for result in results)
        if rows:
            scores[f"exact_{code}"] = sum(result[0] for result in results) / rows
            scores[f"loss_{code}"] = sum(result[2] for result in results) / rows
    return scores


class CopyTask:
    """Random tokens to be copied, from the schema's place and from the same row: the warm-up."""

    def __init__(self, vocabulary: int, seed: int) -> None:
        self.vocabulary = vocabulary
        self.random = random.Random(seed)

    def draw(self) -> Batch:
        """A batch whose rows repeat a part of the prefix, or repeat themselves."""
        length, size = LENGTHS[0], 128
        prefix = [self.random.randrange(260, self.vocabulary) for _ in range(size)]
        rows: list[tuple[list[int], int]] = []
        for index in range(12):
            if index % 2:
                at = self.random.randrange(size - length)
                rows.append((prefix[at : at + length], 3))
            else:
                half = [self.random.randrange(260, self.vocabulary) for _ in range(length // 2)]
                rows.append((half + half, length // 2 + 2))
        return make_batch(prefix, rows, length, 0.0)

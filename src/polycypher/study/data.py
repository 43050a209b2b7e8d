"""The study's data: what trains, what measures, and what was kept apart.

Training examples that share a question with the test set, by normalised text, are left out before the
split and the split is checked again after it. Knows nothing of models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polycypher.corpus.example import Example
from polycypher.corpus.hub import read_hub
from polycypher.corpus.prompt import PromptTokens
from polycypher.corpus.readers import read_examples, read_schemas, without_questions
from polycypher.corpus.split import Split, assert_disjoint, distinct_questions, split_parallel
from polycypher.cypher.normalise import normalise
from polycypher.errors import CorpusError, QueryError, RecipeError
from polycypher.schema import GraphSchema
from polycypher.study.recipe import CorpusSource, StudyRecipe
from polycypher.translator.prompts import PromptMaker


@dataclass(frozen=True, slots=True)
class StudyData:
    """`spare` are parallel training examples that the split does not use: for probes and choices.

    `pool` is every usable training example with all questions that it has, for languages that come later.
    `test` has every language of the study in each example; `unmeasured` are the other usable test examples,
    which nothing may train on either. An example's schema is `texts[id]`, as its corpus gives it, or else
    `schemas[database]`.
    """

    split: Split
    spare: tuple[Example, ...]
    pool: tuple[Example, ...]
    test: tuple[Example, ...]
    unmeasured: tuple[Example, ...]
    schemas: Mapping[str, GraphSchema]
    texts: Mapping[str, str]
    canonical: bool

    def prompt(self, maker: PromptMaker, example: Example, language: str) -> PromptTokens:
        """The prompt of an example's question in one language."""
        question = example.questions[language]
        text = self.texts.get(example.id)
        if text is not None:
            return maker.prompt_of_text(text, question)
        return maker.prompt(self.schemas[example.database], question)

    def answer(self, maker: PromptMaker, example: Example) -> list[int]:
        """The tokens that train as an example's answer."""
        return maker.answer(normalise(example.cypher) if self.canonical else example.cypher)


def read_data(recipe: StudyRecipe) -> StudyData:
    """Read a recipe's corpora and split them.

    Raises:
        CorpusError: a file or data set cannot be used, holds too few parallel examples, or gives one id to
            a training and a test example about different schemas.
        RecipeError: the schemas are missing.
    """
    part = recipe.corpus
    train, train_texts = _read(part.train)
    test, test_texts = _read(part.test)
    schemas = read_schemas(part.schemas) if part.schemas else {}
    for name in train_texts.keys() & test_texts.keys():
        if train_texts[name] != test_texts[name]:
            raise CorpusError(
                f"the id '{name}' stands in the training and in the test set with different schemas; give "
                "each example its own"
            )
    texts = {**train_texts, **test_texts}
    if not schemas and not texts:
        raise RecipeError("the corpus gives no schemas of its own; name a file of them in `corpus.schemas`")
    return make_data(recipe, train, test, schemas, texts)


def make_data(
    recipe: StudyRecipe,
    train: Sequence[Example],
    test: Sequence[Example],
    schemas: Mapping[str, GraphSchema],
    texts: Mapping[str, str],
) -> StudyData:
    """The data of a study from examples that are read already.

    An example is usable if its schema is known, it has a question in every language of the study and its
    query can be read; the others are passed over.

    Args:
        recipe: counts, languages and seed.
        train: of these, what shares a question with `test` is left out.
        test: measured on, up to `corpus.test_limit`; kept out of training whole.
        schemas: by database.
        texts: by example id; goes before `schemas`.

    Raises:
        CorpusError: too few usable examples to train on, none to measure on, or an id twice among them.
    """
    part, codes = recipe.corpus, recipe.languages

    def usable(example: Example) -> bool:
        known = example.id in texts or example.database in schemas
        return known and all(code in example.questions for code in codes) and _readable(example)

    runnable = recipe.evaluation.graphs if recipe.evaluation.runnable_only else None
    known = [example for example in test if usable(example)]
    measured = [example for example in known if runnable is None or example.database in runnable]
    measured = measured[: part.test_limit]
    chosen = {id(example) for example in measured}
    unmeasured = [example for example in known if id(example) not in chosen]
    if not measured:
        raise CorpusError(
            f"none of {len(test)} test examples has a schema and a question in each of {', '.join(codes)}; "
            "add schemas or translations, or name fewer `languages`"
        )
    twice = [name for name, times in Counter(example.id for example in measured).items() if times > 1]
    if twice:
        raise CorpusError(f"two test examples have the id '{twice[0]}'; give each its own")
    apart = without_questions([example for example in train if usable(example)], test)
    split = split_parallel(
        distinct_questions(apart),
        codes,
        shared=part.shared,
        pair=part.pair,
        unique=part.unique,
        seed=recipe.seed,
    )
    used = {example.id for example in split.union}
    spare = without_questions([e for e in apart if e.id not in used], split.union)
    assert_disjoint([*split.union, *spare], test)
    return StudyData(
        split,
        tuple(spare),
        tuple(apart),
        tuple(measured),
        tuple(unmeasured),
        schemas,
        texts,
        part.canonical,
    )


def _read(source: CorpusSource) -> tuple[list[Example], Mapping[str, str]]:
    if source.hub is not None:
        found = read_hub(source.hub, source.split, revision=source.revision)
        return list(found.examples), found.schemas
    examples: list[Example] = []
    for file in source.files:
        if not Path(file).exists():
            raise CorpusError(f"the recipe's corpus file {file} does not exist; get it or name another")
        examples += read_examples(file)
    return examples, {}


def _readable(example: Example) -> bool:
    try:
        normalise(example.cypher)
    except QueryError:
        return False
    return True

"""Rows that take the source language's adapter to the target: by training, by translation, or by FLARE.

arXiv 2501.06892, §4, on Text2Cypher: the source text of a question is the corpus' own parallel question,
which stands for a translation. So `translate-test` is an upper bound of what a translator could give. Knows
nothing of how FLARE works.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from polycypher.corpus.example import Example
from polycypher.corpus.prompt import PromptTokens
from polycypher.cypher.cleanup import clean
from polycypher.cypher.normalise import normalise
from polycypher.evaluation import Prediction
from polycypher.flare.experiment import FLARE, LATENT, TransferSettings, transfer
from polycypher.flare.items import Frame, ParallelItem
from polycypher.flare.settings import FlareSettings
from polycypher.flare.storage import FlareIdentity
from polycypher.study.methods import Method
from polycypher.study.predict import Asked
from polycypher.study.progress import steps_on
from polycypher.study.transfer.comparison import Comparison, Cost, Made

TRAINED = ("translate-train", "input-fusion", *FLARE)
"""Rows that train on the target's questions. `flare-mt` needs the encoder of a translation model."""


def cross_lingual(comparison: Comparison) -> Iterator[Made]:
    """Translate-test, and every row that trains on the target's questions."""
    source = comparison.recipe.source
    made_of = [comparison.study.made_by(source), source]
    if comparison.wants("translate-test"):
        yield comparison.row("translate-test", made_of, lambda asked: _translated(comparison, asked))
    settings = _settings(comparison)
    made_of += [comparison.target_digest(), settings.flare.model_dump()]
    for name in TRAINED:
        if comparison.wants(name):

            def make(asked: list[Asked], name: str = name) -> tuple[list[Prediction], Cost]:
                return _trained_and_asked(comparison, name, settings, asked)

            yield comparison.row(name, made_of, make)


def why_missing(name: str) -> str:
    """Why a row that the recipe asks for was not made; '' if nothing is known to be in the way."""
    return "needs the encoder of a translation model" if name == LATENT else ""


def _translated(comparison: Comparison, asked: Sequence[Asked]) -> tuple[list[Prediction], Cost]:
    """The source's adapter on the source's question, whatever language was asked in."""
    source = comparison.recipe.source
    adapter = comparison.study.adapters[source]
    full = comparison.whole_examples()
    told = [replace(one, prompt=comparison.prompt(full[one.example.id], source)) for one in asked]
    told.sort(key=lambda one: (one.prompt.prefix, len(one.prompt.suffix)))
    answers = comparison.answers(Method("translate-test", (source,)), {source: adapter}, told)
    return answers, {
        "parameters": 0,
        "samples": 0,
        "minutes": 0.0,
        "multiply_adds": comparison.multiply_adds([adapter.factors]),
    }


def _trained_and_asked(
    comparison: Comparison, name: str, settings: TransferSettings, asked: Sequence[Asked]
) -> tuple[list[Prediction], Cost]:
    study, recipe = comparison.study, comparison.recipe
    adapter = study.adapters[recipe.source]
    full = comparison.whole_examples()
    train = [_item(comparison, example) for example in comparison.target_examples()[0]]
    test = [_item(comparison, full[one.example.id]) for one in asked]
    with steps_on(study.bar, f"row {name}") as step:
        outcome = transfer(
            name,
            study.base.model,
            [adapter],
            _frame(comparison),
            train,
            test,
            recipe.folder / "cross-lingual",
            identity=FlareIdentity(
                source=recipe.source,
                target=recipe.target,
                base=study.base.folder.name,
                base_fingerprint=study.base.fingerprint,
                prompt_hash=study.base.template.hash,
            ),
            settings=settings,
            seed=study.recipe.seed,
            step=step,
        )
    predictions = [
        Prediction(one.example.id, one.language, clean(text), None)
        for one, text in zip(asked, outcome.answers, strict=True)
    ]
    # FLARE's bottleneck reads two vectors in q and v; a LoRA on top counts as a second adapter.
    return predictions, {
        "parameters": outcome.parameters,
        "samples": outcome.samples,
        "minutes": outcome.minutes,
        "multiply_adds": comparison.multiply_adds([adapter.factors], float(outcome.parameters)),
    }


def _settings(comparison: Comparison) -> TransferSettings:
    part, own = comparison.recipe.flare, comparison.study.recipe.adapters
    flare = FlareSettings(
        rank=part.rank,
        alpha=part.alpha,
        epochs=part.epochs,
        rate=part.rate,
        batch=part.batch,
        rows_a_pack=own.rows_a_pack,
        packs_at_once=own.packs_at_once,
        longest=own.longest,
        precision=own.precision,
    )
    return TransferSettings(
        flare=flare,
        batch=comparison.study.recipe.evaluation.batch,
        most=comparison.study.recipe.evaluation.longest,
    )


def _item(comparison: Comparison, example: Example) -> ParallelItem:
    """A question in both languages; its answer as the study trains it."""
    study, recipe = comparison.study, comparison.recipe
    answer = normalise(example.cypher) if study.data.canonical else example.cypher
    return ParallelItem(
        example.id,
        example.questions[recipe.source],
        example.questions[recipe.target],
        answer,
        translation=example.questions[recipe.source],
        context=example,
    )


def _frame(comparison: Comparison) -> Frame:
    study = comparison.study
    tokenizer = study.base.tokenizer

    def prompt(item: ParallelItem, text: str) -> PromptTokens:
        example: Example = item.context
        return comparison.prompt(replace(example, questions={"und": text}), "und")

    return Frame(
        prompt,
        lambda text: list(tokenizer(text, add_special_tokens=False)["input_ids"]),
        lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=True)),
        int(tokenizer.eos_token_id),
        tuple(tokenizer("\n", add_special_tokens=False)["input_ids"]),
    )

"""Ways to answer in a target language with a model that learned the task in a source language, side by side.

arXiv 2501.06892, §4. All start from the same frozen task model:

    zero-shot        it answers the target's text
    translate-test   it answers the target's text as translated into the source language
    translate-train  a LoRA on top of it, trained on texts of the target language, answers them
    input-fusion     the same, with the source's text before the target's in one prompt
    flare-φ          FLARE with one of the fusions `add`, `mul`, `add-relu`, `cross-attention`
    flare-mt         FLARE whose source is a translation model's encoder

Where an item names what an answer can be, the likeliest is taken, else the answer is written greedily. Knows
nothing of metrics or of where texts come from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.folder import Identity
from polycypher.adapters.train.loop import Watch, train_adapter
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import UsageError
from polycypher.flare.alignment import FlarePrompt
from polycypher.flare.batch import FlareRow
from polycypher.flare.decoding import Expert, FlareExpert, LoraExpert, answer
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.forward import likelihoods
from polycypher.flare.fusions import FUSIONS
from polycypher.flare.items import Frame, ParallelItem
from polycypher.flare.model import FlareModel
from polycypher.flare.settings import FlareSettings, lora_beside
from polycypher.flare.storage import FlareIdentity
from polycypher.flare.task import TaskModel, merged_into, stacked_on
from polycypher.flare.training import train_flare

FLARE = {f"flare-{name}": name for name in FUSIONS}
"""Methods that fuse with the task model's own source states → φ."""
LATENT = "flare-mt"
TRAINED = ("translate-train", "input-fusion", *FLARE, LATENT)
"""Methods that train an adapter on target-language data."""
METHODS = ("zero-shot", "translate-test", *TRAINED)


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """`flare` trains the FLARE adapters (its φ is that of `flare-mt`), `lora` the others; None trains them as
    FLARE is. `batch` items are answered at once, an answer has at most `most` tokens."""

    flare: FlareSettings = field(default_factory=FlareSettings)
    lora: AdapterSettings | None = None
    batch: int = 32
    most: int = 256


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method answered, item by item, and what it cost.

    `parameters` were trained on `samples` for `minutes`; the answers took `seconds`, and for them `tokens`
    were written, end tokens with them (none where choices were weighed).
    """

    method: str
    answers: tuple[str, ...]
    parameters: int
    samples: int
    minutes: float
    seconds: float
    tokens: int


def transfer(
    method: str,
    model: Any,
    task: Sequence[LoraAdapter],
    frame: Frame,
    train: Sequence[ParallelItem],
    test: Sequence[ParallelItem],
    folder: Path,
    *,
    identity: FlareIdentity,
    settings: TransferSettings | None = None,
    encoder: LatentEncoder | None = None,
    seed: int = 0,
    step: Callable[[int, int], None] = lambda done, steps: None,
) -> Outcome:
    """Train what a method needs, if it is not there yet, and answer the test items.

    Args:
        method: one of `METHODS`.
        model: the base, without stacked adapters; it comes back as it was.
        task: the adapter of the task in the source language, or none where the base knows the task.
        frame: how items are asked.
        train: in the target language; used by the methods of `TRAINED`.
        test: answered in this order.
        folder: the trained adapter's place is `folder/<method>`.
        identity: languages, base and prompt.
        settings: of training and answering.
        encoder: for `flare-mt`.
        seed: of first weights and order.
        step: told (done, of how many) of training.

    Raises:
        UsageError: no such method, or an item or encoder that it needs is missing.
        TrainingError, AdapterError: as for training.
    """
    settings = settings or TransferSettings()
    if method not in METHODS:
        raise UsageError(f"no transfer method is named '{method}'; there are {', '.join(METHODS)}")
    if method == LATENT and encoder is None:
        raise UsageError("flare-mt needs the encoder of a translation model; give one, or leave it out")
    place = folder / method
    if method in FLARE or method == LATENT:
        used = encoder if method == LATENT else None
        chosen = settings.flare
        if method in FLARE:
            chosen = chosen.model_copy(update={"fusion": FLARE[method]})
        with stacked_on(model, task) as over:
            rows = [FlareRow.of(flare_prompt(frame, item, used), frame.answer(item.answer)) for item in train]
            adapter = train_flare(
                over, rows, chosen, place, identity=identity, encoder=used, seed=seed, step=step
            )
            flare = FlareModel.of(over, adapter, encoder=used)
            try:
                prompts = [flare_prompt(frame, item, used) for item in test]
                answers, seconds, tokens = _answers(FlareExpert(flare), flare, frame, test, prompts, settings)
            finally:
                flare.remove()
        minutes = float(adapter.record["minutes"])
        return Outcome(method, answers, adapter.parameters, len(train), minutes, seconds, tokens)
    trained: list[LoraAdapter] = []
    if method in TRAINED:
        trained.append(_train_lora(method, model, task, frame, train, place, identity, settings, seed, step))
    prompts = [_alone(_asked(method, frame, item)) for item in test]
    with stacked_on(model, [*task, *trained]) as over:
        answers, seconds, tokens = _answers(LoraExpert(over), over, frame, test, prompts, settings)
    return Outcome(
        method,
        answers,
        sum(one.parameters for one in trained),
        len(train) if trained else 0,
        sum(float(one.record["minutes"]) for one in trained),
        seconds,
        tokens,
    )


def flare_prompt(frame: Frame, item: ParallelItem, encoder: LatentEncoder | None = None) -> FlarePrompt:
    """An item's prompt with its source: the source's text, or what an encoder reads of the target's."""
    target = frame.prompt(item, item.target)
    if encoder is None:
        return FlarePrompt.of(frame.prompt(item, item.source), target)
    return FlarePrompt(tuple(target.prefix), encoder.tokens(item.target), tuple(target.suffix))


def _asked(method: str, frame: Frame, item: ParallelItem) -> PromptTokens:
    """The prompt that a method without FLARE answers."""
    if method == "input-fusion":
        return frame.both(item)
    if method != "translate-test":
        return frame.prompt(item, item.target)
    if item.translation is None:
        raise UsageError(
            f"item '{item.id}' has no translation for translate-test; translate the test texts first"
        )
    return frame.prompt(item, item.translation)


def _alone(prompt: PromptTokens) -> FlarePrompt:
    return FlarePrompt(tuple(prompt.prefix), (), tuple(prompt.suffix))


def _train_lora(
    method: str,
    model: Any,
    task: Sequence[LoraAdapter],
    frame: Frame,
    train: Sequence[ParallelItem],
    folder: Path,
    identity: FlareIdentity,
    settings: TransferSettings,
    seed: int,
    step: Callable[[int, int], None],
) -> LoraAdapter:
    """A LoRA over the task model, as FLARE's is."""
    rows = []
    for item in train:
        prompt = _asked(method, frame, item)
        rows.append(TrainingRow(tuple(prompt.prefix), tuple(prompt.suffix), frame.answer(item.answer)))
    chosen = settings.lora or lora_beside(settings.flare, rows)
    belongs = Identity(
        identity.target,
        identity.base,
        identity.base_fingerprint,
        identity.prompt_hash,
        {"method": method, "over": [str(one.language) for one in task]},
    )
    with merged_into(model, task):
        return train_adapter(model, rows, chosen, folder, identity=belongs, seed=seed, watch=Watch(step))


def _answers(
    expert: Expert,
    model: FlareModel | TaskModel,
    frame: Frame,
    items: Sequence[ParallelItem],
    prompts: Sequence[FlarePrompt],
    settings: TransferSettings,
) -> tuple[tuple[str, ...], float, int]:
    """The items' answers, how many seconds they took, and how many tokens were written."""
    began = time.perf_counter()
    found = [""] * len(items)
    free = [number for number, item in enumerate(items) if not item.choices]
    written = answer(
        expert, [prompts[n] for n in free], end=frame.end, most=settings.most, batch=settings.batch
    )
    for number, ids in zip(free, written, strict=True):
        found[number] = frame.text(ids)
    rows, owners = [], []
    for number, item in enumerate(items):
        for choice in item.choices:
            rows.append(FlareRow.of(prompts[number], frame.answer(choice)))
            owners.append((number, choice))
    best: dict[int, float] = {}
    for (number, choice), value in zip(owners, likelihoods(model, rows, batch=settings.batch), strict=True):
        if number not in best or value > best[number]:
            best[number], found[number] = value, choice
    tokens = sum(len(ids) + 1 for ids in written)
    return tuple(found), time.perf_counter() - began, tokens

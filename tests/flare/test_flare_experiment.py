"""The comparison's methods: each trains what it should and answers in the items' order."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from flare_helpers import tiny_encoder

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.order import Order
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import UsageError
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.experiment import METHODS, TRAINED, TransferSettings, flare_prompt, transfer
from polycypher.flare.items import Frame, ParallelItem, frame_of, items_of
from polycypher.flare.settings import FlareSettings, lora_beside
from polycypher.flare.storage import FlareAdapter, FlareIdentity
from polycypher.tasks.registry import task_named
from polycypher.tasks.task import TaskExample
from tiny_models import END, random_adapter, tiny_llama, tiny_tokenizer

DE = FlareIdentity("en", "de", "tiny", "f", "p")
SETTINGS = TransferSettings(
    FlareSettings(rank=2, epochs=1, rate=1e-2, batch=4, rows_a_pack=2),
    AdapterSettings(
        rank=2, epochs=1, rate=1e-2, rows_a_pack=2, packs_a_step=2, optimizer="adamw", precision="no"
    ),
    batch=3,
    most=4,
)


def letters(text: str) -> list[int]:
    return [10 + (ord(letter) - 97) % 26 + (30 if letter.isupper() else 0) for letter in text]


def prompt(item: ParallelItem, text: str) -> PromptTokens:
    asked = letters(text)
    return PromptTokens([5, 6, int(item.context)], [*asked, 90], (0, len(asked)))


FRAME = Frame(prompt, letters, lambda ids: " ".join(map(str, ids)), END, (91,))
ITEMS = [
    ParallelItem(str(number), source, target, answer, f"{source}x", context=7 + number % 2)
    for number, (source, target, answer) in enumerate(
        [("cat", "KATZE", "a"), ("dog", "HUND", "b"), ("horse", "PFERD", "ab"), ("bee", "BIENE", "c")]
    )
]


def encoder() -> LatentEncoder:
    made = tiny_encoder()
    made._tokenizer = lambda text: {"input_ids": [*letters(text), 2]}
    return made


def run(method: str, folder: Path, test: list[ParallelItem] | None = None, base: Any = None) -> Any:
    base = tiny_llama() if base is None else base
    return transfer(
        method,
        base,
        [random_adapter(base, seed=7, language="en")],
        FRAME,
        ITEMS,
        ITEMS if test is None else test,
        folder,
        identity=DE,
        settings=SETTINGS,
        encoder=encoder() if method == "flare-mt" else None,
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_and_leaves_the_base_alone(method: str, tmp_path: Path) -> None:
    base = tiny_llama()
    before = {name: weight.clone() for name, weight in base.state_dict().items()}
    outcome = run(method, tmp_path, base=base)
    assert len(outcome.answers) == len(ITEMS)
    assert outcome.seconds > 0
    assert len(ITEMS) <= outcome.tokens <= 5 * len(ITEMS)
    after = base.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    trained = method in TRAINED
    assert (outcome.parameters > 0, outcome.samples) == (trained, len(ITEMS) if trained else 0)
    assert (tmp_path / method).exists() == trained
    # Asked the other way round, and read back instead of trained again.
    again = run(method, tmp_path, ITEMS[::-1])
    assert again.answers == outcome.answers[::-1]
    assert again.minutes == outcome.minutes


def test_what_each_method_reads() -> None:
    item = ITEMS[0]
    assert FRAME.both(item).suffix == [*letters("cat"), 91, *letters("KATZE"), 90]
    assert FRAME.both(item).question == (0, 9)
    pair = flare_prompt(FRAME, item)
    assert (pair.prefix, pair.source, pair.target, pair.tail) == (
        (5, 6, 7),
        (*letters("cat"), 90),
        (*letters("KATZE"), 90),
        1,
    )
    latent = flare_prompt(FRAME, item, encoder())
    assert latent.source == (*letters("KATZE"), 2)


def test_a_method_reads_what_its_name_says(tmp_path: Path) -> None:
    """Zero-shot does not depend on the source, translate-test not on the target's own text."""
    other = [dataclasses.replace(item, source="other") for item in ITEMS]
    assert run("zero-shot", tmp_path, other).answers == run("zero-shot", tmp_path).answers
    other = [dataclasses.replace(item, target="OTHER", source="other") for item in ITEMS]
    assert run("translate-test", tmp_path, other).answers == run("translate-test", tmp_path).answers
    # Both are the task model's answers: to a translation that is the target's text, the same.
    same = [dataclasses.replace(item, translation=item.target) for item in ITEMS]
    assert run("translate-test", tmp_path, same).answers == run("zero-shot", tmp_path).answers


def test_adapters_are_kept_with_their_origin(tmp_path: Path) -> None:
    run("flare-mul", tmp_path)
    flare = FlareAdapter.load(tmp_path / "flare-mul")
    assert (flare.fusion, flare.identity.target) == ("mul", "de")
    run("translate-train", tmp_path)
    lora = LoraAdapter.load(tmp_path / "translate-train")
    assert (lora.language, lora.record["method"], lora.record["over"]) == ("de", "translate-train", ["en"])


@pytest.mark.parametrize("method", ["zero-shot", "flare-add"])
def test_choices_are_taken_by_likelihood(method: str, tmp_path: Path) -> None:
    """The label whose words are likeliest, whatever the order of the labels."""
    labels = ("entailment", "neutral", "no")
    items = [dataclasses.replace(item, choices=labels) for item in ITEMS[:2]] + ITEMS[2:]
    outcome = run(method, tmp_path, items)
    assert all(answer in labels for answer in outcome.answers[:2])
    assert all(answer not in labels for answer in outcome.answers[2:])
    turned = [dataclasses.replace(item, choices=item.choices[::-1]) for item in items]
    assert run(method, tmp_path, turned).answers == outcome.answers
    if method == "zero-shot":
        base = tiny_llama()
        adapter = random_adapter(base, seed=7)
        for name, (a, b) in adapter.factors.items():
            base.get_submodule(name).weight.data += adapter.scale * b @ a
        asked = prompt(items[0], items[0].target).ids
        sums = {}
        for label in labels:
            answer = [*letters(label), END]
            logits = base(input_ids=torch.tensor([[*asked, *answer]])).logits[0].log_softmax(-1)
            sums[label] = sum(float(logits[len(asked) - 1 + k, one]) for k, one in enumerate(answer))
        assert outcome.answers[0] == max(sums, key=lambda label: sums[label])


def test_what_a_method_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no transfer method is named 'flare'"):
        run("flare", tmp_path)
    with pytest.raises(UsageError, match="item '0' has no translation"):
        run("translate-test", tmp_path, [dataclasses.replace(ITEMS[0], translation=None)])
    base = tiny_llama()
    with pytest.raises(UsageError, match="flare-mt needs the encoder"):
        transfer("flare-mt", base, [], FRAME, ITEMS, ITEMS, tmp_path, identity=DE)


def test_a_task_of_the_package_makes_items_and_frame() -> None:
    labels = ("entailment", "neutral", "contradiction")
    german = TaskExample("1", "de", "Ein Hund schläft.\nEin Tier ruht.", ("entailment",), labels)
    english = TaskExample("1", "en", "A dog sleeps.\nAn animal rests.", ("entailment",), labels)
    task, tokenizer = task_named("xnli"), tiny_tokenizer()
    (item,) = items_of([german], [english], ["A dog is asleep.\nAn animal rests."])
    assert (item.source, item.target, item.answer) == (english.text, german.text, "entailment")
    assert (item.choices, item.translation) == (labels, "A dog is asleep.\nAn animal rests.")
    frame = frame_of(task, tokenizer)
    made = frame.prompt(item, item.target)
    assert tokenizer.decode(made.ids) == task.prompt(german)
    assert tokenizer.decode(frame.prompt(item, item.source).ids) == task.prompt(english)
    pair = flare_prompt(frame, item)
    assert list(pair.prefix) == made.prefix
    assert pair.tail == len(made.suffix) - made.question[1]
    assert frame.text(frame.tokens("neutral")) == "neutral"
    with pytest.raises(UsageError, match="1 translations for 2 examples"):
        items_of([german, dataclasses.replace(german, id="2")], [english], ["one"])


def test_a_lora_beside_flare_is_trained_alike() -> None:
    settings = FlareSettings(epochs=3, rate=2e-3, batch=8, rows_a_pack=4, warm_up=0.5, precision="no")
    rows = [TrainingRow((1,), (2, number), (3,)) for number in range(16)]
    lora = lora_beside(settings, rows)
    order = Order(rows, rows_a_pack=4, packs_a_step=2, epochs=3, seed=1)
    assert order.steps == 6
    assert lora.warm_up == 3
    for name in ("rank", "alpha", "targets", "epochs", "rate", "weight_decay", "packs_a_step", "precision"):
        assert getattr(lora, name) == getattr(settings, name), name

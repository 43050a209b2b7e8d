"""What is claimed to be the same is the same: for 1, 2, 3 and 5 adapters of different ranks.

`logits` = K sequential passes of PEFT models; `merged` = PEFT's concatenated adapter; a kept prefix = none
kept; a batch of any modes = its questions alone.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.fused import Question
from polycypher.fusion.modes import Mode
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, gated_decoder, random_adapters, random_ids, tiny_llama

pytestmark = pytest.mark.filterwarnings(
    "ignore:Unexpected keyword arguments:UserWarning"
)  # PEFT on our own key

KS = (1, 2, 3, 5)
PROMPT = PromptTokens(random_ids(14).tolist(), random_ids(9, seed=1).tolist(), (0, 7))
STEPS = 8


def weights_of(count: int) -> Tensor:
    """Uneven weights that sum to one."""
    raw = torch.arange(1.0, count + 1) ** 2
    return raw / raw.sum()


def peft_of(count: int, folder: Path) -> Any:
    """A PEFT model that holds the adapters by their number."""
    base = tiny_llama()
    adapters = random_adapters(base, count)
    for number, adapter in enumerate(adapters):
        adapter.save(folder / str(number))
    model = PeftModel.from_pretrained(copy.deepcopy(base), folder / "0", adapter_name="0")
    for number in range(1, count):
        model.load_adapter(folder / str(number), adapter_name=str(number))
    return model.eval()


def runner_of(count: int) -> Runner:
    base = tiny_llama()
    return Runner(base, StackedAdapter(base, random_adapters(base, count)), end=END)


def logits_of(runner: Runner, rows: Tensor, mixes: Tensor) -> Tensor:
    """Fused logits at every place of the prompt's second part, [L, V]."""
    states = runner.states(PROMPT.prefix, [PROMPT.suffix], rows)
    with torch.inference_mode():
        found: Tensor = runner.model.lm_head(torch.einsum("r,rlh->lh", mixes, states.of(0).suffix))
    return found


@pytest.mark.parametrize("count", KS)
def test_logits_are_those_of_sequential_passes(count: int, tmp_path: Path) -> None:
    model, weights = peft_of(count, tmp_path), weights_of(count)
    expected = torch.zeros(len(PROMPT.suffix), 96)
    for number in range(count):
        model.set_adapter(str(number))
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([PROMPT.ids])).logits[0, len(PROMPT.prefix) :]
        expected += weights[number] * logits
    found = logits_of(runner_of(count), torch.eye(count), weights)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", KS)
def test_merged_is_the_concatenated_adapter(count: int, tmp_path: Path) -> None:
    model, weights = peft_of(count, tmp_path), weights_of(count)
    names = [str(number) for number in range(count)]
    model.add_weighted_adapter(names, weights.tolist(), "merged", combination_type="cat")
    model.set_adapter("merged")
    with torch.inference_mode():
        expected = model(input_ids=torch.tensor([PROMPT.ids])).logits[0, len(PROMPT.prefix) :]
    found = logits_of(runner_of(count), weights[None], torch.ones(1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", KS)
def test_a_kept_prefix_changes_no_logit(count: int) -> None:
    kept, rows, mixes = runner_of(count), torch.eye(count), weights_of(count)
    first = logits_of(kept, rows, mixes)
    assert len(kept.prefixes) == count
    runs: list[int] = []
    forward = kept.backbone.forward

    def counted(ids: Tensor, *rest: Any) -> Tensor:
        runs.append(ids.shape[1])
        return forward(ids, *rest)

    kept.backbone.forward = counted  # type: ignore[method-assign]
    torch.testing.assert_close(logits_of(kept, rows, mixes), first, atol=1e-4, rtol=0)
    assert runs == [len(PROMPT.suffix)]  # the first part was not run again


def test_weights_of_one_question_are_not_kept() -> None:
    runner = runner_of(3)
    runner.states(PROMPT.prefix, [PROMPT.suffix], weights_of(3)[None])
    assert len(runner.prefixes) == 0
    runner.states(PROMPT.prefix, [PROMPT.suffix], torch.zeros(1, 3))
    assert len(runner.prefixes) == 1  # the base, which every question may ask for


@pytest.mark.parametrize("count", KS)
def test_a_batch_of_any_modes_is_its_questions_alone(count: int) -> None:
    """Modes, lengths, schemas and given weights mixed in one batch."""
    given = weights_of(count).tolist()
    one_hot = [float(number == count - 1) for number in range(count)]
    questions = [
        Question(
            PromptTokens(
                random_ids(size, seed=size).tolist(),
                random_ids(length, seed=50 + length).tolist(),
                (0, length - 1),
            ),
            mode,
            weights,
        )
        for size, length, mode, weights in [
            (14, 9, Mode.LOGITS, None),
            (14, 4, Mode.PRUNED, None),
            (6, 12, Mode.MERGED, None),
            (14, 5, Mode.TOP1, None),
            (0, 7, Mode.EARLY, None),
            (6, 3, Mode.LOGITS, given),
            (14, 8, Mode.MERGED, given),
            (9, 6, Mode.PRUNED, one_hot),
        ]
    ]
    together = gated_decoder(count).decode_batch(questions, most=STEPS)
    assert len({tuple(decoded.ids) for decoded in together}) > 3
    for question, decoded in zip(questions, together, strict=True):
        (alone,) = gated_decoder(count).decode_batch([question], most=STEPS)
        assert decoded.ids == alone.ids
        assert decoded.weights == pytest.approx(alone.weights, abs=1e-5)
        assert decoded.rows == alone.rows


def test_memory_that_holds_no_numbers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows with a shorter schema have places that are never written."""
    questions = [
        Question(PromptTokens(random_ids(size, seed=size).tolist(), PROMPT.suffix, PROMPT.question))
        for size in (14, 3, 0)
    ]
    expected = [decoded.ids for decoded in gated_decoder(3).decode_batch(questions, most=STEPS)]
    empty = torch.empty

    def poisoned(*size: Any, **options: Any) -> Tensor:
        made = empty(*size, **options)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    decoder = gated_decoder(3)
    monkeypatch.setattr(torch, "empty", poisoned)
    assert [decoded.ids for decoded in decoder.decode_batch(questions, most=STEPS)] == expected


def test_rows_that_each_mode_runs() -> None:
    decoder = gated_decoder(5)
    rows = {mode: decoder.decode(PROMPT, mode=mode, most=2).rows for mode in Mode}
    assert rows[Mode.LOGITS] == 5
    assert rows[Mode.MERGED] == rows[Mode.TOP1] == 1
    assert 1 <= rows[Mode.PRUNED] <= 5


def test_tokens_are_told_as_they_are_chosen() -> None:
    told: list[int] = []
    question = Question(PROMPT, Mode.TOP1, on_token=told.append)
    (decoded,) = gated_decoder(3).decode_batch([question], most=STEPS)
    assert told == decoded.ids
    assert 0 < decoded.first_seconds <= decoded.decode_seconds

"""Decoding follows training's rule: step by step, in batches, with keys and values kept."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from flare_helpers import NAMES, PAIRS, flared, randomise, tiny_encoder
from transformers import Qwen2Config, Qwen2ForCausalLM

from polycypher.flare.alignment import FlarePrompt
from polycypher.flare.batch import FlareRow, make_batch
from polycypher.flare.decoding import FlareExpert, LoraExpert, answer
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.forward import flare_logits
from polycypher.flare.model import FlareModel
from polycypher.flare.task import TaskModel
from tiny_models import END, tiny_llama

KINDS = [*NAMES, "latent-add", "latent-cross-attention"]
"""Fusions with the task model's own states, and with an encoder's."""


def parts(kind: str) -> tuple[str, LatentEncoder | None]:
    return kind.removeprefix("latent-"), tiny_encoder() if kind.startswith("latent") else None


def worst_difference(model: FlareModel, prompt: FlarePrompt) -> float:
    """Between teacher-forced logits and those of decoding, over the answer's places."""
    answered = (70, 71, 72, 73)
    row = FlareRow.of(prompt, answered)
    with torch.no_grad():
        batch = make_batch([[row]], latent=model.encoder is not None, attends=model.attends)
        forced = flare_logits(model, batch)[0][0]
        running = FlareExpert(model).start([prompt])
        stepwise = [model.task.model.lm_head(running.last)[0]]
        for token in answered[:-1]:
            running.step([token])
            stepwise.append(model.task.model.lm_head(running.last)[0])
    return float((torch.stack(stepwise) - forced).abs().max())


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_is_training_step_by_step(kind: str) -> None:
    fusion, encoder = parts(kind)
    with flared(fusion, encoder=encoder) as model:
        for prompt in PAIRS:
            assert worst_difference(model, prompt) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_prompts_alone(kind: str) -> None:
    fusion, encoder = parts(kind)
    with flared(fusion, encoder=encoder) as model:
        expert = FlareExpert(model)
        together = answer(expert, PAIRS, end=END, most=6)
        assert together == [answer(expert, [one], end=END, most=6)[0] for one in PAIRS]
        assert together == answer(expert, PAIRS, end=END, most=6, batch=2)
        assert together != answer(LoraExpert(model.task), PAIRS, end=END, most=6)


def test_answers_end_at_the_end_token() -> None:
    """Those that are done leave the batch, and the others go on as before."""
    with flared("add") as model:
        expert = FlareExpert(model)
        whole = answer(expert, PAIRS, end=-5, most=8)
        end = whole[0][2]
        cut = answer(expert, PAIRS, end=end, most=8)
        assert cut == [ids[: ids.index(end)] if end in ids else ids for ids in whole]


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_without_source_is_answered_by_plain_lora(name: str) -> None:
    """Beside prompts that have one, and whatever φ is."""
    found = []
    for fusion in (name, "add"):
        with flared("add") as drawn:
            weights = {key: one.clone() for key, one in drawn.weights().items()}
        with flared(fusion) as model:
            with torch.no_grad():
                for key, weight in model.weights().items():
                    if key in weights:
                        weight.copy_(weights[key])
            alone = dataclasses.replace(PAIRS[0], source=())
            batch = [PAIRS[0], alone, PAIRS[1]]
            found.append(answer(FlareExpert(model), batch, end=END, most=6)[1])
            assert found[-1] == answer(FlareExpert(model), [alone], end=END, most=6)[0]
    assert found[0] == found[1]


def test_other_decoders_are_fused_alike() -> None:
    """Grouped keys and values, biases on q and v, and no task adapter."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=96,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        initializer_range=0.25,
        eos_token_id=END,
    )
    base = Qwen2ForCausalLM(config).eval().requires_grad_(False)
    model = FlareModel(TaskModel(base, None, torch.zeros(0), []), fusion="cross-attention", rank=4)
    randomise(model)
    for prompt in PAIRS:
        assert worst_difference(model, prompt) < 1e-4


def test_masks_restrict_answers() -> None:
    class Only:
        def allows(self, token_id: int) -> bool:
            return token_id == 42

        def mask(self) -> torch.Tensor:
            return torch.arange(96) == 42

        def advance(self, token_id: int) -> None:
            assert token_id == 42

    base = tiny_llama()
    with flared("mul", model=base) as model:
        made = answer(FlareExpert(model), PAIRS[:2], end=END, most=3, masks=[Only(), None])
    assert made[0] == [42] * 3
    assert made[1] != [42] * 3

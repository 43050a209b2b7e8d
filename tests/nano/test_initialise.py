"""nano's first weights copy before any training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.nano.initialise import CONSTANT, make_model
from tiny_models import tiny_llama

SMALL = {"vocabulary": 512, "hidden": 128, "layers": 2, "heads": 4, "intermediate": 128}


@torch.inference_mode()
def copying(model: Any, *, length: int = 24, gap: int = 0) -> float:
    """Share of tokens right where random tokens repeat; `gap` random tokens stand between."""
    draw = torch.Generator().manual_seed(1)
    size = model.config.vocab_size
    half = torch.randint(2, size, (8, length), generator=draw)
    between = torch.randint(2, size, (8, gap), generator=draw)
    ids = torch.cat([half, between, half], 1)
    said = model(ids).logits.argmax(-1)
    start = length + gap
    right: Tensor = said[:, start:-1] == ids[:, start + 1 :]
    return right.float().mean().item()


@pytest.mark.parametrize("gap", [0, 60])
def test_it_copies_before_any_training(gap: int) -> None:
    assert copying(make_model(**SMALL), gap=gap) > 0.3  # chance is 0.002


def test_more_layers_do_not_hide_it() -> None:
    assert copying(make_model(**{**SMALL, "layers": 4})) > 0.3


def test_a_plain_start_does_not_copy() -> None:
    assert copying(tiny_llama(hidden=128, vocabulary=512, tied=True)) < 0.05


def test_the_model_is_a_plain_llama_of_the_asked_size() -> None:
    model = make_model(**SMALL, end=5, pad=6, theta=1e4)
    config = model.config
    assert type(model).__name__ == "LlamaForCausalLM"
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers) == (512, 128, 2)
    assert (config.num_attention_heads, config.num_key_value_heads, config.intermediate_size) == (4, 4, 128)
    assert (config.eos_token_id, config.pad_token_id) == (5, 6)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert {w.dtype for w in model.parameters()} == {torch.float32}
    assert torch.isfinite(torch.cat([w.flatten() for w in model.parameters()])).all()
    assert (model.model.embed_tokens.weight[:, CONSTANT] == 0.4).all()


def test_the_seed_decides() -> None:
    one, again, other = (make_model(**SMALL, seed=seed).model.embed_tokens.weight for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)

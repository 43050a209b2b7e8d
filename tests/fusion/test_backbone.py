"""Both backbones give what the model itself gives, and the quick one is taken where it fits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from polycypher.fusion.backbone import Backbone, backbone_of, causal
from polycypher.fusion.hub import HubBackbone
from polycypher.fusion.lean import LeanLlama
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import random_adapter, random_adapters, random_ids, tiny_llama

IDS = random_ids(3, 11)
SIZES: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "initializer_range": 0.25,
}


def grouped_llama(**changes: Any) -> Any:
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(**{**SIZES, **changes})).eval().requires_grad_(False)


LLAMA_3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


@torch.inference_mode()
def in_parts(backbone: Backbone, cuts: list[int]) -> torch.Tensor:
    """All last hidden states of `IDS`, run in the parts that `cuts` end."""
    kept = backbone.room(len(IDS), 2)  # too small, so that it has to grow
    found = []
    for start, stop in pairwise([0, *cuts]):
        places = torch.arange(start, stop).expand(len(IDS), -1)
        mask = causal(None, start, stop - start, torch.device("cpu"))
        found.append(backbone.forward(IDS[:, start:stop], places, kept, mask))
    return torch.cat(found, 1)


@pytest.mark.parametrize("cuts", [[11], [4, 11], [1, 2, 3, 9, 10, 11]])
@pytest.mark.parametrize(
    "make",
    [
        tiny_llama,
        grouped_llama,
        lambda: grouped_llama(rope_parameters=LLAMA_3),
        lambda: grouped_llama(head_dim=16, tie_word_embeddings=True),
    ],
)
def test_both_give_what_the_model_gives(make: Any, cuts: list[int]) -> None:
    model = make()
    targets = ("q_proj", "v_proj", "gate_proj", "down_proj")
    adapters = [random_adapter(model, rank=2, targets=targets), random_adapter(model, rank=3, seed=1)]
    stacked = StackedAdapter(model, adapters)
    stacked.set_weights(torch.tensor([[1.0, 0.0], [0.3, 0.7], [0.0, 0.0]]))
    with torch.inference_mode():
        expected = model.model(input_ids=IDS).last_hidden_state
    for backbone in (HubBackbone(model), LeanLlama(model, stacked), HubBackbone(model)):
        torch.testing.assert_close(in_parts(backbone, cuts), expected, atol=1e-5, rtol=1e-4)


def test_adapters_switched_off_leave_the_base() -> None:
    model, bare = tiny_llama(), tiny_llama()
    stacked = StackedAdapter(model, random_adapters(model, 2))
    stacked.set_weights(None)
    with torch.inference_mode():
        expected = bare.model(input_ids=IDS).last_hidden_state
    torch.testing.assert_close(in_parts(LeanLlama(model, stacked), [11]), expected, atol=1e-5, rtol=1e-4)


def test_joining_costs_no_memory_and_leaves_the_model_as_it_was() -> None:
    model, bare = tiny_llama(), tiny_llama()
    stacked = StackedAdapter(model, random_adapters(model, 2))
    lean = LeanLlama(model, stacked)
    for layer, own in zip(lean._layers, model.model.layers, strict=True):
        joined = layer.qkv.down.untyped_storage().data_ptr()
        for name in ("q_proj", "k_proj", "v_proj"):
            module = getattr(own.self_attn, name)
            assert module.base.weight.untyped_storage().data_ptr() == joined
            assert module.a.untyped_storage().data_ptr() == joined
    stacked.set_weights(None)
    with torch.inference_mode():
        torch.testing.assert_close(model(input_ids=IDS).logits, bare(input_ids=IDS).logits)


def test_longer_texts_than_the_first_table_of_angles() -> None:
    model = tiny_llama()
    lean = LeanLlama(model, StackedAdapter(model, random_adapters(model, 1)))
    ids = random_ids(1, 700)
    with torch.inference_mode():
        expected = model.model(input_ids=ids).last_hidden_state
        found = lean.forward(ids, torch.arange(700)[None], lean.room(1, 700), None)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def qwen() -> Any:
    torch.manual_seed(2)
    return Qwen2ForCausalLM(Qwen2Config(**SIZES)).eval().requires_grad_(False)


def gemma() -> Any:
    torch.manual_seed(3)
    return GemmaForCausalLM(GemmaConfig(**SIZES, head_dim=8)).eval().requires_grad_(False)


@pytest.mark.parametrize("make", [qwen, gemma])
def test_any_other_decoder_runs_through_its_own_code(make: Any) -> None:
    model = make()
    stacked = StackedAdapter(model, random_adapters(model, 2))
    backbone = backbone_of(model, stacked)
    assert isinstance(backbone, HubBackbone)
    stacked.set_weights(torch.tensor([[1.0, 0.0], [0.3, 0.7], [0.0, 0.0]]))
    with torch.inference_mode():
        expected = model.model(input_ids=IDS).last_hidden_state
    torch.testing.assert_close(in_parts(backbone, [4, 5, 11]), expected, atol=1e-4, rtol=1e-3)


def test_which_backbone_is_taken() -> None:
    model = tiny_llama()
    assert isinstance(backbone_of(model, StackedAdapter(model, random_adapters(model, 1))), LeanLlama)
    for changes in ({"attention_bias": True}, {"mlp_bias": True}, {"hidden_act": "gelu"}):
        assert not LeanLlama.fits(grouped_llama(**changes))
    growing = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    assert not LeanLlama.fits(grouped_llama(rope_parameters=growing))


def test_masks() -> None:
    cpu = torch.device("cpu")
    assert causal(None, 5, 1, cpu) is None
    assert causal(None, 0, 5, cpu) is None
    after = causal(None, 2, 2, cpu)
    assert after is not None
    assert after[0, 0].tolist() == [[True, True, True, False], [True, True, True, True]]
    padded = causal(torch.tensor([[False, False, True, True]]), 2, 2, cpu)
    assert padded is not None
    assert padded[0, 0].tolist() == [[False, False, True, False], [False, False, True, True]]
    # A padding token looks at itself, and at nothing that is padding too.
    own = causal(torch.tensor([[True, False, False, True]]), 2, 2, cpu)
    assert own is not None
    assert own[0, 0].tolist() == [[True, False, True, False], [True, False, False, True]]

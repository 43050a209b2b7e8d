"""Answers with adapters of any kind: a batch answers as one by one, and as PEFT's own model would."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.adapters.kinds.running import adapted, generate, generate_with
from polycypher.adapters.merge.state import AdapterState
from polycypher.errors import AdapterError
from tiny_models import END, random_ids, tiny_llama

KINDS = ("IA3", "PREFIX_TUNING", "LORA", "DORA", "none")


def drawn(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def some_state(kind: str, model: Any) -> AdapterState | None:
    """A random adapter that changes what the model says."""
    layers = range(model.config.num_hidden_layers)
    if kind == "none":
        return None
    if kind == "PREFIX_TUNING":
        sizes = {"num_virtual_tokens": 3, "token_dim": 32, "num_attention_heads": 4, "num_layers": 2}
        told = {**sizes, "task_type": "CAUSAL_LM", "num_transformer_submodules": 1}
        return AdapterState(kind, {"prompt_embeddings": drawn(3, 2 * 2 * 32)}, told, language="xx")
    if kind == "IA3":
        told = {
            "target_modules": ["k_proj", "v_proj", "down_proj"],
            "feedforward_modules": ["down_proj"],
            "task_type": "CAUSAL_LM",
        }
        tensors = {}
        for layer in layers:
            at = f"base_model.model.model.layers.{layer}"
            for seed, name in enumerate(("k_proj", "v_proj")):
                tensors[f"{at}.self_attn.{name}.ia3_l"] = drawn(32, 1, seed=seed)
            tensors[f"{at}.mlp.down_proj.ia3_l"] = drawn(1, 64, seed=7)
        return AdapterState(kind, tensors, told, language="xx")
    told = {"r": 2, "lora_alpha": 8, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
    tensors = {}
    for layer in layers:
        at = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{at}.lora_A.weight"] = drawn(2, 32)
        tensors[f"{at}.lora_B.weight"] = drawn(32, 2, seed=1)
        if kind == "DORA":
            tensors[f"{at}.lora_magnitude_vector"] = drawn(32, seed=2).abs() + 1
    return AdapterState("LORA", tensors, {**told, "use_dora": kind == "DORA"}, language="xx")


PROMPTS = [random_ids(length, seed=length).tolist() for length in (5, 1, 9, 3, 7)]


def by_definition(model: Any, state: AdapterState | None, prompt: list[int], most: int) -> list[int]:
    """The best next token of PEFT's own forward pass over the whole text so far, again and again."""
    said: list[int] = []
    with adapted(model, state) as tuned, torch.inference_mode():
        for _ in range(most):
            token = int(tuned(input_ids=torch.tensor([[*prompt, *said]])).logits[0, -1].argmax())
            if token == END:
                break
            said.append(token)
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_answers_as_one_by_one_and_as_the_definition(kind: str) -> None:
    model = tiny_llama()
    state = some_state(kind, model)
    together = generate_with(model, state, PROMPTS, end=END, most=12, batch=3)
    assert together == [generate_with(model, state, [prompt], end=END, most=12)[0] for prompt in PROMPTS]
    assert together == [by_definition(model, state, prompt, 12) for prompt in PROMPTS]
    assert any(together)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_the_adapter_counts_and_the_model_is_as_before(kind: str) -> None:
    model = tiny_llama()
    names = list(model.state_dict())
    plain = generate_with(model, None, PROMPTS, end=END, most=12)
    assert generate_with(model, some_state(kind, model), PROMPTS, end=END, most=12) != plain
    assert generate_with(model, None, PROMPTS, end=END, most=12) == plain
    assert list(model.state_dict()) == names


def test_an_answer_ends_at_the_end_token() -> None:
    model = tiny_llama()
    whole = generate_with(model, None, PROMPTS, end=-1, most=8)
    end = whole[0][3]
    for answer, cut in zip(whole, generate_with(model, None, PROMPTS, end=end, most=8), strict=True):
        assert cut == (answer[: answer.index(end)] if end in answer else answer)


def test_padding_is_seen_by_none() -> None:
    model = tiny_llama()
    with adapted(model, some_state("PREFIX_TUNING", model)) as tuned:
        first = generate(tuned, PROMPTS, end=END, pad=0, most=8)
        assert generate(tuned, PROMPTS, end=END, pad=50, most=8) == first


def test_what_does_not_fit_is_refused_and_the_model_stays() -> None:
    model = tiny_llama()
    names = list(model.state_dict())
    for kind in ("IA3", "LORA", "PREFIX_TUNING"):
        state = some_state(kind, tiny_llama())
        assert state is not None
        wrong = AdapterState(
            state.kind, {name: torch.cat([one, one]) for name, one in state.tensors.items()}, state.config
        )
        with pytest.raises(AdapterError, match="does not fit"), adapted(model, wrong):
            pass
        assert list(model.state_dict()) == names
    strange = AdapterState("LORA", {"base_model.model.model.layers.9.x.lora_A.weight": torch.ones(2, 2)},
                           {"r": 2, "target_modules": ["q_proj"]})  # fmt: skip
    with pytest.raises(AdapterError, match=r"layers\.9"), adapted(model, strange):
        pass
    for config in ({"target_modules": ["c_attn"]}, {"target_modules": ["q_proj"], "r": -1}):
        with (
            pytest.raises(AdapterError, match="does not fit"),
            adapted(model, AdapterState("LORA", {}, config)),
        ):
            pass
    with pytest.raises(AdapterError, match="does not fit"), adapted(model, AdapterState("NONE", {}, {})):
        pass
    assert list(model.state_dict()) == names


def test_an_adapter_for_a_changed_base_is_refused() -> None:
    state = AdapterState("LORA", {}, {"init_lora_weights": "pissa", "target_modules": ["q_proj"]})
    with pytest.raises(AdapterError, match="pissa changed"):
        generate_with(tiny_llama(), state, PROMPTS, end=END)


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="empty prompt"):
        generate_with(tiny_llama(), None, [[2], []], end=END)

"""Decoding with any router: kept keys and values change nothing, nor does a batch, nor do copies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from routing import (
    PROMPT_ROUTERS,
    TOKEN_ROUTERS,
    K,
    prompts,
    random_router,
    recomputed,
    stacked_llama,
    states_of,
)
from torch import Tensor

from polycypher.errors import AdapterError, ModelError
from polycypher.fusion.modes import Mode
from polycypher.fusion.routers import PromptRouter, RouterDecoder, TokenRouter, make_router
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter, StackedLinear
from tiny_models import END, random_adapter, random_ids, tiny_llama

STEPS = 10
ALL = (*TOKEN_ROUTERS, *PROMPT_ROUTERS)
EVERYWHERE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.mark.parametrize("name", TOKEN_ROUTERS)
def test_decoding_with_kept_keys_and_values_is_recomputing_everything(name: str) -> None:
    model, stacked = stacked_llama()
    router = random_router(name, model, stacked)
    assert isinstance(router, TokenRouter)
    found = RouterDecoder(router, model, stacked, end=END).decode(prompts(), most=STEPS)
    expected = [recomputed(model, stacked, router, prompt, STEPS) for prompt in prompts()]
    assert [one.ids for one in found] == expected
    assert len({tuple(ids) for ids in expected}) > 2


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_its_questions_alone(name: str) -> None:
    model, stacked = stacked_llama()
    router = random_router(name, model, stacked)
    together = RouterDecoder(router, model, stacked, end=END).decode(prompts(), most=STEPS)
    for prompt, one in zip(prompts(), together, strict=True):
        (alone,) = RouterDecoder(router, model, stacked, end=END).decode([prompt], most=STEPS)
        assert one.ids == alone.ids
        assert (one.weights is None) == (name in TOKEN_ROUTERS)
        if one.weights is not None and alone.weights is not None:
            assert one.weights == pytest.approx(alone.weights, abs=1e-5)


@pytest.mark.parametrize("name", TOKEN_ROUTERS)
def test_the_router_matters(name: str) -> None:
    model, stacked = stacked_llama()
    ids = random_ids(2, 12)
    routers = [random_router(name, model, stacked, seed=seed) for seed in (0, 1)]
    if name == "arrow":
        routers[1] = make_router("arrow", model, stacked, top_k=1)
    one, other = (states_of(model, stacked, router, ids) for router in routers)  # type: ignore[arg-type]
    assert (one - other).abs().max() > 1e-2


@pytest.mark.parametrize("targets", [("q_proj", "v_proj"), EVERYWHERE])
@pytest.mark.parametrize("name", ALL)
def test_copies_of_one_adapter_are_that_adapter(name: str, targets: tuple[str, ...]) -> None:
    """Whatever the weights, they sum to one; fresh experts start at zero."""
    model = tiny_llama()
    adapter = random_adapter(model, targets=targets)
    stacked = StackedAdapter(model, [adapter] * K)
    router = random_router(name, model, stacked)
    if name == "mixlora" and targets != EVERYWHERE:
        for b in router.b:  # type: ignore[union-attr]
            b.zero_()
    plain = tiny_llama()
    alone = Runner(plain, StackedAdapter(plain, [adapter]), end=END)
    found = RouterDecoder(router, model, stacked, end=END).decode(prompts(), most=STEPS)
    for prompt, one in zip(prompts(), found, strict=True):
        states = alone.states(prompt.tokens.prefix, [prompt.tokens.suffix], torch.ones(1, 1))
        assert one.ids == alone.generate(states, torch.ones(1), most=STEPS)[0]
        if one.weights is not None:
            assert sum(one.weights) == pytest.approx(1, abs=1e-5)


class Fixed(TokenRouter):
    """The same weights everywhere."""

    def __init__(self, shape: Any, given: Tensor) -> None:
        super().__init__(shape)
        self.given = given

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        return self.given.expand(x.shape[0], 1, -1)


@pytest.mark.parametrize("place", range(K))
def test_one_hot_weights_in_every_layer_are_that_adapter(place: int) -> None:
    model, stacked = stacked_llama()
    router = Fixed(random_router("arrow", model, stacked).shape, torch.eye(K)[place])
    ids = random_ids(2, 12)
    found = states_of(model, stacked, router, ids)
    stacked.set_weights(torch.eye(K)[place : place + 1].expand(2, -1))
    with torch.inference_mode():
        torch.testing.assert_close(found, model(input_ids=ids).logits, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["arrow", "meteora", "x-lora", "mixlora"])
def test_a_router_that_chooses_one_adapter_gives_it(name: str) -> None:
    """`top_k` of one, or a head that is sure."""
    model = tiny_llama()
    adapters = [random_adapter(model, seed=seed, targets=EVERYWHERE) for seed in range(K)]
    if name == "mixlora":  # it mixes attention alike, so that only the feed-forward layers may differ
        for adapter in adapters:
            for key in [key for key in adapter.factors if "self_attn" in key]:
                del adapter.factors[key]  # type: ignore[attr-defined]
    stacked = StackedAdapter(model, adapters)
    options: dict[str, Any] = {} if name == "x-lora" else {"top_k": 1}
    router = random_router(name, model, stacked, **options)
    if name == "x-lora":
        router.head[0].weight.zero_()  # type: ignore[union-attr]
        router.head[0].bias.copy_(torch.eye(K)[1].repeat(len(stacked.sites)) * 1e4)  # type: ignore[union-attr]
    elif name == "arrow":
        for prototypes in router._prototypes:  # type: ignore[union-attr]
            prototypes[[0, 2]] = 0
    else:
        for gate in router.gates:  # type: ignore[union-attr]
            gate.weight[[0, 2]] = 0
        for gate in router.gates:  # type: ignore[union-attr]
            gate.forward = lambda x: torch.tensor([0.0, 5.0, 0.0]).expand(*x.shape[:-1], -1)
    ids = random_ids(2, 12)
    found = states_of(model, stacked, router, ids)  # type: ignore[arg-type]
    stacked.set_weights(torch.eye(K)[1:2].expand(2, -1))
    with torch.inference_mode():
        torch.testing.assert_close(found, model(input_ids=ids).logits, atol=1e-4, rtol=1e-3)


def test_the_detected_languages_adapter_answers_alone() -> None:
    model, stacked = stacked_llama()
    router = random_router("language-id", model, stacked)
    found = RouterDecoder(router, model, stacked, end=END).decode(prompts(), most=STEPS)
    run = Runner(model, stacked, end=END)
    for number, (prompt, one) in enumerate(zip(prompts(), found, strict=True)):
        unit = torch.eye(K)[number % K]
        states = run.states(prompt.tokens.prefix, [prompt.tokens.suffix], unit[None])
        assert one.ids == run.generate(states, torch.ones(1), most=STEPS)[0]
        assert one.weights == tuple(unit.tolist())


@pytest.mark.parametrize("mode", [Mode.LOGITS, Mode.MERGED, Mode.TOP1])
def test_the_gate_is_the_fused_decoders(mode: Mode) -> None:
    from polycypher.fusion.fused import FusedDecoder

    model, stacked = stacked_llama()
    router = random_router("gate-mlp", model, stacked, mode=mode.value, width=16)
    assert isinstance(router, PromptRouter)
    found = RouterDecoder(router, model, stacked, end=END).decode(prompts(), most=STEPS)
    decoder = FusedDecoder(model, stacked, router.gate, end=END)  # type: ignore[arg-type]
    for prompt, one in zip(prompts(), found, strict=True):
        alone = decoder.decode(prompt.tokens, mode=mode, most=STEPS)
        assert one.ids == alone.ids
        assert one.weights == pytest.approx(alone.weights, abs=1e-5)


def test_a_kept_schema_is_not_run_again() -> None:
    model, stacked = stacked_llama()
    decoder = RouterDecoder(random_router("x-lora", model, stacked), model, stacked, end=END)
    first = decoder.decode(prompts()[:1], most=STEPS)
    assert len(decoder.runner.prefixes) == 1
    assert decoder.decode(prompts()[:1], most=STEPS)[0].ids == first[0].ids
    assert len(decoder.runner.prefixes) == 1


@pytest.mark.parametrize("name", TOKEN_ROUTERS)
def test_routing_leaves_the_model_as_it_was(name: str) -> None:
    model, stacked = stacked_llama()
    ids = random_ids(1, 9)
    names = [key for key, _ in model.named_modules()]
    stacked.set_weights(torch.full((1, K), 1 / K))
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        states_of(model, stacked, random_router(name, model, stacked), ids)  # type: ignore[arg-type]
        assert torch.equal(model(input_ids=ids).logits, before)
    assert [key for key, _ in model.named_modules()] == names


@pytest.mark.parametrize("name", ALL)
def test_a_router_of_another_number_of_adapters_is_refused(name: str) -> None:
    router = random_router(name, *stacked_llama())
    model, stacked = stacked_llama(2)
    with pytest.raises(AdapterError, match="is for 3 adapters, and 2 are stacked"):
        RouterDecoder(router, model, stacked, end=END)


def test_a_router_of_other_layers_is_refused() -> None:
    router = random_router("meteora", *stacked_llama())
    model = tiny_llama()
    stacked = StackedAdapter(model, [random_adapter(model, targets=("q_proj",), seed=n) for n in range(K)])
    with pytest.raises(AdapterError, match="other layers"):
        RouterDecoder(router, model, stacked, end=END)


def test_weights_without_a_models_code_are_refused() -> None:
    model, stacked = stacked_llama()
    router = random_router("meteora", model, stacked)
    bare = torch.nn.Module()
    bare.lm_head, bare.config = model.lm_head, SimpleNamespace()
    with pytest.raises(ModelError, match="load_base"):
        RouterDecoder(router, bare, stacked, end=END)


def test_a_module_that_the_model_lacks_is_named_and_nothing_stays_open() -> None:
    model, stacked = stacked_llama()
    names = [key for key, _ in model.named_modules()]

    class Opens(Fixed):
        opens = ("model.layers.0.mlp.up_proj", "model.layers.9.mlp.up_proj")

    router = Opens(random_router("arrow", model, stacked).shape, torch.eye(K)[0])
    with pytest.raises(AdapterError, match=r"model\.layers\.9"), stacked.routed(router):
        pass
    assert [key for key, _ in model.named_modules()] == names


def test_within_a_routing_gate_vectors_do_not_count() -> None:
    model, stacked = stacked_llama()
    ids = random_ids(2, 7)
    stacked.set_weights(torch.eye(K)[:2])
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        with stacked.routed(None):
            torch.testing.assert_close(model(input_ids=ids).logits, tiny_llama()(input_ids=ids).logits)
        assert torch.equal(model(input_ids=ids).logits, before)

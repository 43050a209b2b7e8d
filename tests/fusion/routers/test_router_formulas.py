"""Each router's weights as its paper's formula has them."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from routing import K, random_router, stacked_llama, states_of
from torch import Tensor

from polycypher.errors import AdapterError, UsageError
from polycypher.fusion.routers import TokenRouter, make_router
from polycypher.fusion.routers.arrow import prototype
from polycypher.fusion.routers.mixlora import load_balance
from polycypher.fusion.routers.router import largest
from polycypher.fusion.routers.training import RoutedModel
from polycypher.fusion.stacked import StackedAdapter, StackedLinear
from tiny_models import random_adapter, random_adapters, random_ids, tiny_llama

FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")


def layer_and_input(model: Any, name: str) -> tuple[StackedLinear, Tensor]:
    layer = model.get_submodule(name)
    torch.manual_seed(3)
    return layer, torch.randn(2, 5, layer.base.in_features)


@given(st.integers(1, 6), st.integers(1, 7), st.integers(0, 100))
def test_the_largest_are_kept_and_sum_to_one(count: int, kept: int, seed: int) -> None:
    p = torch.softmax(torch.randn(4, count, generator=torch.Generator().manual_seed(seed)), -1)
    w = largest(p, kept)
    torch.testing.assert_close(w.sum(-1), torch.ones(4))
    for row, probabilities in zip(w, p, strict=True):
        used = row > 0
        assert int(used.sum()) == min(kept, count)
        assert probabilities[used].min() >= probabilities[~used].max() if (~used).any() else True
        torch.testing.assert_close(row[used] * probabilities[used].sum(), probabilities[used])


@given(st.integers(1, 5), st.integers(5, 12), st.integers(5, 12), st.integers(0, 1000))
def test_the_prototype_is_the_top_right_singular_vector(rank: int, size: int, out: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    a, b = torch.randn(rank, size, generator=draw), torch.randn(out, rank, generator=draw)
    v = prototype(a, b)
    assert v.norm() == pytest.approx(1, abs=1e-5)
    # No unit vector is changed more.
    torch.testing.assert_close((b @ a @ v).norm(), torch.linalg.matrix_norm(b @ a, 2), atol=1e-4, rtol=1e-4)


def test_an_adapter_that_changes_nothing_has_no_direction() -> None:
    assert prototype(torch.randn(2, 6), torch.zeros(5, 2)).tolist() == [0.0] * 6


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_arrow_by_hand(top_k: int) -> None:
    model, stacked = stacked_llama()
    router = make_router("arrow", model, stacked, top_k=top_k, temperature=0.5)
    layer, x = layer_and_input(model, "model.layers.1.self_attn.v_proj")
    found = router.weights(layer, x, x @ layer.a.T)  # type: ignore[operator]
    directions = []
    for adapter in range(K):
        own = layer.owner == adapter
        directions.append(torch.linalg.svd(layer.b[:, own] @ layer.a[own]).Vh[0])
    scores = (x @ torch.stack(directions, 1)).abs()
    floor = scores.sort(-1, descending=True).values[..., top_k - 1 : top_k]
    raised = torch.where(scores >= floor, (scores / 0.5).exp(), torch.zeros(()))
    torch.testing.assert_close(found, raised / raised.sum(-1, keepdim=True), atol=1e-4, rtol=1e-3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_arrow_is_pefts_number_by_number(top_k: int, tmp_path: Path) -> None:
    from peft import ArrowConfig
    from peft.tuners.lora.arrow import create_arrow_model

    base = tiny_llama()
    # PEFT wants one rank; one direction stands out, so that its power iterations converge.
    adapters = []
    for seed in range(K):
        adapter = random_adapter(base, seed=seed)
        for a, _ in adapter.factors.values():
            a[0] *= 6
        adapter.save(tmp_path / str(seed))
        adapters.append(adapter)
    config = ArrowConfig(top_k=top_k, router_temperature=0.7, rng_seed=0)
    folders = [str(tmp_path / str(seed)) for seed in range(K)]
    peft = create_arrow_model(copy.deepcopy(base), folders, config).eval()
    ids = random_ids(2, 9)
    with torch.inference_mode():
        expected = peft(input_ids=ids).logits
    stacked = StackedAdapter(base, adapters)
    router = make_router("arrow", base, stacked, top_k=top_k, temperature=0.7)
    found = states_of(base, stacked, router, ids)  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize(("layerwise", "depth"), [(True, 1), (False, 1), (True, 3)])
def test_x_lora_by_hand(layerwise: bool, depth: int) -> None:
    model, stacked = stacked_llama()
    router = random_router(
        "x-lora", model, stacked, layerwise=layerwise, depth=depth, width=8, temperature=2.0
    )
    h = torch.randn(2, 5, 32)
    router.begin(h)  # type: ignore[operator]
    scores = h
    maps = [module for module in router.head if isinstance(module, torch.nn.Linear)]  # type: ignore[union-attr]
    assert len(maps) == depth
    for number, module in enumerate(maps):
        scores = (scores.relu() if number else scores) @ module.weight.T + module.bias
    for number, layer in enumerate(stacked.layers):
        own = scores[..., number * K : (number + 1) * K] if layerwise else scores
        found = router.weights(layer, h, h)  # type: ignore[operator]
        torch.testing.assert_close(found, torch.softmax(own / 2.0, -1))


def test_x_lora_reads_the_states_without_adapters() -> None:
    model, stacked = stacked_llama()
    router = random_router("x-lora", model, stacked)
    told: list[Tensor] = []
    begin = router.begin
    router.begin = lambda states, seen=None: (told.append(states), begin(states, seen))  # type: ignore
    ids = random_ids(2, 9)
    stacked.set_weights(torch.eye(K)[:1])
    states_of(model, stacked, router, ids)  # type: ignore[arg-type]
    with torch.inference_mode():
        expected = tiny_llama().model(input_ids=ids).last_hidden_state
    torch.testing.assert_close(told[0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("layerwise", [True, False])
def test_x_lora_is_pefts_number_by_number(layerwise: bool, tmp_path: Path) -> None:
    from peft import XLoraConfig, get_peft_model

    base = tiny_llama()
    adapters = random_adapters(base, K)
    for number, adapter in enumerate(adapters):
        adapter.save(tmp_path / str(number))
    config = XLoraConfig(
        task_type="CAUSAL_LM",
        hidden_size=32,
        xlora_depth=1,
        layerwise_scalings=layerwise,
        adapters={str(number): str(tmp_path / str(number)) for number in range(K)},
    )
    copied = copy.deepcopy(base)
    copied.config.use_cache = False  # it refuses kept keys and values
    peft = get_peft_model(copied, config).eval()
    torch.manual_seed(4)
    classifier = peft.base_model.internal_xlora_classifier
    last = classifier.layers[-1]
    with torch.no_grad():
        last.weight.normal_(0, 0.5)
        last.bias.normal_(0, 0.5)
    ids = random_ids(2, 9)
    with torch.inference_mode():
        expected = peft(input_ids=ids).logits
    stacked = StackedAdapter(base, adapters)
    router = make_router("x-lora", base, stacked, layerwise=layerwise)
    # PEFT numbers the layers as the model holds them.
    order = [site.number for name, _ in base.named_modules() for site in stacked.sites if site.name == name]
    with torch.no_grad():
        if layerwise:
            weight, bias = last.weight.view(len(order), K, -1), last.bias.view(len(order), K)
            for place, number in enumerate(order):
                router.head[0].weight.view(len(order), K, -1)[number] = weight[place]  # type: ignore
                router.head[0].bias.view(len(order), K)[number] = bias[place]  # type: ignore
        else:
            router.head[0].load_state_dict(last.state_dict())  # type: ignore[union-attr]
    found = states_of(base, stacked, router, ids)  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_meteora_by_hand(top_k: int) -> None:
    model, stacked = stacked_llama()
    router = random_router("meteora", model, stacked, top_k=top_k)
    layer, x = layer_and_input(model, "model.layers.0.self_attn.k_proj")
    g = router.gates[layer.site.number].weight  # type: ignore[union-attr]
    found = router.weights(layer, x, x)  # type: ignore[operator]
    for row in range(2):
        for token in range(5):
            p = torch.softmax(g @ x[row, token], 0)
            best = p.topk(top_k)
            expected = torch.zeros(K)
            expected[best.indices] = best.values / best.values.sum()
            torch.testing.assert_close(found[row, token], expected)


def test_adapter_fusion_by_hand() -> None:
    model, stacked = stacked_llama()
    router = random_router("adapter-fusion", model, stacked, size=6)
    layer, x = layer_and_input(model, "model.layers.0.self_attn.o_proj")
    number = layer.site.number
    query, key = router.queries[number], router.keys[number]  # type: ignore[union-attr]
    q = (x @ query.weight.T + query.bias) / math.sqrt(6)
    scores = []
    for adapter in range(K):
        own = layer.owner == adapter
        z = (x @ layer.a[own].T) @ layer.b[:, own].T * layer.scales[own][0]
        scores.append((q * (z @ key.weight.T)).sum(-1))
    expected = torch.softmax(torch.stack(scores, -1), -1)
    found = router.weights(layer, x, x @ layer.a.T)  # type: ignore[operator]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_mixlora_by_hand() -> None:
    """One block's feed-forward layers with fresh experts, and attention as the linear merge."""
    model, stacked = stacked_llama()
    router: Any = random_router("mixlora", model, stacked, rank=2, alpha=6.0)
    assert router.fresh
    mlp = model.model.layers[1].mlp
    torch.manual_seed(5)
    x = torch.randn(2, 5, 32)
    router.begin(None)
    with stacked.routed(router), torch.inference_mode():
        found = mlp(x)
        attention = model.model.layers[1].self_attn.q_proj(x)
    p = torch.softmax(x @ router.gates[1].weight.T, -1)
    w = largest(p, 2)
    change = {}
    for place, leaf in enumerate(FEED_FORWARD, start=3):
        a, b = router.a[place].view(K, 2, -1), router.b[place].view(-1, K, 2)
        change[leaf] = torch.einsum("btk,okr,kri->btoi", w, b, a) * 3.0

    def through(leaf: str, y: Tensor) -> Tensor:
        return getattr(mlp, leaf)(y) + torch.einsum("btoi,bti->bto", change[leaf], y)

    inner = torch.nn.functional.silu(through("gate_proj", x)) * through("up_proj", x)
    torch.testing.assert_close(found, through("down_proj", inner), atol=1e-4, rtol=1e-3)
    stacked.set_weights(torch.full((2, K), 1 / K))
    with torch.inference_mode():
        expected = model.model.layers[1].self_attn.q_proj(x)
    torch.testing.assert_close(attention, expected, atol=1e-5, rtol=1e-4)


def test_adapters_own_feed_forward_factors_are_the_experts() -> None:
    model = tiny_llama()
    adapters = [random_adapter(model, seed=seed, targets=("q_proj", *FEED_FORWARD)) for seed in range(K)]
    stacked = StackedAdapter(model, adapters)
    router: Any = random_router("mixlora", model, stacked)
    assert not router.fresh
    assert router.parameters_count == 2 * K * 32  # a router a block, and nothing more
    mlp = model.model.layers[0].mlp
    x = torch.randn(1, 1, 32, generator=torch.Generator().manual_seed(1))
    router.begin(None)
    with stacked.routed(router), torch.inference_mode():
        found = mlp(x)
    w = largest(torch.softmax(x @ router.gates[0].weight.T, -1), 2)
    stacked.set_weights(w[0])
    with torch.inference_mode():
        torch.testing.assert_close(found, mlp(x), atol=1e-5, rtol=1e-4)


def test_load_balance_by_hand() -> None:
    p = torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.0, 0.0, 1.0]]])
    seen = torch.tensor([[True, True, False]])
    # Two tokens choose {0, 1} and {1, 2}: f = (1/2, 1, 1/2), P = (0.4, 0.4, 0.2).
    expected = 3 * (0.5 * 0.4 + 1.0 * 0.4 + 0.5 * 0.2)
    assert float(load_balance(p, largest(p, 2), seen)) == pytest.approx(expected)
    even = torch.full((1, 6, 3), 1 / 3)
    chosen = torch.eye(3).repeat(2, 1)[None]
    assert float(load_balance(even, chosen, torch.ones(1, 6, dtype=torch.bool))) == pytest.approx(1.0)


def test_the_penalty_is_of_training_alone_and_of_real_tokens() -> None:
    model, stacked = stacked_llama()
    router: Any = random_router("mixlora", model, stacked, balance=0.5)
    routed = RoutedModel(model, stacked, router)
    ids = random_ids(1, 6)
    with torch.inference_mode():
        routed(input_ids=ids)
        assert float(router.penalty()) == 0.0
        router.train()
        routed(input_ids=ids)
        alone = float(router.penalty())
        padded = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], 1)
        routed.seen = torch.tensor([[True] * 6 + [False] * 3])
        routed(input_ids=padded)
    assert 0.5 * 2 / K <= alone <= 0.5 * 2 * K
    assert float(router.penalty()) == pytest.approx(alone, rel=1e-4)


def test_mixlora_needs_gated_feed_forward_layers() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    from polycypher.fusion.routers.registry import ROUTERS
    from polycypher.fusion.routers.router import Shape

    model = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=9))
    assert not [name for name, _ in model.named_modules() if name.endswith("gate_proj")]
    with pytest.raises(AdapterError, match="do not have"):
        ROUTERS["mixlora"](Shape((4,), (), (), 8, 9))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("arrow", {"top_k": 0}),
        ("arrow", {"temperature": 0.0}),
        ("x-lora", {"depth": 0}),
        ("meteora", {"top_k": 0}),
        ("mixlora", {"balance": -1.0}),
        ("adapter-fusion", {"size": 0}),
        ("adapter-fusion", {"top_k": 2}),
        ("gate-mlp", {"mode": "fast"}),
        ("gate-mlp", {"mode": "early"}),
        ("gate-mlp", {"kind": "early"}),
        ("language-id", {}),
        ("language-id", {"languages": ["en"]}),
        ("language-id", {"languages": ["en", "es", "xx"]}),
        ("oracle", {}),
    ],
)
def test_what_cannot_be_made_is_refused(name: str, options: dict[str, Any]) -> None:
    model, stacked = stacked_llama()
    with pytest.raises(UsageError) as caught:
        make_router(name, model, stacked, **options)
    assert "\n" not in str(caught.value)


def test_token_routers_need_what_they_ask_for() -> None:
    model, stacked = stacked_llama()
    router = random_router("x-lora", model, stacked)
    assert isinstance(router, TokenRouter)
    with pytest.raises(ValueError, match="without adapters"):
        router.begin(None)

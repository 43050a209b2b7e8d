"""Training a router: a toy routing is learned, base and adapters stay, the loss is the formula."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from routing import OPTIONS, TOKEN_ROUTERS, K, random_router, stacked_llama, states_of

from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import AdapterError, TrainingError
from polycypher.fusion.gate_training import GateItem
from polycypher.fusion.routers import RouterDecoder, RouterPrompt, make_router
from polycypher.fusion.routers.training import RouterSettings, _Run, train_router
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, random_adapter, random_ids, tiny_llama

TRAINED = tuple(name for name in TOKEN_ROUTERS if name != "arrow")
PLAIN = RouterSettings(
    epochs=12, rate=3e-2, rows_a_pack=3, packs_a_step=2, packs_at_once=1, precision="no", warm_up=2
)


def toy(count: int, *, steps: int = 4, seed: int = 0) -> tuple[Any, StackedAdapter, list[GateItem]]:
    """Questions whose first token tells the language, and whose answer is what that adapter alone says."""
    model, stacked = stacked_llama()
    run = Runner(model, stacked, end=-1)
    items = []
    for number in range(count):
        own = number % K
        prefix = [5, 6, 7 + number % 2]
        suffix = [90 + own, *random_ids(4, vocabulary=90, seed=seed * 1000 + number).tolist()]
        states = run.states(prefix, [suffix], torch.eye(K)[own : own + 1])
        answer = run.generate(states, torch.ones(1), most=steps)[0]
        items.append(GateItem(PromptTokens(prefix, suffix, (0, len(suffix))), [*answer, END], own))
    return model, stacked, items


def fresh(name: str, model: Any, stacked: StackedAdapter, **options: Any) -> Any:
    torch.manual_seed(0)
    return make_router(name, model, stacked, **{**OPTIONS.get(name, {}), **options})


@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_falls_and_base_and_adapters_stay(name: str) -> None:
    model, stacked, items = toy(18)
    router = fresh(name, model, stacked)
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    factors = [(layer.a.clone(), layer.b.clone()) for layer in stacked.layers]
    told: list[int] = []
    cost = train_router(router, model, stacked, items, PLAIN, progress=told.append)
    assert cost.losses[-1] < 0.9 * cost.losses[0]
    assert (cost.samples, len(cost.losses), sum(told)) == (18, 12, 18 * 12)
    assert cost.parameters == router.parameters_count > 0
    assert cost.to_dict()["samples"] == 18
    assert all(torch.equal(weight, before[key]) for key, weight in model.state_dict().items())
    for layer, (a, b) in zip(stacked.layers, factors, strict=True):
        assert torch.equal(layer.a, a)
        assert torch.equal(layer.b, b)
    assert not router.training
    assert not any(weight.requires_grad for weight in [*router.parameters(), *model.parameters()])


@pytest.mark.parametrize("name", TRAINED)
def test_every_trained_weight_gets_a_gradient(name: str) -> None:
    model, stacked, items = toy(6)
    router = random_router(name, model, stacked).requires_grad_(True).train()
    run = _Run(router, model, stacked, items, PLAIN, 0)  # type: ignore[arg-type]
    run._step(run._orders[0].step(0))
    assert [key for key, weight in router.named_parameters() if not weight.grad.abs().sum() > 0] == []  # type: ignore


@pytest.mark.parametrize("name", ["x-lora", "meteora", "adapter-fusion"])
def test_identification_teaches_the_questions_adapter(name: str) -> None:
    model, stacked, items = toy(18, steps=1)
    settings = PLAIN.model_copy(update={"identification": 1.0})
    router = fresh(name, model, stacked)
    train_router(router, model, stacked, items, settings)
    _, _, others = toy(6, steps=1, seed=1)
    router.noted = []
    own = []
    for item in others:
        router.noted.clear()
        states_of(model, stacked, router, torch.tensor([item.prompt.ids]))
        probabilities = torch.stack([p.expand(1, len(item.prompt.ids), K) for p in router.noted])
        own.append(probabilities[:, 0, len(item.prompt.prefix), item.adapter].mean())
    assert torch.stack(own).mean() > 0.55  # of three alike it would be 0.33


@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_is_that_of_whole_sequences_one_by_one(name: str) -> None:
    """Packs, padding and parts of a step change nothing."""
    model, stacked, items = toy(7)
    settings = PLAIN.model_copy(update={"identification": 0.5, "packs_a_step": 9, "packs_at_once": 2})
    router: Any = random_router(name, model, stacked, **({"balance": 0.0} if name == "mixlora" else {}))
    router.requires_grad_(True).train()
    run = _Run(router, model, stacked, items, settings, 0)
    found = run._step(run._orders[0].step(0))
    total, owned, count = 0.0, [], 0
    for item in items:
        router.noted = []
        ids = torch.tensor([[*item.prompt.ids, *item.answer[:-1]]])
        logits = states_of(model, stacked, router, ids)[0, len(item.prompt.ids) - 1 :]
        total += float(torch.nn.functional.cross_entropy(logits, torch.tensor(item.answer), reduction="sum"))
        count += len(item.answer)
        own = torch.stack([p[0, len(item.prompt.prefix) :, item.adapter] for p in router.noted])
        owned.append(-own.log().mean(0))
    assert total / count < found
    # Parts of a step count by their answers' tokens, so the mean over tokens is taken a part at a time.
    identified = (found - total / count) / 0.5
    each = torch.cat(owned)
    assert float(each.min()) < identified < float(each.max())
    settings = settings.model_copy(update={"identification": 0.0})
    again = _Run(router, model, stacked, items, settings, 0)
    assert again._step(again._orders[0].step(0)) == pytest.approx(total / count, rel=1e-4)


def test_the_penalty_is_part_of_the_loss() -> None:
    model, stacked, items = toy(6)
    values = []
    for balance in (0.0, 1.0):
        router: Any = random_router("mixlora", model, stacked, balance=balance).requires_grad_(True).train()
        run = _Run(router, model, stacked, items, PLAIN, 0)
        values.append(run._step(run._orders[0].step(0)))
    assert 2 / K < values[1] - values[0] < 2 * K


@pytest.mark.parametrize("kind", ["gate-mlp", "gate-shared-scorer"])
def test_a_gate_is_trained_from_its_previews(kind: str) -> None:
    model, stacked, items = toy(24)
    router = fresh(kind, model, stacked, width=16)
    settings = RouterSettings(epochs=10, rate=1e-2, identification=0.3)
    cost = train_router(router, model, stacked, items, settings)
    assert cost.losses[-1] < cost.losses[0]
    assert (cost.samples, cost.parameters) == (24, router.parameters_count)
    decoder = RouterDecoder(router, model, stacked, end=END)
    found = decoder.decode([RouterPrompt(item.prompt) for item in items], most=1)
    own = [answer.weights[item.adapter] for answer, item in zip(found, items, strict=True) if answer.weights]
    assert sum(own) / len(own) > 0.6


@pytest.mark.parametrize("name", ["arrow", "language-id"])
def test_what_has_nothing_to_train_costs_nothing(name: str) -> None:
    model, stacked = stacked_llama()
    cost = train_router(fresh(name, model, stacked), model, stacked, [], PLAIN)
    assert (cost.samples, cost.parameters, cost.losses) == (0, 0, ())


@pytest.mark.parametrize("name", TRAINED)
def test_bf16_on_a_processor(name: str) -> None:
    model, stacked, items = toy(6)
    settings = PLAIN.model_copy(update={"precision": "bf16", "epochs": 6, "identification": 0.3})
    cost = train_router(fresh(name, model, stacked), model, stacked, items, settings)
    assert cost.losses[-1] < cost.losses[0]


def test_the_same_seed_gives_the_same_router() -> None:
    weights = []
    for seed in (0, 0, 1):
        model, stacked, items = toy(8)
        router = fresh("meteora", model, stacked)
        settings = PLAIN.model_copy(update={"epochs": 2})
        train_router(router, model, stacked, items, settings, seed=seed)
        weights.append(router.gates[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_cannot_be_trained_is_refused() -> None:
    model, stacked, items = toy(3)
    router = fresh("meteora", model, stacked)
    with pytest.raises(TrainingError, match="no example"):
        train_router(router, model, stacked, [], PLAIN)
    with pytest.raises(TrainingError, match="not among the 3"):
        train_router(router, model, stacked, [GateItem(items[0].prompt, [END], K)], PLAIN)
    two = tiny_llama()
    with pytest.raises(AdapterError, match="is for 3 adapters"):
        train_router(router, two, StackedAdapter(two, [random_adapter(two)] * 2), items, PLAIN)
    with torch.no_grad():
        router.gates[0].weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number"):
        train_router(router, model, stacked, items, PLAIN)

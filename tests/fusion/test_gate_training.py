"""Training the gate: the loss as the formula has it, and a toy routing that it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import TrainingError
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.gate_training import GateFeatures, GateItem, collect, train_gate
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, random_adapters, random_ids, tiny_llama

K, HIDDEN, VOCABULARY, TOKENS = 3, 8, 20, 4
TOY = GateConfig(adapters=K, preview=6, embedding_size=4, width=32)


def a_head(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Linear(HIDDEN, VOCABULARY, bias=False).requires_grad_(False)


def toy(count: int, head: Any, seed: int) -> GateFeatures:
    """Questions in K languages: the embedding tells the language, and only that adapter knows the answer."""
    draw = torch.Generator().manual_seed(seed)
    own = torch.arange(count) % K
    centres = 2.0 * torch.randn(K, 4, generator=torch.Generator().manual_seed(99))
    labels = torch.randint(VOCABULARY, (count * TOKENS,), generator=draw)
    owners = torch.arange(count).repeat_interleave(TOKENS)
    states = 2 * torch.randn(count * TOKENS, K, HIDDEN, generator=draw)
    right = 8 * torch.nn.functional.normalize(head.weight[labels], dim=1)
    states[torch.arange(len(labels)), own[owners]] = right
    return GateFeatures(
        torch.randn(count, K, 6, generator=draw),
        centres[own] + 0.3 * torch.randn(count, 4, generator=draw),
        own,
        states.bfloat16(),
        labels,
        owners,
    )


@torch.no_grad()
def weight_of_the_right_adapter(gate: Gate, features: GateFeatures) -> Tensor:
    return gate(features.previews, features.embeddings).gather(1, features.adapters[:, None])[:, 0]


def test_a_separable_routing_is_learned() -> None:
    head = a_head()
    torch.manual_seed(1)
    gate = Gate(TOY)
    losses = train_gate(gate, head, toy(240, head, seed=0), epochs=12, rate=1e-2)
    assert len(losses) == 12
    assert losses[-1] < losses[0]
    right = weight_of_the_right_adapter(gate, toy(120, head, seed=1))
    assert (right > 0.5).float().mean() >= 0.95
    assert right.mean() > 0.9


def test_the_shared_scorer_learns_from_previews() -> None:
    head = a_head()

    def marked(count: int, seed: int) -> GateFeatures:
        features = toy(count, head, seed)
        features.previews[torch.arange(count), features.adapters, 0] += (
            4.0  # the right adapter's preview stands out
        )
        return features

    torch.manual_seed(1)
    gate = Gate(replace(TOY, kind=GateKind.SHARED_SCORER))
    train_gate(gate, head, marked(240, 0), epochs=12, rate=1e-2)
    assert (weight_of_the_right_adapter(gate, marked(120, 1)) > 0.5).float().mean() >= 0.95


def test_the_answer_loss_alone_finds_the_right_adapter() -> None:
    head = a_head()
    torch.manual_seed(1)
    gate = Gate(TOY)
    train_gate(gate, head, toy(240, head, seed=0), epochs=12, rate=1e-2, identification=0.0)
    assert (weight_of_the_right_adapter(gate, toy(120, head, seed=1)) > 0.5).float().mean() >= 0.9


def test_identification_pulls_towards_the_question_s_own_adapter() -> None:
    head = a_head()
    features = toy(240, head, seed=0)
    silent = replace(features, states=torch.zeros_like(features.states))  # the answers tell nothing
    shares = []
    for identification in (0.0, 0.3):
        torch.manual_seed(1)
        gate = Gate(TOY)
        train_gate(gate, head, silent, epochs=12, rate=1e-2, identification=identification)
        shares.append(weight_of_the_right_adapter(gate, silent).mean().item())
    assert shares[0] < 0.6
    assert shares[1] > 0.9


def test_the_first_loss_is_the_formula() -> None:
    head, features = a_head(), toy(12, a_head(), seed=0)
    torch.manual_seed(1)
    gate = Gate(TOY)
    reference = Gate(TOY).requires_grad_(False)
    reference.load_state_dict(gate.state_dict())
    (first,) = train_gate(gate, head, features, epochs=1, batch=12, identification=0.3)
    reference.fit_normalisation(features.previews, features.embeddings)
    weights = reference(features.previews, features.embeddings)
    answer = 0.0
    for token, (owner, label) in enumerate(
        zip(features.owners.tolist(), features.labels.tolist(), strict=True)
    ):
        fused = sum(weights[owner, i] * head(features.states[token, i].float()) for i in range(K))
        answer -= fused.log_softmax(0)[label].item() / len(features.labels)
    identified = -weights.gather(1, features.adapters[:, None]).log().mean().item()
    assert first == pytest.approx(answer + 0.3 * identified, abs=1e-4)


def test_the_head_of_the_mixed_state_is_the_mixture_of_the_logits() -> None:
    head, states = a_head(), torch.randn(5, K, HIDDEN, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([0.2, 0.5, 0.3])
    mixed = sum(w * head(states[:, i]) for i, w in enumerate(weights))
    torch.testing.assert_close(head(torch.einsum("k,tkh->th", weights, states)), mixed)


def test_the_same_seed_gives_the_same_gate_and_leaves_its_inputs_alone() -> None:
    head = a_head()
    features = toy(60, head, seed=0)
    kept = replace(features, previews=features.previews.clone(), states=features.states.clone())
    before = head.weight.clone()
    gates = []
    for seed in (3, 3, 4):
        torch.manual_seed(1)
        gates.append(Gate(TOY))
        train_gate(gates[-1], head, features, epochs=2, seed=seed)
    first, again, other = (torch.cat([w.flatten() for w in gate.parameters()]) for gate in gates)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(head.weight, before)
    assert torch.equal(features.previews, kept.previews)
    assert torch.equal(features.states, kept.states)


@pytest.mark.parametrize(("count", "epochs"), [(2, 1), (32, 10), (33, 5), (64, 8)])
def test_any_number_of_steps_is_possible(count: int, epochs: int) -> None:
    head = a_head()
    assert len(train_gate(Gate(TOY), head, toy(count, head, seed=0), epochs=epochs)) == epochs


def test_a_loss_that_is_no_number() -> None:
    head = a_head()
    features = toy(12, head, seed=0)
    features.states[3] = float("nan")
    with pytest.raises(TrainingError, match="no number"):
        train_gate(Gate(TOY), head, features)


# ---------------------------------------------------------------------- collecting


CONFIG = GateConfig(adapters=2, preview=256, embedding_size=32)


def a_runner() -> Runner:
    base = tiny_llama()
    return Runner(base, StackedAdapter(base, random_adapters(base, 2)), end=END)


def an_item(answer: list[int], adapter: int = 0, seed: int = 0) -> GateItem:
    suffix = random_ids(7, seed=10 + seed).tolist()
    return GateItem(PromptTokens(random_ids(9).tolist(), suffix, (0, 5)), [*answer, END], adapter)


def test_features_never_depend_on_the_answer() -> None:
    runner = a_runner()
    one, other = (
        collect(runner, [an_item(answer)], [CONFIG])[0] for answer in ([5, 6, 7], [80, 3, 3, 9, 12, 50])
    )
    # Longer answers change the sums' order of addition, nothing else.
    torch.testing.assert_close(one.previews, other.previews, atol=1e-4, rtol=1e-4)
    assert torch.equal(one.embeddings, other.embeddings)
    alone = an_item([]).prompt
    decoder = FusedDecoder(runner.model, runner.stacked, Gate(CONFIG), end=END)
    preview, embedding = decoder.features(
        alone, decoder.runner.states(alone.prefix, [alone.suffix], decoder.stacked.one_hot()).of(0)
    )
    torch.testing.assert_close(one.previews[0], preview, atol=1e-5, rtol=0)
    torch.testing.assert_close(one.embeddings[0], embedding)


def test_what_is_collected_are_the_states_that_predict_each_answer_token() -> None:
    decoder = a_runner()
    items = [an_item([5, 6, 7], 1), an_item([8], 0, seed=1), an_item([], 1, seed=2)]
    calls: list[int] = []
    (found,) = collect(decoder, items, [CONFIG], batch=2, progress=calls.append)
    assert calls == [2, 1]
    assert found.labels.tolist() == [5, 6, 7, END, 8, END, END]
    assert found.owners.tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert found.adapters.tolist() == [1, 0, 1]
    token = 0
    for item in items:
        ids = torch.tensor([item.prompt.ids + item.answer]).expand(2, -1)
        decoder.stacked.set_weights(decoder.stacked.one_hot())
        with torch.inference_mode():
            whole = decoder.model.model(input_ids=ids).last_hidden_state
        for place in range(len(item.answer)):
            expected = whole[:, len(item.prompt.ids) - 1 + place].bfloat16()
            torch.testing.assert_close(found.states[token], expected, atol=0.02, rtol=0.02)
            token += 1


def test_collected_features_train_a_gate() -> None:
    runner = a_runner()
    (features,) = collect(runner, [an_item([5, 6], index % 2, seed=index) for index in range(4)], [CONFIG])
    assert len(train_gate(Gate(CONFIG), runner.model.lm_head, features, epochs=2)) == 2


def test_several_configurations_share_the_states() -> None:
    runner, items = a_runner(), [an_item([5, 6], index % 2, seed=index) for index in range(3)]
    paper = GateConfig.paper(2, 256, 32)
    both = collect(runner, items, [CONFIG, paper])
    for config, features in zip((CONFIG, paper), both, strict=True):
        (alone,) = collect(runner, items, [config])
        torch.testing.assert_close(features.previews, alone.previews)
        torch.testing.assert_close(features.embeddings, alone.embeddings)
    assert not torch.allclose(both[0].previews, both[1].previews)


def test_one_of_several_installed_adapters_can_be_left_out() -> None:
    base = tiny_llama()
    runner = Runner(base, StackedAdapter(base, random_adapters(base, 3)), end=END)
    (two,) = collect(runner, [an_item([5])], [CONFIG], weights=torch.eye(3)[:2])
    (all_two,) = collect(a_runner(), [an_item([5])], [CONFIG])
    torch.testing.assert_close(two.previews, all_two.previews)


def test_nothing_to_train_on() -> None:
    with pytest.raises(TrainingError, match="no example"):
        collect(a_runner(), [], [CONFIG])

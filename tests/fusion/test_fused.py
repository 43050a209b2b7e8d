"""Fused decoding against a naive loop over separate PEFT models, without cache or stacking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.fused import Decoded, FusedDecoder
from polycypher.fusion.gate import Embedding, Gate, GateConfig, GateKind
from polycypher.fusion.inputs import PromptStates
from polycypher.fusion.previews import Projection, Reduction, Window, reduce_previews, size_of
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, peft_model, random_adapter, random_adapters, random_ids, tiny_llama

pytestmark = pytest.mark.filterwarnings(
    "ignore:Unexpected keyword arguments:UserWarning"
)  # PEFT on our own key

K, HIDDEN, VOCABULARY = 3, 32, 96
PROMPT = PromptTokens(random_ids(14).tolist(), random_ids(9, seed=1).tolist(), (0, 7))
OTHER_QUESTION = PromptTokens(PROMPT.prefix, random_ids(6, seed=2).tolist(), (0, 4))
WEIGHTS = [0.5, 0.2, 0.3]
STEPS = 12


@pytest.fixture(scope="module")
def separate(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Each adapter in a PEFT model of its own."""
    base, folder = tiny_llama(), tmp_path_factory.mktemp("adapters")
    return [peft_model(base, a, folder / str(i)) for i, a in enumerate(random_adapters(base, K))]


def a_decoder(gate: Gate | None = None) -> FusedDecoder:
    base = tiny_llama()
    return FusedDecoder(base, StackedAdapter(base, random_adapters(base, K)), gate, end=END)


def states_of(decoder: FusedDecoder, prompt: PromptTokens) -> PromptStates:
    """A prompt's states through all adapters."""
    return decoder.runner.states(prompt.prefix, [prompt.suffix], decoder.stacked.one_hot()).of(0)


def a_gate(**changes: Any) -> Gate:
    """A gate whose weights are neither even nor one-hot."""
    config = replace(GateConfig(adapters=K, embedding_size=HIDDEN, width=16), **changes)
    config = replace(config, preview=size_of(config.reduction, VOCABULARY, HIDDEN))
    torch.manual_seed(4)
    gate = Gate(config).requires_grad_(False)
    gate.network[2].weight.mul_(4)
    return gate


@torch.inference_mode()
def naive(
    models: Sequence[Any], weights: Sequence[float], prompt: PromptTokens, most: int = STEPS
) -> list[int]:
    """Greedy tokens of Σ w_i L_i, the whole sequence through every model at every step."""
    ids: list[int] = []
    while len(ids) < most:
        sequence = torch.tensor([prompt.ids + ids])
        fused = sum(
            w * model(input_ids=sequence).logits[0, -1] for w, model in zip(weights, models, strict=True)
        )
        assert isinstance(fused, Tensor)
        best = fused.topk(2).values
        assert best[0] - best[1] > 1e-4  # no tie that rounding could turn
        token = int(fused.argmax())
        if token == END:
            break
        ids.append(token)
    return ids


@torch.inference_mode()
def naive_features(models: Sequence[Any], prompt: PromptTokens, config: GateConfig) -> tuple[Tensor, Tensor]:
    """Previews and embedding from whole passes over the prompt."""
    ids = torch.tensor(prompt.ids)
    outputs = [model(input_ids=ids[None], output_hidden_states=True) for model in models]
    logits, hidden = torch.cat([o.logits for o in outputs]), torch.cat([o.hidden_states[-1] for o in outputs])
    if config.window is Window.QUESTION:
        start, stop = len(prompt.prefix) + prompt.question[0], len(prompt.prefix) + prompt.question[1]
    else:
        start, stop = max(0, len(ids) - int(config.window.value.split("-")[1])), len(ids)
    projection = Projection(VOCABULARY, config.preview, config.projection_seed)
    window = slice(start, stop)
    previews = reduce_previews(
        hidden[:, window], logits[:, window], ids[window], config.reduction, projection
    )
    question = ids[len(prompt.prefix) :][slice(*prompt.question)]
    asked = question if config.embedding is Embedding.QUESTION else ids
    return previews, models[0].get_input_embeddings()(asked).mean(0)


class Listed:
    """A mask that allows the same tokens for some steps, then only the end."""

    def __init__(self, allowed: Sequence[int], steps: int) -> None:
        self.allowed, self.steps = list(allowed), steps
        self.taken: list[int] = []

    @property
    def finished(self) -> bool:
        return len(self.taken) >= self.steps

    def allows(self, token_id: int) -> bool:
        return bool(self.mask()[token_id])

    def mask(self) -> Tensor:
        mask = torch.zeros(VOCABULARY, dtype=torch.bool)
        mask[[END] if self.finished else self.allowed] = True
        return mask

    def advance(self, token_id: int) -> None:
        self.taken.append(token_id)


def test_the_naive_loop_has_something_to_compare(separate: list[Any]) -> None:
    """Adapters alone and mixed write different things, else the tests below say nothing."""
    shares = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], WEIGHTS]
    assert len({tuple(naive(separate, weights, PROMPT)) for weights in shares}) == 4


@pytest.mark.parametrize(
    "weights", [WEIGHTS, [1 / 3] * 3, [0.0, 0.4, 0.6], [1.0, 0.5, 0.0], [2.0, -1.0, 0.0]]
)
def test_fixed_weights(separate: list[Any], weights: list[float]) -> None:
    decoded = a_decoder().decode(PROMPT, weights=weights, most=STEPS)
    assert decoded.ids == naive(separate, weights, PROMPT)
    assert decoded.weights == pytest.approx(weights)


@pytest.mark.parametrize("adapter", range(K))
def test_one_adapter_alone(separate: list[Any], adapter: int) -> None:
    weights = [float(index == adapter) for index in range(K)]
    decoded = a_decoder().decode(PROMPT, weights=weights, most=STEPS)
    assert decoded.ids == naive([separate[adapter]], [1.0], PROMPT)
    assert decoded.weights == tuple(weights)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": GateKind.SHARED_SCORER},
        {"reduction": Reduction.STATS},
        {"reduction": Reduction.FULL, "window": Window.LAST_50},
        {"reduction": Reduction.HIDDEN, "embedding": Embedding.PROMPT},
        {"window": Window.LAST_200, "embedding": Embedding.PROMPT, "clamped": False, "projection_seed": 3},
    ],
)
def test_the_gate_s_weights(separate: list[Any], changes: dict[str, Any]) -> None:
    gate = a_gate(**changes)
    previews, embedding = naive_features(separate, PROMPT, gate.config)
    weights = gate(previews[None], embedding[None])[0].tolist()
    assert max(weights) - min(weights) > 0.01
    decoded = a_decoder(gate).decode(PROMPT, most=STEPS)
    assert decoded.weights == pytest.approx(weights, abs=1e-4)
    assert decoded.ids == naive(separate, decoded.weights, PROMPT)


def test_features_are_those_of_whole_passes(separate: list[Any]) -> None:
    for window in (Window.QUESTION, Window.LAST_50):
        gate = a_gate(window=window)
        decoder = a_decoder(gate)
        found = decoder.features(PROMPT, states_of(decoder, PROMPT))
        for value, expected in zip(found, naive_features(separate, PROMPT, gate.config), strict=True):
            torch.testing.assert_close(value, expected, atol=1e-4, rtol=0)


def test_the_gate_sees_the_prompt_and_not_what_is_decoded() -> None:
    decoder = a_decoder(a_gate())
    free = decoder.decode(PROMPT, most=STEPS)
    for mask, most in ((Listed([5, 6], 4), STEPS), (None, 1)):
        again = decoder.decode(PROMPT, mask=mask, most=most)
        assert again.ids != free.ids
        assert again.weights == pytest.approx(free.weights, abs=1e-6)


def test_a_second_question_on_a_kept_schema() -> None:
    warm = a_decoder(a_gate())
    warm.decode(PROMPT, most=STEPS)  # leaves question and answer behind the schema's states
    for prompt in (OTHER_QUESTION, PROMPT):
        cold = a_decoder(a_gate())
        expected, found = states_of(cold, prompt), states_of(warm, prompt)
        torch.testing.assert_close(found.prefix, expected.prefix, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.suffix, expected.suffix, atol=1e-4, rtol=0)
        assert warm.decode(prompt, most=STEPS).ids == cold.decode(prompt, most=STEPS).ids


def test_weights_of_one_row_do_not_share_a_kept_schema_with_others(separate: list[Any]) -> None:
    decoder = a_decoder()
    for weights in ([1.0, 0.0, 0.0], WEIGHTS, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]):
        assert decoder.decode(PROMPT, weights=weights, most=6).ids == naive(separate, weights, PROMPT, most=6)


def test_a_schema_part_of_no_tokens(separate: list[Any]) -> None:
    prompt = PromptTokens([], PROMPT.suffix, PROMPT.question)
    decoder = a_decoder()
    for _ in range(2):
        assert decoder.decode(prompt, weights=WEIGHTS, most=5).ids == naive(separate, WEIGHTS, prompt, most=5)


def test_the_mask_is_kept_to() -> None:
    allowed = [7, 20, 33, 90]
    mask = Listed(allowed, steps=6)
    decoded = a_decoder().decode(PROMPT, weights=WEIGHTS, mask=mask)
    assert len(decoded.ids) == 6
    assert set(decoded.ids) <= set(allowed)
    assert mask.taken == decoded.ids  # told of every token, and of nothing else
    assert decoded.complete
    assert END not in decoded.ids


def test_the_mask_leaves_the_best_of_what_it_allows(separate: list[Any]) -> None:
    allowed = [7, 20, 33, 90]
    (first,) = a_decoder().decode(PROMPT, weights=WEIGHTS, mask=Listed(allowed, 1)).ids
    with torch.inference_mode():
        logits = [m(input_ids=torch.tensor([PROMPT.ids])).logits[0, -1] for m in separate]
    fused = sum(w * x for w, x in zip(WEIGHTS, logits, strict=True))
    assert first == max(allowed, key=lambda token: float(fused[token]))


def test_decoding_stops_after_so_many_tokens() -> None:
    decoder = a_decoder()
    whole = decoder.decode(PROMPT, weights=WEIGHTS, most=STEPS)
    cut = decoder.decode(PROMPT, weights=WEIGHTS, most=4)
    assert cut.ids == whole.ids[:4]
    assert not cut.complete


def test_times_are_measured() -> None:
    decoded: Decoded = a_decoder(a_gate()).decode(PROMPT, most=3)
    assert decoded.gate_seconds > 0
    assert decoded.decode_seconds > 0


def test_a_single_adapter_in_the_bundle() -> None:
    base = tiny_llama()
    decoder = FusedDecoder(base, StackedAdapter(base, [random_adapter(base)]), a_gate(adapters=1), end=END)
    assert decoder.decode(PROMPT, most=4).ids == decoder.decode(PROMPT, weights=[1.0], most=4).ids


def test_without_gate_or_weights() -> None:
    decoder = a_decoder()
    with pytest.raises(ValueError, match="gate"):
        decoder.decode(PROMPT)
    with pytest.raises(ValueError, match="gate"):
        decoder.features(PROMPT, states_of(decoder, PROMPT))

"""Training the gate: base and adapters frozen, everything frozen computed once.

arXiv 2601.16097, §3: cross-entropy of the fused logits on the answer tokens. As the output layer is
linear, head(Σ w_i h_i) = Σ w_i L_i, so what is kept per answer token is K hidden states, not K rows of
logits. To the answer loss comes a share of language identification, -log w_l for the language l of the
question (this project's; 0 gives the paper's loss), without which the gate can collapse on one adapter.
Knows nothing of languages by name, or of corpora.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import TrainingError
from polycypher.fusion.gate import Gate, GateConfig
from polycypher.fusion.inputs import GateInputs
from polycypher.fusion.runner import Runner


@dataclass(frozen=True, slots=True)
class GateItem:
    """A question to train on: its prompt, the gold answer with its end token, its own adapter's index."""

    prompt: PromptTokens
    answer: list[int]
    adapter: int


@dataclass(frozen=True, slots=True)
class GateFeatures:
    """Everything frozen about N items: previews [N, K, D], embeddings [N, E], adapter indices [N], and,
    for T answer tokens in all, their states [T, K, hidden], labels [T] and owners [T]."""

    previews: Tensor
    embeddings: Tensor
    adapters: Tensor
    states: Tensor
    labels: Tensor
    owners: Tensor


@torch.inference_mode()
def collect(
    runner: Runner,
    items: Sequence[GateItem],
    configs: Sequence[GateConfig],
    *,
    weights: Tensor | None = None,
    batch: int = 16,
    progress: Callable[[int], None] = lambda done: None,
) -> list[GateFeatures]:
    """Run every item through all adapters once; the features for each configuration, states shared.

    Args:
        runner: base and adapters.
        items: those of one schema in a row run together, `batch` at a time.
        configs: which previews and embeddings to take.
        weights: the rows that count as adapters, [K, all adapters]; all of them if None.
        progress: told how many items a batch had.

    Raises:
        TrainingError: no items.
    """
    if not items:
        raise TrainingError("no example to train the gate on")
    rows = runner.stacked.one_hot() if weights is None else weights
    makers = [GateInputs(runner.model, config) for config in configs]
    made: list[list[tuple[Tensor, Tensor]]] = [[] for _ in configs]
    states, labels, owners = [], [], []
    for start, stop in _runs(items, batch):
        group = items[start:stop]
        # What follows a prompt does not change its states, so prompt and answer run in one pass.
        found = runner.states(
            group[0].prompt.prefix, [[*item.prompt.suffix, *item.answer[:-1]] for item in group], rows
        )
        for number, item in enumerate(group):
            asked = found.of(number, len(item.prompt.suffix))
            for features, maker in zip(made, makers, strict=True):
                features.append(maker(item.prompt, asked))
            answered = found.of(number).suffix[:, len(item.prompt.suffix) - 1 :]
            states.append(answered.transpose(0, 1).to(torch.bfloat16))
            labels.extend(item.answer)
            owners.extend([start + number] * len(item.answer))
        progress(len(group))
    device = runner.device
    shared = (
        torch.tensor([item.adapter for item in items], device=device),
        torch.cat(states),
        torch.tensor(labels, device=device),
        torch.tensor(owners, device=device),
    )
    return [
        GateFeatures(torch.stack([p for p, _ in each]), torch.stack([e for _, e in each]), *shared)
        for each in made
    ]


def _runs(items: Sequence[GateItem], most: int) -> Iterator[tuple[int, int]]:
    """Half-open spans of at most `most` items in a row that share their prefix."""
    start = 0
    for place in range(1, len(items) + 1):
        if (
            place == len(items)
            or place - start == most
            or items[place].prompt.prefix != items[start].prompt.prefix
        ):
            yield start, place
            start = place


def train_gate(
    gate: Gate,
    head: Callable[[Tensor], Tensor],
    features: GateFeatures,
    *,
    epochs: int = 8,
    rate: float = 1e-3,
    identification: float = 0.3,
    batch: int = 32,
    seed: int = 0,
) -> list[float]:
    """Train `gate` in place; `head` maps [T, hidden] to logits [T, V]. Returns the mean loss an epoch.

    Raises:
        TrainingError: the loss is not a number.
    """
    generator = torch.Generator().manual_seed(seed)
    features = GateFeatures(*(getattr(features, name).clone() for name in GateFeatures.__slots__))
    gate.fit_normalisation(features.previews, features.embeddings)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=rate, weight_decay=0.01)
    count = features.previews.shape[0]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=rate,
        # With ten steps in all the rise would have no length, and be divided by.
        total_steps=max(11, epochs * -(-count // batch)),
        pct_start=0.1,
    )
    losses = []
    for _ in range(epochs):
        total = 0.0
        order = torch.randperm(count, generator=generator).to(features.owners.device)
        for chosen in order.split(batch):  # type: ignore[no-untyped-call]  # untyped in torch
            weights = gate(features.previews[chosen], features.embeddings[chosen])
            value = _answer_loss(weights, chosen, features, head)
            own = weights.gather(1, features.adapters[chosen, None]).clamp_min(1e-9)
            value = value - identification * own.log().mean()
            if not torch.isfinite(value):
                raise TrainingError("the gate's loss is no number; lower its rate")
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            total += float(value.detach()) * len(chosen) / count
        losses.append(total)
    return losses


def _answer_loss(
    weights: Tensor, chosen: Tensor, features: GateFeatures, head: Callable[[Tensor], Tensor]
) -> Tensor:
    device = features.owners.device
    place = torch.full((features.previews.shape[0],), -1, device=device)
    place[chosen] = torch.arange(len(chosen), device=device)
    row = place[features.owners]
    picked = row >= 0
    fused = torch.einsum("tk,tkh->th", weights[row[picked]], features.states[picked].to(weights))
    return torch.nn.functional.cross_entropy(head(fused), features.labels[picked])

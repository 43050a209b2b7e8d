"""Training the gate: base and adapters frozen, everything frozen computed once.

arXiv 2601.16097, §3: cross-entropy of the fused logits on the answer tokens. As the output layer is
linear, head(Σ w_i h_i) = Σ w_i L_i, so what is kept per answer token is K hidden states, not K rows of
logits. To the answer loss comes a share of language identification, -log w_l for the language l of the
question (this project's; 0 gives the paper's loss), without which the gate can collapse on one adapter.
Knows nothing of languages by name, or of corpora.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import TrainingError
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.gate import Gate


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
    decoder: FusedDecoder, items: Iterable[GateItem], *, progress: Callable[[], None] = lambda: None
) -> GateFeatures:
    """Run every item through all adapters once. Items of one schema in a row are cheapest."""
    previews, embeddings, adapters, states, labels, owners = [], [], [], [], [], []
    for index, item in enumerate(items):
        # Only the prompt counts for the gate: the answer is appended after its features are taken.
        prompt_states = decoder.states(item.prompt, decoder.stacked.one_hot())
        preview, embedding = decoder.features(item.prompt, prompt_states)
        hidden = decoder.extend(prompt_states, item.answer[:-1])
        previews.append(preview)
        embeddings.append(embedding)
        adapters.append(item.adapter)
        states.append(hidden.transpose(0, 1).to(torch.bfloat16))
        labels.extend(item.answer)
        owners.extend([index] * len(item.answer))
        progress()
    if not previews:
        raise TrainingError("no example to train the gate on")
    return GateFeatures(
        torch.stack(previews),
        torch.stack(embeddings),
        torch.tensor(adapters),
        torch.cat(states),
        torch.tensor(labels),
        torch.tensor(owners),
    )


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
        for chosen in torch.randperm(count, generator=generator).split(batch):  # type: ignore[no-untyped-call]
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
    place = torch.full((features.previews.shape[0],), -1)
    place[chosen] = torch.arange(len(chosen))
    row = place[features.owners]
    picked = row >= 0
    fused = torch.einsum("tk,tkh->th", weights[row[picked]], features.states[picked].to(weights))
    return torch.nn.functional.cross_entropy(head(fused), features.labels[picked])

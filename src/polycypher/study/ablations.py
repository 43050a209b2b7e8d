"""What of the gate matters: one choice changed at a time, on the same adapters and questions.

For each setting: the share of test questions whose own adapter weighs most, the loss a token of the gold
answer under the fused logits, and the share of gold answers that greedy decoding would write to the end
(gold fed). Features of all settings come from one pass. Knows nothing of databases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from polycypher.fusion.gate import Embedding, GateConfig
from polycypher.fusion.gate_training import GateFeatures, GateItem, collect, train_gate
from polycypher.fusion.previews import Reduction, Window
from polycypher.fusion.runner import Runner
from polycypher.study.base import Base
from polycypher.study.gates import fresh_gate, sized
from polycypher.study.recipe import GatePart

LARGEST_FULL = 20_000
"""Vocabularies up to this size are tried without reduction."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the ablations: what is changed against the default."""

    group: str
    name: str
    config: GateConfig
    identification: float
    share: float = 1.0
    probabilities: bool = False
    default: bool = False


def settings(base: Base, default: GateConfig, part: GatePart) -> list[Setting]:
    """All settings; the default stands in each group."""
    made: list[Setting] = []

    def add(group: str, name: str, config: GateConfig, **more: Any) -> None:
        ours = {"identification": part.identification, **more}
        same = config == default and ours == {"identification": part.identification}
        made.append(Setting(group, name, sized(base, config), default=same, **ours))

    for window in (Window.QUESTION, Window.LAST_50, Window.LAST_100, Window.LAST_200):
        add("window", window.value, replace(default, window=window))
    for reduction in Reduction:
        if reduction is not Reduction.FULL or base.model.config.vocab_size <= LARGEST_FULL:
            add("reduction", reduction.value, replace(default, reduction=reduction))
    for embedding in Embedding:
        add("embedding", embedding.value, replace(default, embedding=embedding))
    count = part.questions
    for questions in sorted({min(n, count) for n in (25, 50, 100, 250, 625, 1000, count)}):
        add(
            "gate-questions",
            str(questions),
            default,
            **({} if questions == count else {"share": questions / count}),
        )
    add("mixing", "logits", default)
    add("mixing", "probabilities", default, probabilities=True)
    for weight in sorted({0.0, part.identification}):
        add("identification", f"{weight:g}", default, identification=weight)
    paper = GateConfig.paper(default.adapters, default.preview, default.embedding_size)
    add("preset", "ours", default)
    add("preset", "paper", paper, identification=0.0)
    add("preset", "paper + identification", paper)
    return made


def ablate(
    base: Base,
    runner: Runner,
    train: Sequence[GateItem],
    test: Sequence[GateItem],
    default: GateConfig,
    part: GatePart,
    *,
    weights: Tensor,
    seed: int,
    batch: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, Any]]:
    """Train and measure every setting; rows for `results.json`.

    Args:
        base, runner: base and adapters.
        train, test: items in every language; `gate-questions` trains on a seeded share of all of them.
        default: the study's own gate.
        part: its training.
        weights: rows of the adapters that the gate weighs, [K, all].
        seed: of every gate's first weights.
        batch: questions run at once.
        progress: told how many questions were run.
    """
    rows = settings(base, default, part)
    configs = list(dict.fromkeys(row.config for row in rows))
    known = dict(
        zip(
            configs,
            collect(runner, train, configs, weights=weights, batch=batch, progress=progress),
            strict=True,
        )
    )
    unseen = dict(
        zip(
            configs,
            collect(runner, test, configs, weights=weights, batch=batch, progress=progress),
            strict=True,
        )
    )
    found = []
    for row in rows:
        began = time.monotonic()
        gate = fresh_gate(row.config, seed, runner.device)
        features = _part(known[row.config], row.share, seed)
        train_gate(
            gate,
            runner.model.lm_head,
            features,
            epochs=part.epochs,
            rate=part.rate,
            identification=row.identification,
            seed=seed,
        )
        measured = unseen[row.config]
        with torch.inference_mode():
            mixed = gate(measured.previews, measured.embeddings)
        routing = float((mixed.argmax(1) == measured.adapters).float().mean())
        loss, exact = answer_scores(mixed, measured, runner.model.lm_head, probabilities=row.probabilities)
        found.append(
            {
                "group": row.group,
                "name": row.name,
                "default": row.default,
                "samples": len(features.adapters),
                "routing": round(routing, 4),
                "loss": round(loss, 4),
                "exact": round(exact, 4),
                "seconds": round(time.monotonic() - began, 2),
            }
        )
    return found


@torch.inference_mode()
def answer_scores(
    weights: Tensor,
    features: GateFeatures,
    head: Callable[[Tensor], Tensor],
    *,
    probabilities: bool = False,
    chunk: int = 4096,
) -> tuple[float, float]:
    """(mean loss an answer token, share of answers whose every token is the fused model's first choice)."""
    wrong = torch.zeros(len(features.adapters), dtype=torch.bool, device=features.owners.device)
    total = 0.0
    for at in range(0, len(features.labels), chunk):
        owners, labels = features.owners[at : at + chunk], features.labels[at : at + chunk]
        states, mix = features.states[at : at + chunk].float(), weights[owners].float()
        if probabilities:
            each = torch.log_softmax(head(states).float(), -1)
            log_p = torch.logsumexp(each + mix.clamp_min(1e-30).log()[..., None], 1)
        else:
            log_p = torch.log_softmax(head(torch.einsum("tk,tkh->th", mix, states)).float(), -1)
        total -= float(log_p.gather(1, labels[:, None]).sum())
        wrong[owners[log_p.argmax(1) != labels]] = True
    return total / max(1, len(features.labels)), 1.0 - float(wrong.float().mean())


def _part(features: GateFeatures, share: float, seed: int) -> GateFeatures:
    """A seeded share of the items."""
    if share >= 1.0:
        return features
    count = len(features.adapters)
    generator = torch.Generator().manual_seed(seed)
    device = features.owners.device
    chosen = (
        torch.randperm(count, generator=generator)[: max(2, round(share * count))].sort().values.to(device)
    )
    place = torch.full((count,), -1, device=device)
    place[chosen] = torch.arange(len(chosen), device=device)
    owned = place[features.owners] >= 0
    return GateFeatures(
        features.previews[chosen],
        features.embeddings[chosen],
        features.adapters[chosen],
        features.states[owned],
        features.labels[owned],
        place[features.owners[owned]],
    )

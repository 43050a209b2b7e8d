"""The gate: from previews and an embedding of the prompt to one weight an adapter.

arXiv 2601.16097, §3: w = softmax(MLP([p_1; …; p_K; e])). Kind `mlp` is the paper's; kind
`shared-scorer`, of this project, scores every adapter with one small network from
[p_i; mean_j p_j; e], and so keeps its shape when a language is added; kind `early` sees e alone, and is
distilled from another gate (`early`). Knows nothing of languages by name, and nothing of how previews are
made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.errors import BundleError
from polycypher.fusion.previews import Reduction, Window

CLIP = 4.0
"""Normalised features are clipped to ±4."""
FLOOR = 0.05
"""The least deviation that normalisation divides by, as a share of the mean deviation."""


class GateKind(StrEnum):
    """The gate's network."""

    MLP = "mlp"
    SHARED_SCORER = "shared-scorer"
    EARLY = "early"


class Embedding(StrEnum):
    """What `e` is: the mean of the base's input embeddings over the question or the whole prompt."""

    QUESTION = "question"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class GateConfig:
    """What a gate is made of; stored beside its weights."""

    kind: GateKind = GateKind.MLP
    adapters: int = 3
    preview: int = 256
    embedding_size: int = 256
    width: int = 128
    window: Window = Window.QUESTION
    reduction: Reduction = Reduction.PROJECTION
    embedding: Embedding = Embedding.QUESTION
    clamped: bool = True
    projection_seed: int = 0

    @classmethod
    def paper(cls, adapters: int, preview: int, embedding_size: int) -> GateConfig:
        """The literal form of the paper: last 200 tokens, whole prompt, no clamping."""
        return cls(
            adapters=adapters,
            preview=preview,
            embedding_size=embedding_size,
            window=Window.LAST_200,
            embedding=Embedding.PROMPT,
            clamped=False,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> GateConfig:
        """Read `to_dict`'s form. Raises `BundleError` for anything else."""
        try:
            return cls(
                **{
                    **value,
                    "kind": GateKind(value["kind"]),
                    "window": Window(value["window"]),
                    "reduction": Reduction(value["reduction"]),
                    "embedding": Embedding(value["embedding"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the gate's configuration is damaged: {error}") from None


class Gate(nn.Module):
    """previews [N, K, D] and embeddings [N, E] to weights [N, K] that sum to one."""

    def __init__(self, config: GateConfig) -> None:
        super().__init__()
        self.config = config
        k, d, e, width = config.adapters, config.preview, config.embedding_size, config.width
        for name, size in (("preview", d), ("embedding", e)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_deviation", torch.ones(size))
        inputs, outputs = {
            GateKind.MLP: (k * d + e, k),
            GateKind.SHARED_SCORER: (2 * d + e, 1),
            GateKind.EARLY: (e, k),
        }[config.kind]
        self.network = nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, outputs))

    def fit_normalisation(self, previews: Tensor | None, embeddings: Tensor) -> None:
        """Take mean and deviation of the training features, with a floor under the deviation.

        Without the floor, features that hardly vary in training explode on other schemas.
        """
        seen = {"embedding": embeddings}
        if previews is not None:
            seen["preview"] = previews.flatten(0, 1)
        for name, x in seen.items():
            deviation = x.std(0)
            if self.config.clamped:
                deviation = deviation.clamp_min(FLOOR * float(deviation.mean()) + 1e-6)
            getattr(self, f"{name}_mean").copy_(x.mean(0))
            getattr(self, f"{name}_deviation").copy_(deviation.clamp_min(1e-6))

    def forward(self, previews: Tensor | None, embeddings: Tensor) -> Tensor:
        """Weights [N, K]; the kind `early` takes no previews."""
        return torch.softmax(self.scores(previews, embeddings), -1)

    def scores(self, previews: Tensor | None, embeddings: Tensor) -> Tensor:
        """Scores before the softmax [N, K]."""
        e = self._normalise(embeddings, "embedding")
        if self.config.kind is GateKind.EARLY:
            early: Tensor = self.network(e)
            return early
        if previews is None:
            raise ValueError(f"a gate of kind `{self.config.kind}` needs previews")
        p = self._normalise(previews, "preview")
        if self.config.kind is GateKind.MLP:
            result: Tensor = self.network(torch.cat([p.flatten(1), e], 1))
            return result
        mean = p.mean(1, keepdim=True).expand_as(p)
        each = torch.cat([p, mean, e[:, None].expand(-1, p.shape[1], -1)], 2)
        shared: Tensor = self.network(each)
        return shared.squeeze(-1)

    def _normalise(self, x: Tensor, name: str) -> Tensor:
        y: Tensor = (x - getattr(self, f"{name}_mean")) / getattr(self, f"{name}_deviation")
        return y.clamp(-CLIP, CLIP) if self.config.clamped else y

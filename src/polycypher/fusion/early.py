"""A gate that needs no previews, distilled from one that does.

The full gate reads what every adapter makes of the prompt, so all K rows must run before the first token.
Where the question's words alone tell which adapter is meant, a small network over e (the mean of the
base's input embeddings of the question) gives the same weights at once:

    min_θ Σ_n Σ_k −w_nk log softmax(MLP_θ(e_n))_k        w_n: the full gate's weights (Hinton et al.,
                                                         arXiv 1503.02531, temperature 1)

Knows nothing of adapters or languages.
"""

from __future__ import annotations

import torch
from torch import Tensor

from polycypher.errors import TrainingError
from polycypher.fusion.gate import Gate, GateConfig, GateKind


def distil(
    embeddings: Tensor,
    weights: Tensor,
    *,
    epochs: int = 30,
    rate: float = 1e-3,
    batch: int = 64,
    width: int = 128,
    seed: int = 0,
) -> Gate:
    """Train a gate of kind `early`.

    Args:
        embeddings: of questions [N, E].
        weights: the full gate's weights for them [N, K].
        epochs, rate, batch, width: of the training and the network.
        seed: of the first weights and the order.

    Raises:
        TrainingError: no questions, or a loss that is no number.
    """
    count = embeddings.shape[0]
    if not count:
        raise TrainingError("no question to distil the early gate from")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        gate = Gate(
            GateConfig(
                kind=GateKind.EARLY,
                adapters=weights.shape[1],
                preview=0,
                embedding_size=embeddings.shape[1],
                width=width,
            )
        ).to(embeddings.device)
    embeddings, weights = embeddings.clone(), weights.clone()
    gate.fit_normalisation(None, embeddings)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=rate, weight_decay=0.01)
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator).to(embeddings.device)
        for chosen in order.split(batch):  # type: ignore[no-untyped-call]  # untyped in torch
            loss = torch.nn.functional.cross_entropy(gate.scores(None, embeddings[chosen]), weights[chosen])
            if not torch.isfinite(loss):
                raise TrainingError("the early gate's loss is no number; lower its rate")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
            optimizer.step()
    gate.requires_grad_(False)
    return gate.eval()


@torch.inference_mode()
def agreement(early: Gate, embeddings: Tensor, weights: Tensor) -> float:
    """The share of questions for which both gates give the same adapter the largest weight."""
    same = early(None, embeddings).argmax(1) == weights.argmax(1)
    return float(same.float().mean())

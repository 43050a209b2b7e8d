"""Previews: what each adapter makes of a prompt, as one short vector each.

arXiv 2601.16097, §3 (shapes decided in this project): for the logits L_i [S, V] of adapter i over the
prompt, p_i = reduce(mean over the window of log_softmax(L_i)). The window is a set of **prompt** tokens,
never of the answer, which would leak in training. Knows nothing of the gate that reads them.
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor


class Window(StrEnum):
    """Which prompt tokens count."""

    QUESTION = "question"
    """The question's own tokens: the default. A mean over more is drowned by the schema, which is the
    same in every language."""
    LAST_200 = "last-200"
    """The last 200 prompt tokens: the paper's."""
    LAST_100 = "last-100"
    LAST_50 = "last-50"

    def span(self, prefix: int, suffix: int, question: tuple[int, int]) -> tuple[int, int]:
        """Half-open span of prompt positions, for `prefix` + `suffix` prompt tokens with the question's
        span inside the suffix."""
        total = prefix + suffix
        if self is Window.QUESTION:
            start, stop = prefix + question[0], prefix + question[1]
            return (start, stop) if stop > start else (total - 1, total)
        return max(0, total - int(self.value.removeprefix("last-"))), total


class Reduction(StrEnum):
    """How a [V] mean of log-probabilities becomes a short vector."""

    PROJECTION = "projection"
    """A fixed, seeded, sparse random projection to 256 numbers, the same for all adapters."""
    STATS = "stats"
    """Negative log-likelihood of the window, entropy, largest probability, margin, divergence."""
    FULL = "full"
    """All V numbers; for small vocabularies."""
    HIDDEN = "hidden"
    """The pooled last hidden state instead of logits."""


class Projection:
    """A seeded sparse random projection [V] → [size] with entries 0, ±√(3/size).

    Achlioptas (2003): entries are non-zero with probability 1/3.
    """

    def __init__(self, vocabulary: int, size: int = 256, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        draw = torch.rand(vocabulary, size, generator=generator)
        signs = (draw < 1 / 6).float() - (draw > 5 / 6).float()
        self.matrix = signs * (3.0 / size) ** 0.5

    def __call__(self, x: Tensor) -> Tensor:
        """[..., V] to [..., size]."""
        projected: Tensor = x @ self.matrix.to(x)
        return projected


def size_of(reduction: Reduction, vocabulary: int, hidden: int) -> int:
    """How many numbers a preview has."""
    sizes = {
        Reduction.PROJECTION: 256,
        Reduction.STATS: 5,
        Reduction.FULL: vocabulary,
        Reduction.HIDDEN: hidden,
    }
    return sizes[reduction]


def reduce_previews(
    hidden: Tensor, logits: Tensor, ids: Tensor, reduction: Reduction, projection: Projection | None
) -> Tensor:
    """Previews of K adapters over one window.

    Args:
        hidden: last hidden states [K, W, hidden].
        logits: logits at the same places [K, W, V].
        ids: the window's token ids [W].
        reduction: what to make of them.
        projection: for `Reduction.PROJECTION`.

    Returns:
        [K, D].
    """
    if reduction is Reduction.HIDDEN:
        return hidden.float().mean(1)
    log_p = torch.log_softmax(logits.float(), -1)
    if reduction is Reduction.STATS:
        return _stats(log_p, ids)
    mean = log_p.mean(1)
    if reduction is Reduction.FULL:
        return mean
    if projection is None:
        raise ValueError("the projection reduction needs a projection")
    return projection(mean)


def _stats(log_p: Tensor, ids: Tensor) -> Tensor:
    """[K, 5]: NLL of the window's tokens, entropy, largest probability, margin, mean KL to all K."""
    p = log_p.exp()
    following = log_p[:, :-1].gather(2, ids[1:].expand(log_p.shape[0], -1)[..., None])
    nll = -following.mean((1, 2)) if ids.shape[0] > 1 else torch.zeros(log_p.shape[0])
    entropy = -(p * log_p).sum(-1).mean(1)
    top = p.topk(2, -1).values
    largest, margin = top[..., 0].mean(1), (top[..., 0] - top[..., 1]).mean(1)
    # KL(p_i ‖ p_j) = Σ p_i (log p_i − log p_j), averaged over the window and over j.
    cross = torch.einsum("iwv,jwv->ijw", p, log_p).mean(-1)
    divergence = (-entropy[:, None] - cross).mean(1)
    return torch.stack([nll.to(entropy), entropy, largest, margin, divergence], 1)

"""Packs: one schema and several questions about it in one sequence, each question blind to the others.

A corpus asks many questions about few schemas, and the schema is most of a prompt. A pack runs the
schema's tokens once; every question attends to the schema and to itself, and its positions go on from
the schema's, so that its loss is exactly that of a sequence of its own (tested). A pack of one question
is the plain form of arXiv 2601.16097. Works for any causal language model that takes a 4-D attention
mask and position ids. Knows nothing of optimisers or corpora.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100
"""Label of a place where nothing is predicted."""
_PADDING = -1


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One question in tokens: what depends on the schema, what on the question, and the gold answer
    with its end token."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    answer: tuple[int, ...]

    def cut_to(self, most: int) -> TrainingRow:
        """The row in at most `most` tokens, cut on the left (arXiv 2601.16097, Appendix B)."""
        spare = max(0, len(self.prefix) + len(self.suffix) + len(self.answer) - most)
        return TrainingRow(self.prefix[spare:], self.suffix, self.answer) if spare else self


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """P packs, padded on the right to T tokens.

    `ids`, `positions` [P, T]; `owners` [P, T]: 0 for the schema, n for the pack's nth question, -1 for
    padding; `labels` [P, T]: the token to predict after each place, or `IGNORED`.
    """

    ids: Tensor
    positions: Tensor
    owners: Tensor
    labels: Tensor

    @property
    def count(self) -> int:
        """Tokens that are predicted."""
        return int((self.labels != IGNORED).sum())

    def to(self, device: torch.device) -> PackedBatch:
        """The batch on another device."""
        return PackedBatch(*(getattr(self, name).to(device) for name in self.__slots__))

    def mask(self, dtype: torch.dtype) -> Tensor:
        """What may be attended to, to be added to the scores: 0 or a large negative number, [P, 1, T, T]."""
        owners = self.owners
        query, key = owners[:, :, None], owners[:, None, :]
        seen = ((query == key) | (key == 0)) & torch.ones_like(query == key).tril()
        return torch.zeros(seen.shape, dtype=dtype, device=owners.device).masked_fill(
            ~seen, torch.finfo(dtype).min
        )[:, None]


def pack(packs: Sequence[Sequence[TrainingRow]]) -> PackedBatch:
    """Make a batch of packs; the rows of one pack share their prefix.

    Raises:
        ValueError: an empty pack, or rows of different prefixes in one.
    """
    parts = [_pack_one(rows) for rows in packs]
    length = max(len(part[0]) for part in parts)
    fills = (0, 0, _PADDING, IGNORED)
    columns = (
        torch.tensor([[*part[place], *[fill] * (length - len(part[place]))] for part in parts])
        for place, fill in enumerate(fills)
    )
    return PackedBatch(*columns)


def _pack_one(rows: Sequence[TrainingRow]) -> tuple[list[int], list[int], list[int], list[int]]:
    if not rows or any(row.prefix != rows[0].prefix for row in rows):
        raise ValueError("the rows of a pack share one prefix")
    prefix = rows[0].prefix
    ids, positions = list(prefix), list(range(len(prefix)))
    owners, labels = [0] * len(prefix), [IGNORED] * len(prefix)
    for number, row in enumerate(rows, 1):
        tokens = [*row.suffix, *row.answer[:-1]]
        ids += tokens
        positions += range(len(prefix), len(prefix) + len(tokens))
        owners += [number] * len(tokens)
        labels += [*[IGNORED] * (len(row.suffix) - 1), *row.answer]
    return ids, positions, owners, labels

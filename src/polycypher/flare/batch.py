"""Training batches: packs of rows about one schema, their sources packed likewise, and how they align.

A pack (`adapters.train.packing`) runs the tokens that its prompts share once; the sources' pack has the same
shared tokens, and each source sees them and itself. So a row's loss is that of a sequence of its own. Knows
nothing of models or optimisers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polycypher.adapters.train.packing import IGNORED, PackedBatch, TrainingRow, pack
from polycypher.flare.alignment import NOTHING, Alignment, FlarePrompt, beside


@dataclass(frozen=True, slots=True)
class FlareRow(TrainingRow):
    """A row with its source: the source's own part of the prompt and how many tokens of frame end both own
    parts (see `FlarePrompt`)."""

    source: tuple[int, ...]
    tail: int = 0

    @classmethod
    def of(cls, prompt: FlarePrompt, answer: Sequence[int]) -> FlareRow:
        """A prompt and its gold answer, which ends with the end token."""
        return cls(prompt.prefix, prompt.target, tuple(answer), prompt.source, prompt.tail)

    def cut_to(self, most: int) -> FlareRow:
        """The row with neither prompt and answer nor source longer than `most` tokens, cut on the left, where
        both are the same."""
        own = max(len(self.suffix) + len(self.answer), len(self.source))
        spare = max(0, len(self.prefix) + own - most)
        return FlareRow(self.prefix[spare:], self.suffix, self.answer, self.source, self.tail)


@dataclass(frozen=True, slots=True)
class FlareBatch:
    """P packs: `target` and `source` in tokens, and the alignment of the target's with the source's.

    With FLARE-MT there is no `source`; `latents` are then the rows' encoder tokens, and the sources of a pack
    stand one behind the other.
    """

    target: PackedBatch
    source: PackedBatch | None
    latents: list[list[tuple[int, ...]]]
    alignment: Alignment

    def to(self, device: torch.device) -> FlareBatch:
        """The batch on another device."""
        seen = self.alignment.seen
        return FlareBatch(
            self.target.to(device),
            None if self.source is None else self.source.to(device),
            self.latents,
            Alignment(self.alignment.places.to(device), None if seen is None else seen.to(device)),
        )


def make_batch(packs: Sequence[Sequence[FlareRow]], *, latent: bool, attends: bool) -> FlareBatch:
    """Make a batch of packs.

    Args:
        packs: the rows of one share their prefix.
        latent: the sources are those of an encoder (FLARE-MT).
        attends: whether the fusion looks at `Alignment.seen`.
    """
    target = pack(packs)
    source = None if latent else pack([[_alone(row) for row in rows] for rows in packs])
    latents = [[row.source for row in rows] for rows in packs] if latent else []
    parts = [_places(rows, latent) for rows in packs]
    places = _filled([part[0] for part in parts], NOTHING)
    seen = None
    if attends:
        counts = _filled([part[1] for part in parts], 0)
        if source is None:
            owners = _filled(
                [[n for n, row in enumerate(rows, 1) for _ in row.source] for rows in packs], IGNORED
            )
        else:
            owners = source.owners
        seen = _seen(target.owners, counts, owners, latent)
    return FlareBatch(target, source, latents, Alignment(places, seen))


def _alone(row: FlareRow) -> TrainingRow:
    """A source as a row; its answer, of which nothing is run, only ends it."""
    return TrainingRow(row.prefix, row.source, (0,))


def _places(rows: Sequence[FlareRow], latent: bool) -> tuple[list[int], list[int]]:
    """Of one pack's target tokens: (place in the pack's sources, how many of its own source's tokens are
    seen; for the shared tokens, of those)."""
    shared = len(rows[0].prefix)
    places = [NOTHING] * shared if latent else list(range(shared))
    counts = [0] * shared if latent else list(range(1, shared + 1))
    start = 0 if latent else shared
    for row in rows:
        own, seen = beside(len(row.source), len(row.suffix), row.tail)
        after = len(row.answer) - 1
        last = len(row.source) - 1
        places += [place if place == NOTHING else start + place for place in [*own, *[last] * after]]
        counts += [*seen, *[len(row.source)] * after]
        start += len(row.source)
    return places, counts


def _seen(target: Tensor, counts: Tensor, source: Tensor, latent: bool) -> Tensor:
    """[P, T, S]: owners and counts of target tokens [P, T], owners of source tokens [P, S]."""
    # A source token's number among those of its owner.
    same = source[:, :, None] == source[:, None, :]
    number = (same & torch.ones_like(same).tril()).sum(-1) - 1
    mine = (target[:, :, None] == source[:, None, :]) & (number[:, None, :] < counts[:, :, None])
    mine &= source[:, None, :] >= 0
    if latent:
        return mine
    # What follows the shared tokens sees all of them.
    return mine | ((target[:, :, None] > 0) & (source[:, None, :] == 0))


def _filled(parts: Sequence[Sequence[int]], fill: int) -> Tensor:
    length = max(len(part) for part in parts)
    return torch.tensor([[*part, *[fill] * (length - len(part))] for part in parts])

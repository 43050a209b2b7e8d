"""`Runner`: prompts in rows, each with its own gate vector, and greedy answers from mixed rows.

A question may have any number of rows: K one-hot rows for the paper's fusion, one for a single adapter, a
merge or (zeros) the base. Questions of one batch may have different numbers of rows, other lengths and
other schemas. A prompt's first part is run once for an adapter and kept (`prefixes`). Knows nothing of
gates, Cypher, databases or languages by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from polycypher.fusion.backbone import Backbone, backbone_of, causal
from polycypher.fusion.generation import TokenMask
from polycypher.fusion.inputs import PromptStates
from polycypher.fusion.keyvalues import KeyValues
from polycypher.fusion.prefixes import PrefixRow, PrefixStore
from polycypher.fusion.stacked import StackedAdapter
from polycypher.fusion.writing import Writing

ROOM = 64
"""Tokens of an answer for which memory is set aside at once."""


@dataclass(slots=True)
class RowStates:
    """Prompts after their run.

    `prefixes` holds a row's last hidden states of the first part [S, hidden]; `suffix` those of the second
    [rows, L, hidden], padded on the left; `owners` the question of each row, `lengths` the questions' real
    lengths of the second part. `kept`, `seen` and `places` are what goes on: keys and values, which of them
    are no padding ([rows, tokens], None where all), and each row's next position [rows]. `weights` are the
    rows' gate vectors [rows, K].
    """

    prefixes: list[Tensor]
    suffix: Tensor
    owners: list[int]
    lengths: list[int]
    kept: KeyValues
    seen: Tensor | None
    places: Tensor
    weights: Tensor

    def of(self, question: int, length: int | None = None) -> PromptStates:
        """The states of a question's rows, without padding; with `length`, the first so many tokens of the
        second part."""
        rows = [row for row, owner in enumerate(self.owners) if owner == question]
        start = self.suffix.shape[1] - self.lengths[question]
        stop = None if length is None else start + length
        prefix = torch.stack([self.prefixes[row] for row in rows])
        return PromptStates(prefix, self.suffix[rows, start:stop])

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in rising order."""
        chosen = torch.tensor(rows, device=self.suffix.device)
        self.prefixes = [self.prefixes[row] for row in rows]
        self.owners = [self.owners[row] for row in rows]
        self.kept.select(rows)
        self.suffix, self.places, self.weights = (
            part[chosen] for part in (self.suffix, self.places, self.weights)
        )
        if self.seen is not None:
            self.seen = self.seen[chosen]


class Runner:
    """A base model with its stacked adapters."""

    def __init__(
        self,
        model: Any,
        stacked: StackedAdapter,
        *,
        end: int,
        prefixes: PrefixStore | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        """`stacked` is installed in `model`, a causal language model of `transformers`; `end` is its end
        token; `prefixes` keeps first parts of prompts; `backbone` runs tokens, the quickest if None."""
        self.model = model
        self.stacked = stacked
        self.end = end
        self.prefixes = PrefixStore() if prefixes is None else prefixes
        self.backbone = backbone_of(model, stacked) if backbone is None else backbone

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def states(self, prefix: Sequence[int], suffixes: Sequence[Sequence[int]], weights: Tensor) -> RowStates:
        """Run Q second parts after one first part, each in the rows of `weights` [R, K]."""
        rows, count = weights.shape[0], len(suffixes)
        owners = [question for question in range(count) for _ in range(rows)]
        return self.run([(prefix, suffix) for suffix in suffixes], weights.repeat(count, 1), owners)

    @torch.inference_mode()
    def run(
        self,
        prompts: Sequence[tuple[Sequence[int], Sequence[int]]],
        weights: Tensor,
        owners: Sequence[int],
    ) -> RowStates:
        """Run prompts (first part, second part) in rows.

        Args:
            prompts: Q of them; the second parts have a token at least.
            weights: the rows' gate vectors [rows, K].
            owners: the question of each row, in rising order.
        """
        weights = weights.to(self.device)
        firsts = self._firsts([tuple(prompts[owner][0]) for owner in owners], weights)
        before = max(first.states.shape[0] for first in firsts)
        lengths = [len(suffix) for _, suffix in prompts]
        longest, rows = max(lengths), len(owners)
        kept = self.backbone.room(rows, before + longest + ROOM)
        ids = torch.zeros(rows, longest, dtype=torch.long)
        places = torch.zeros(rows, longest, dtype=torch.long)
        seen = torch.ones(rows, before + longest, dtype=torch.bool)
        for row, (owner, first) in enumerate(zip(owners, firsts, strict=True)):
            suffix, own = prompts[owner][1], first.states.shape[0]
            kept.fill(row, first.kept)
            kept.blank(row, own, before)
            pad = longest - len(suffix)
            ids[row, pad:] = torch.tensor(suffix)
            places[row, pad:] = own + torch.arange(len(suffix))
            seen[row, own:before] = False
            seen[row, before : before + pad] = False
        kept.advance(before)
        whole = bool(seen.all())
        known = None if whole else seen.to(self.device)
        self.stacked.set_weights(weights)
        hidden = self.backbone.forward(
            ids.to(self.device),
            places.to(self.device),
            kept,
            causal(known, before, longest, self.device),
        )
        return RowStates(
            [first.states for first in firsts],
            hidden,
            list(owners),
            lengths,
            kept,
            known,
            places[:, -1].to(self.device) + 1,
            weights,
        )

    @torch.inference_mode()
    def generate(
        self,
        states: RowStates,
        mixes: Tensor,
        *,
        most: int = 256,
        probabilities: bool = False,
        masks: Sequence[TokenMask | None] | None = None,
        on_token: Callable[[int, int], None] = lambda question, token: None,
    ) -> list[list[int]]:
        """Greedy answers of all questions, without the end token.

        Args:
            states: of the whole prompts; used up.
            mixes: how much each row counts [rows]: the next token of a question is the best of Σ_r m_r L_r
                over its rows.
            most: tokens an answer may have.
            probabilities: mix probabilities instead of logits: log Σ_r m_r softmax(L_r).
            masks: which tokens may come next, a question each; None for free decoding.
            on_token: told of every token as it is chosen: the question, the token.
        """
        count = len(states.lengths)
        answers: list[list[int]] = [[] for _ in range(count)]
        writing = self.write(most=most, probabilities=probabilities)
        written = writing.add(states, mixes, masks=masks or [None] * count, on_token=on_token)
        while writing.questions:
            written += writing.step()
        for question, ids in written:
            answers[question] = ids
        return answers

    def write(self, *, most: int = 256, probabilities: bool = False) -> Writing:
        """Answers in the writing, none yet; see `generate` for the arguments."""
        return Writing(
            self.backbone,
            self.stacked,
            self.model.lm_head,
            end=self.end,
            most=most,
            probabilities=probabilities,
        )

    def _firsts(self, parts: Sequence[tuple[int, ...]], weights: Tensor) -> list[PrefixRow]:
        """Each row's first part; what is not kept is run, rows of the same part together."""
        keys = [(part, tuple(row)) for part, row in zip(parts, weights.tolist(), strict=True)]
        found = {key: self.prefixes.get(key) for key in keys}
        for part in dict.fromkeys(parts):
            missing = list(dict.fromkeys(key for key in keys if key[0] == part and found[key] is None))
            if missing:
                found.update(zip(missing, self._first(part, [row for _, row in missing]), strict=True))
        for key in dict.fromkeys(keys):
            row = found[key]
            # Weights that a gate made for one question will not come again.
            if row is not None and sum(value != 0.0 for value in key[1]) <= 1:
                self.prefixes.put(key, row)
        rows = [found[key] for key in keys]
        return [row for row in rows if row is not None]

    def _first(self, part: tuple[int, ...], weights: Sequence[tuple[float, ...]]) -> list[PrefixRow]:
        """Run one first part in the rows of `weights`."""
        rows, length = len(weights), len(part)
        kept = self.backbone.room(rows, length)
        if length:
            self.stacked.set_weights(torch.tensor(weights, device=self.device))
            ids = torch.tensor(part, device=self.device).expand(rows, -1)
            places = torch.arange(length, device=self.device).expand(rows, -1)
            hidden = self.backbone.forward(ids, places, kept, None)
        else:
            hidden = torch.zeros(
                rows, 0, self.model.config.hidden_size, device=self.device, dtype=self.model.dtype
            )
        return [PrefixRow(kept.row(row, length), hidden[row]) for row in range(rows)]

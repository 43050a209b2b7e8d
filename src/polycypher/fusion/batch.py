"""Many questions about one schema at once: states, gate features and greedy answers.

Every question has R rows, one a gate vector (`weights` [R, K]: one-hot rows for the paper's logits fusion,
one row for a single adapter or a merge, a row of zeros for the base). The schema's tokens run once in R
rows and serve all questions. The fused distribution is that of `fused`; so are the answers (tested).
Knows nothing of Cypher, databases or languages by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from polycypher.fusion.inputs import PromptStates
from polycypher.fusion.stacked import StackedAdapter


@dataclass(slots=True)
class BatchStates:
    """Last hidden states of Q questions in R rows.

    `prefix` [R, S, hidden]; `suffix` [R, Q, L, hidden], padded on the left; `lengths` the Q real lengths;
    `cache` after both, its rows in the order of `suffix`; `weights` [R, K] the rows' gate vectors.
    """

    prefix: Tensor
    suffix: Tensor
    lengths: list[int]
    cache: Any
    weights: Tensor

    def of(self, question: int, length: int | None = None) -> PromptStates:
        """One question's states, without padding; with `length`, its first so many tokens."""
        start = self.suffix.shape[2] - self.lengths[question]
        stop = None if length is None else start + length
        return PromptStates(self.prefix, self.suffix[:, question, start:stop], None)


class BatchRunner:
    """Runs questions in batches through a base model with its stacked adapters."""

    def __init__(self, model: Any, stacked: StackedAdapter, *, end: int) -> None:
        """`stacked` is installed in `model`; `end` is the end token."""
        self.model = model
        self.stacked = stacked
        self.end = end

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @torch.inference_mode()
    def states(
        self, prefix: Sequence[int], suffixes: Sequence[Sequence[int]], weights: Tensor
    ) -> BatchStates:
        """Run Q suffixes after one prefix in the rows of `weights` [R, K]."""
        rows, count = weights.shape[0], len(suffixes)
        self.stacked.set_weights(weights)
        first = self.model.model(
            input_ids=torch.tensor([list(prefix)] * rows, device=self.device), use_cache=True
        )
        cache = first.past_key_values
        cache.batch_repeat_interleave(count)
        self.stacked.set_weights(weights.repeat_interleave(count, 0))
        lengths = [len(suffix) for suffix in suffixes]
        longest = max(lengths)
        ids = torch.zeros(count, longest, dtype=torch.long)
        places = torch.zeros(count, longest, dtype=torch.long)
        seen = torch.ones(count, len(prefix) + longest, dtype=torch.long)
        for number, suffix in enumerate(suffixes):
            start = longest - len(suffix)
            ids[number, start:] = torch.tensor(list(suffix))
            places[number, start:] = len(prefix) + torch.arange(len(suffix))
            seen[number, len(prefix) : len(prefix) + start] = 0
        output = self.model.model(
            input_ids=ids.repeat(rows, 1).to(self.device),
            attention_mask=seen.repeat(rows, 1).to(self.device),
            position_ids=places.repeat(rows, 1).to(self.device),
            past_key_values=cache,
            use_cache=True,
        )
        hidden = output.last_hidden_state.view(rows, count, longest, -1)
        return BatchStates(first.last_hidden_state, hidden, lengths, output.past_key_values, weights)

    @torch.inference_mode()
    def generate(
        self, states: BatchStates, mixes: Tensor, *, most: int = 256, probabilities: bool = False
    ) -> list[list[int]]:
        """Greedy answers of all questions, without the end token.

        Args:
            states: of the whole prompts; its cache is used up.
            mixes: [Q, R], how much each row counts: Σ_r m_r L_r.
            most: tokens an answer may have.
            probabilities: mix probabilities instead of logits: log Σ_r m_r softmax(L_r).
        """
        rows, count, longest, _ = states.suffix.shape
        prefix = states.prefix.shape[1]
        cache = states.cache
        mixes = mixes.to(states.suffix)
        last = states.suffix[:, :, -1]
        seen = torch.ones(count, prefix + longest, dtype=torch.long, device=self.device)
        for number, length in enumerate(states.lengths):
            seen[number, prefix : prefix + longest - length] = 0
        places = torch.tensor(states.lengths, device=self.device) + prefix
        alive = torch.arange(count, device=self.device)
        answers: list[list[int]] = [[] for _ in range(count)]
        for _ in range(most):
            tokens = self._fused(last, mixes, probabilities).argmax(-1)
            going = tokens != self.end
            for question, token in zip(alive[going].tolist(), tokens[going].tolist(), strict=True):
                answers[question].append(token)
            if not going.any():
                break
            if not going.all():
                # Finished questions leave the batch.
                keep = going.nonzero().squeeze(1)
                every = (torch.arange(rows, device=self.device)[:, None] * len(alive) + keep).flatten()
                cache.batch_select_indices(every)
                alive, tokens, seen, places, mixes = (
                    part[keep] for part in (alive, tokens, seen, places, mixes)
                )
            seen = torch.cat([seen, seen.new_ones(len(alive), 1)], 1)
            self.stacked.set_weights(states.weights.repeat_interleave(len(alive), 0))
            output = self.model.model(
                input_ids=tokens.repeat(rows)[:, None],
                attention_mask=seen.repeat(rows, 1),
                position_ids=places.repeat(rows)[:, None],
                past_key_values=cache,
                use_cache=True,
            )
            last = output.last_hidden_state.view(rows, len(alive), -1)
            places = places + 1
        return answers

    def _fused(self, last: Tensor, mixes: Tensor, probabilities: bool) -> Tensor:
        """[R, Q, hidden] and [Q, R] to scores of the next token [Q, V]."""
        head = self.model.lm_head
        if not probabilities:
            # The output layer is linear, so it runs once on the mixed states.
            fused: Tensor = head(torch.einsum("qr,rqh->qh", mixes, last))
            return fused
        each = torch.log_softmax(head(last).float(), -1)
        return torch.logsumexp(each + mixes.T.float().clamp_min(1e-30).log()[..., None], 0)

"""Fused decoding: K adapters in one batch, one weight vector a question, one query.

arXiv 2601.16097, §3: the prompt runs once through every adapter (K rows, one-hot gate vectors); its
states give the previews, the gate gives w, and every step takes the greedy token of Σ_i w_i L_i. As the
output layer is linear and shared, Σ_i w_i L_i = head(Σ_i w_i h_i), so the head runs once.

Takes a token mask as an object with `mask`, `advance` and `finished`; knows nothing of Cypher, databases
or languages by name.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.gate import Gate
from polycypher.fusion.inputs import GateInputs, PromptStates
from polycypher.fusion.stacked import StackedAdapter

KEPT_PREFIXES = 8
"""Schemas whose states are kept."""


class TokenMask(Protocol):
    """What may come next; see `polycypher.translator.constrain` for one made from a grammar."""

    @property
    def finished(self) -> bool: ...

    def mask(self) -> Tensor: ...

    def advance(self, token_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded answer: token ids without the end token, the weights [K], seconds a stage."""

    ids: list[int]
    weights: tuple[float, ...]
    complete: bool
    gate_seconds: float
    decode_seconds: float


class FusedDecoder:
    """A base model, its stacked adapters and a gate."""

    def __init__(self, model: Any, stacked: StackedAdapter, gate: Gate | None, *, end: int) -> None:
        """`model` is a Hugging Face causal language model in which `stacked` is installed; `end` its
        end token. Without a gate, weights must be given to `decode`."""
        self.model = model
        self.stacked = stacked
        self.gate = gate
        self.end = end
        self._prefixes: dict[Any, tuple[Tensor, Any]] = {}
        self._inputs = None if gate is None else GateInputs(model, gate.config)

    @torch.inference_mode()
    def features(self, prompt: PromptTokens, states: PromptStates) -> tuple[Tensor, Tensor]:
        """The gate's inputs from the prompt's states through all K adapters: [K, D] and [E]."""
        if self._inputs is None:
            raise ValueError("features need a gate")
        return self._inputs(prompt, states)

    @torch.inference_mode()
    def states(self, prompt: PromptTokens, weights: Tensor) -> PromptStates:
        """Run a prompt in the rows of `weights` [rows, K].

        The schema's part is kept from question to question: it does not depend on what follows.
        """
        self.stacked.set_weights(weights)
        key = (tuple(prompt.prefix), tuple(map(tuple, weights.tolist())))
        kept = self._prefixes.pop(key, None)
        if kept is None:
            kept = self._run(prompt.prefix, weights.shape[0], None)
        self._prefixes[key] = kept
        while len(self._prefixes) > KEPT_PREFIXES:
            self._prefixes.pop(next(iter(self._prefixes)))
        prefix, cache = kept
        if cache is not None and (surplus := cache.get_seq_length() - len(prompt.prefix)) > 0:
            cache.crop(-surplus)  # the tokens of the question before
        suffix, cache = self._run(prompt.suffix, weights.shape[0], cache)
        return PromptStates(prefix, suffix, cache)

    @torch.inference_mode()
    def decode(
        self,
        prompt: PromptTokens,
        *,
        weights: Sequence[float] | None = None,
        mask: TokenMask | None = None,
        most: int = 256,
    ) -> Decoded:
        """Decode one answer greedily.

        Args:
            prompt: the prompt's tokens.
            weights: [K]; None asks the gate.
            mask: restricts the next token; None for free decoding.
            most: stop after so many tokens; `complete` is then False.
        """
        began = time.perf_counter()
        if weights is not None and sorted(weights) == [0.0] * (len(weights) - 1) + [1.0]:
            # One adapter alone: its row is all there is to run.
            states = self.states(prompt, torch.tensor([weights], device=self._device))
            mixed, chosen = torch.ones(1), tuple(map(float, weights))
        else:
            states = self.states(prompt, self.stacked.one_hot())
            if weights is not None:
                mixed = torch.tensor(weights, dtype=torch.float32)
            elif self.gate is not None:
                previews, embedding = self.features(prompt, states)
                mixed = self.gate(previews[None], embedding[None])[0]
            else:
                raise ValueError("decoding without weights needs a gate")
            chosen = tuple(map(float, mixed))
        gated = time.perf_counter()
        ids = self._generate(states, mixed.to(states.suffix), mask, most)
        return Decoded(ids, chosen, len(ids) < most, gated - began, time.perf_counter() - gated)

    def _generate(self, states: PromptStates, mixed: Tensor, mask: TokenMask | None, most: int) -> list[int]:
        ids: list[int] = []
        last, cache = states.suffix[:, -1], states.cache
        while len(ids) < most:
            logits = self.model.lm_head(mixed @ last)
            if mask is not None:
                logits = logits.masked_fill(~mask.mask().to(logits.device), float("-inf"))
            token = int(logits.argmax())
            if token == self.end:
                break
            ids.append(token)
            if mask is not None:
                mask.advance(token)
            hidden, cache = self._run([token], last.shape[0], cache)
            last = hidden[:, -1]
        return ids

    def _run(self, ids: Sequence[int], rows: int, cache: Any) -> tuple[Tensor, Any]:
        """Append `ids` to `cache` in every row: last hidden states [rows, len(ids), hidden] and cache."""
        if not ids:
            empty = torch.zeros(rows, 0, self.model.config.hidden_size, device=self._device)
            return empty, cache
        inputs = torch.tensor(ids, device=self._device).expand(rows, -1)
        output = self.model.model(input_ids=inputs, past_key_values=cache, use_cache=True)
        return output.last_hidden_state, output.past_key_values

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self.model.parameters()).device
        return device

"""Prompts in the middle of being answered: by the task model alone, or with a source beside them.

The source runs once, through the task model or an encoder, and only its states in the bottleneck are kept,
[rows, S, r] a layer. The prompt runs with them beside it, position by position (`alignment`), and then each
token of the answer with the source's last. Prompts that begin with the same tokens run these once. Knows
nothing of how tokens are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from polycypher.flare.alignment import NOTHING, Alignment, FlarePrompt, align_rows, beside
from polycypher.flare.model import FlareModel
from polycypher.flare.rows import Rows, run_first
from polycypher.flare.task import TaskModel
from polycypher.fusion.hub import HubBackbone


class Running(Protocol):
    """Prompts in the middle of being answered by one expert."""

    @property
    def last(self) -> Tensor:
        """Last hidden states of the last tokens, [prompts, hidden]."""
        ...

    def step(self, tokens: Sequence[int]) -> None:
        """Append a token to each."""
        ...

    def select(self, prompts: Sequence[int]) -> None:
        """Keep these, in rising order."""
        ...


class LoraRunning:
    """Prompts run through a task model alone."""

    def __init__(self, task: TaskModel, prompts: Sequence[FlarePrompt]) -> None:
        backbone = HubBackbone(task.model)
        self._task = task
        task.switch_on(1)
        firsts = {one.prefix: run_first(backbone, one.prefix) for one in prompts}
        task.switch_on(len(prompts))
        self._rows = Rows(
            backbone, [firsts[one.prefix] for one in prompts], max(len(one.target) for one in prompts)
        )
        self.last = self._rows.extend([one.target for one in prompts])[:, -1]

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> None:
        """See `Running`."""
        self._task.switch_on(len(self._rows))
        self.last = self._rows.extend([(token,) for token in tokens])[:, 0]

    def select(self, prompts: Sequence[int]) -> None:
        """See `Running`."""
        self._rows.select(prompts)
        self.last = self.last[list(prompts)]


class FlareRunning:
    """Prompts run through a model with a FLARE adapter.

    `_sources` are a layer's source states in the bottleneck, [rows, S, r], from place 0 on;
    `_lengths` how many of them a row has."""

    def __init__(self, model: FlareModel, prompts: Sequence[FlarePrompt]) -> None:
        self._model = model
        self._backbone = HubBackbone(model.task.model)
        if model.encoder is None:
            before, self._sources, self._lengths = self._texts(prompts)
        else:
            before, self._sources, self._lengths = self._latents(prompts)
        rows = []
        longest = max(len(one.target) for one in prompts)
        for one in prompts:
            start = len(one.prefix) if model.encoder is None and one.source else 0
            places, counts = beside(len(one.source), len(one.target), one.tail)
            pad = [NOTHING] * (longest - len(places))
            moved = [place if place == NOTHING else start + place for place in places]
            rows.append(([*pad, *moved], [*[0] * len(pad), *[start + count for count in counts]]))
        self._rows = Rows(self._backbone, before, longest)
        hidden = self._fused([one.target for one in prompts], self._align(rows))
        self.last = hidden[:, -1]

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> None:
        """See `Running`."""
        alignment = self._align([([length - 1], [length]) for length in self._lengths])
        self.last = self._fused([(token,) for token in tokens], alignment)[:, 0]

    def select(self, prompts: Sequence[int]) -> None:
        """See `Running`."""
        chosen = list(prompts)
        self._rows.select(chosen)
        self._lengths = [self._lengths[prompt] for prompt in chosen]
        self._sources = {name: source[chosen] for name, source in self._sources.items()}
        self.last = self.last[chosen]

    def _align(self, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Alignment:
        width = next(iter(self._sources.values())).shape[1]
        return align_rows(rows, width, attends=self._model.attends, device=self._model.task.device)

    def _fused(self, parts: Sequence[Sequence[int]], alignment: Alignment) -> Tensor:
        self._model.task.switch_on(len(parts))
        with self._model.fusing(self._sources, alignment):
            return self._rows.extend(parts)

    def _first(self, prefix: tuple[int, ...], sources: dict[str, Tensor] | None) -> Tensor:
        """Run the target's prefix beside the source's, or beside nothing."""
        alignment = None
        if sources is not None:
            every = list(range(len(prefix)))
            alignment = align_rows(
                [(every, [place + 1 for place in every])],
                len(prefix),
                attends=self._model.attends,
                device=self._model.task.device,
            )
        self._model.task.switch_on(1)
        with self._model.fusing(sources, alignment):
            return run_first(self._backbone, prefix)

    def _texts(self, prompts: Sequence[FlarePrompt]) -> tuple[list[Tensor], dict[str, Tensor], list[int]]:
        """Run the sources through the task model: (keys and values of the targets' prefixes, states in the
        bottleneck, their numbers)."""
        model, task = self._model, self._model.task
        kept: dict[tuple[int, ...], Tensor] = {}
        low: dict[tuple[int, ...], dict[str, Tensor]] = {}
        firsts: dict[tuple[tuple[int, ...], bool], Tensor] = {}
        for one in prompts:
            if one.source and one.prefix not in kept:
                task.switch_on(1)
                with model.recording() as states:
                    kept[one.prefix] = run_first(self._backbone, one.prefix)
                low[one.prefix] = model.down(states) if one.prefix else {}
            key = (one.prefix, bool(one.source))
            if key not in firsts:
                firsts[key] = self._first(one.prefix, low[one.prefix] if one.source and one.prefix else None)
        having = [row for row, one in enumerate(prompts) if one.source]
        lengths = [len(one.prefix) + len(one.source) if one.source else 0 for one in prompts]
        own: dict[str, Tensor] = {}
        if having:
            longest = max(len(prompts[row].source) for row in having)
            rows = Rows(self._backbone, [kept[prompts[row].prefix] for row in having], longest)
            task.switch_on(len(having))
            with model.recording() as states:
                rows.extend([prompts[row].source for row in having])
            own = model.down(states)
        sources = {}
        for layer in model.layers:
            name, rank = str(layer.name), model.rank
            states_of = [torch.zeros(0, rank, device=task.device, dtype=torch.float32) for _ in prompts]
            for place, row in enumerate(having):
                prompt = prompts[row]
                parts = [own[name][place, -len(prompt.source) :]]
                if prompt.prefix:
                    parts.insert(0, low[prompt.prefix][name][0])
                states_of[row] = torch.cat(parts)
            sources[name] = torch.nn.utils.rnn.pad_sequence(states_of, batch_first=True)
        return [firsts[(one.prefix, bool(one.source))] for one in prompts], sources, lengths

    def _latents(self, prompts: Sequence[FlarePrompt]) -> tuple[list[Tensor], dict[str, Tensor], list[int]]:
        """The same from an encoder's states, which stand beside no prefix."""
        model = self._model
        assert model.encoder is not None
        firsts = {
            prefix: self._first(prefix, None) for prefix in dict.fromkeys(one.prefix for one in prompts)
        }
        states = [one.to(model.task.device) for one in model.encoder.states([one.source for one in prompts])]
        sources = model.down_latent(torch.nn.utils.rnn.pad_sequence(states, batch_first=True))
        return [firsts[one.prefix] for one in prompts], sources, [len(one.source) for one in prompts]

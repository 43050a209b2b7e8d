"""Greedy decoding in batches, with FLARE or with the task model alone, one expert or several together.

Knows nothing of Cypher, labels or languages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from polycypher.flare.alignment import FlarePrompt
from polycypher.flare.model import FlareModel
from polycypher.flare.running import FlareRunning, LoraRunning, Running
from polycypher.flare.task import TaskModel
from polycypher.fusion.generation import Picker, TokenMask


class Expert(Protocol):
    """What answers prompts: a FLARE adapter or a LoRA."""

    @property
    def task(self) -> TaskModel:
        """The frozen model under it."""
        ...

    def start(self, prompts: Sequence[FlarePrompt]) -> Running:
        """Run prompts to their end."""
        ...


class FlareExpert:
    """A model with a FLARE adapter."""

    def __init__(self, model: FlareModel) -> None:
        self.model = model

    @property
    def task(self) -> TaskModel:
        """See `Expert`."""
        return self.model.task

    @torch.inference_mode()
    def start(self, prompts: Sequence[FlarePrompt]) -> Running:
        """See `Expert`."""
        return FlareRunning(self.model, prompts)


class LoraExpert:
    """The task model alone: it answers the target's text and looks at no source."""

    def __init__(self, task: TaskModel) -> None:
        self._task = task

    @property
    def task(self) -> TaskModel:
        """See `Expert`."""
        return self._task

    @torch.inference_mode()
    def start(self, prompts: Sequence[FlarePrompt]) -> Running:
        """See `Expert`."""
        return LoraRunning(self._task, prompts)


def answer(
    expert: Expert,
    prompts: Sequence[FlarePrompt],
    *,
    end: int,
    most: int = 256,
    batch: int = 32,
    masks: Sequence[TokenMask | None] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[list[int]]:
    """Greedy answers of prompts, in their order, without the end token.

    Args:
        expert: answers them.
        prompts: in any order; those of one prefix run together.
        end: the end token.
        most: tokens an answer may have.
        batch: prompts at once.
        masks: which tokens may come next, a prompt each; None for free decoding.
        progress: told how many prompts a batch had.
    """
    order = sorted(range(len(prompts)), key=lambda n: (prompts[n].prefix, len(prompts[n].target)))
    answers: list[list[int]] = [[] for _ in prompts]
    for at in range(0, len(order), batch):
        numbers = order[at : at + batch]
        running = expert.start([prompts[number] for number in numbers])
        made = greedy(
            expert.task,
            [running],
            torch.ones(len(numbers), 1),
            end=end,
            most=most,
            masks=None if masks is None else [masks[number] for number in numbers],
        )
        for number, ids in zip(numbers, made, strict=True):
            answers[number] = ids
        progress(len(numbers))
    return answers


@torch.inference_mode()
def greedy(
    task: TaskModel,
    running: Sequence[Running],
    weights: Tensor,
    *,
    end: int,
    most: int,
    masks: Sequence[TokenMask | None] | None = None,
) -> list[list[int]]:
    """Go on with prompts that K experts have run: the next token is the best of Σ_i w_i head(h_i).

    Args:
        task: of any of the experts: they share the output layer.
        running: of each expert, the same prompts; used up.
        weights: w [prompts, K].
        end, most, masks: as in `answer`.
    """
    count, experts = weights.shape
    picker = Picker(task.model.lm_head, masks or [None] * count)
    answers: list[list[int]] = [[] for _ in range(count)]
    alive = list(range(count))
    weights = weights.to(running[0].last)
    try:
        for _ in range(most):
            last = torch.stack([one.last for one in running], 1).flatten(0, 1)
            owners = [prompt for prompt in alive for _ in range(experts)]
            tokens = picker.pick(last, weights.flatten(), owners, alive)
            stay = [place for place, token in enumerate(tokens) if token != end]
            if not stay:
                break
            tokens = [tokens[place] for place in stay]
            if len(stay) < len(alive):
                for one in running:
                    one.select(stay)
                weights = weights[stay]
                alive = [alive[place] for place in stay]
            for prompt, token in zip(alive, tokens, strict=True):
                answers[prompt].append(token)
            picker.advance(dict(zip(alive, tokens, strict=True)))
            for one in running:
                one.step(tokens)
    finally:
        task.switch_off()
    return answers

"""The training loop of nano's base and of its adapters: bfloat16 passes over float32 weights.

Matrices go by Muon, the rest by AdamW; the learning rate rises, stays, and falls linearly to zero over
the last part of the steps, so that a run can be prolonged before its fall. A checkpoint is written to a
temporary name and renamed; a killed run goes on from the last one. Knows nothing of corpora or files of
results.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from polycypher.errors import TrainingError
from polycypher.nano.forward import Batch, Shape, hidden_states, loss

WORKERS = max(1, min(4, os.cpu_count() or 1))
"""Batches of one step that run at the same time."""


class Batches(Protocol):
    """Anything that draws training batches and whose random state can be kept."""

    random: Any

    def draw(self) -> Batch: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps and rates of one run. `groups` batches make one step; `fall` is the share of steps that decay."""

    steps: int
    rate: float
    groups: int = 2
    warm_up: int = 50
    fall: float = 0.25
    weight_decay: float = 0.01
    checkpoint_seconds: float = 240.0

    def rate_at(self, step: int) -> float:
        """Learning rate at a step (0-based): warm-up, plateau, linear fall."""
        falling = max(1.0, self.fall * self.steps)
        return self.rate * min(1.0, (step + 1) / self.warm_up, max(0.0, (self.steps - step) / falling))


class Trainable:
    """The weights under training, and how a pass sees them.

    Full training: every weight. Adapter training: `lora` holds A [r, in] and B [out, r] a matrix, the
    base is frozen, and a pass sees W + scale · B·A.
    """

    def __init__(
        self,
        base: Mapping[str, Tensor],
        lora: Mapping[str, tuple[Tensor, Tensor]] | None = None,
        scale: float = 1.0,
    ):
        self.scale = scale
        self.base = {name: weight.detach() for name, weight in base.items()}
        self.lora = lora
        if lora is None:
            self.master = {name: weight.float().clone() for name, weight in self.base.items()}
        else:
            self.master = {}
            for name, (a, b) in lora.items():
                self.master[name + "|A"], self.master[name + "|B"] = a.float().clone(), b.float().clone()
        self.master = {name: weight.requires_grad_() for name, weight in self.master.items()}
        self.frozen = {} if lora is None else {name: weight.bfloat16() for name, weight in self.base.items()}

    def weights(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(what the pass reads, the bfloat16 leaves whose gradients count)."""
        leaves = {name: weight.detach().bfloat16().requires_grad_() for name, weight in self.master.items()}
        if self.lora is None:
            return leaves, leaves
        seen = dict(self.frozen)
        for name in self.lora:
            seen[name] = self.frozen[name] + self.scale * (leaves[name + "|B"] @ leaves[name + "|A"])
        return seen, leaves


def train(
    trainable: Trainable,
    shape: Shape,
    batches: Batches,
    plan: Plan,
    *,
    folder: Path | None = None,
    probe: Callable[[dict[str, Tensor]], dict[str, float]] | None = None,
    probe_every: int = 500,
    report: Callable[[dict[str, Any]], None] = lambda record: None,
) -> None:
    """Train in place. With `folder`, go on from its checkpoint and keep `log.jsonl` there.

    Raises:
        TrainingError: the loss is not a number; the message says at which step.
    """
    matrices = [
        w for n, w in trainable.master.items() if w.ndim == 2 and "embed" not in n and trainable.lora is None
    ]
    chosen = {id(w) for w in matrices}
    others = [w for w in trainable.master.values() if id(w) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0)
    ]
    if matrices:
        optimizers.append(
            torch.optim.Muon(
                matrices, lr=plan.rate, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw"
            )
        )
    start = _resume(folder, trainable, optimizers, batches) if folder else 0
    # One thread a batch: passes this small leave two threads within an operation half idle.
    pool = ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,))
    began = saved = time.monotonic()
    tokens = 0
    recent: list[float] = []
    for step in range(start, plan.steps):
        for optimizer in optimizers:
            for settings in optimizer.param_groups:
                settings["lr"] = plan.rate_at(step)
        drawn = [batches.draw() for _ in range(plan.groups)]
        results = list(pool.map(lambda batch: _gradients(trainable, shape, batch), drawn))
        total = sum(value for value, _ in results) / plan.groups
        tokens += sum(batch.prefix.numel() + batch.rows.numel() for batch in drawn)
        if not math.isfinite(total):
            raise TrainingError(
                f"the loss is no number at step {step}; lower the rate ({plan.rate:g}) and go on"
            )
        for name, weight in trainable.master.items():
            weight.grad = torch.stack([grads[name] for _, grads in results]).mean(0)
        torch.nn.utils.clip_grad_norm_(list(trainable.master.values()), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        recent = [*recent[-99:], total]
        last = step + 1 == plan.steps
        if (step + 1) % 50 == 0 or last:
            record = {
                "step": step + 1,
                "loss": sum(recent) / len(recent),
                "rate": plan.rate_at(step),
                "tokens_a_second": tokens / (time.monotonic() - began),
                "minutes": (time.monotonic() - began) / 60,
            }
            if probe is not None and ((step + 1) % probe_every == 0 or last):
                with torch.no_grad():
                    record.update(probe(trainable.weights()[0]))
            report(record)
            if folder:
                with (folder / "log.jsonl").open("a") as log:
                    log.write(json.dumps(record) + "\n")
        if folder and (last or time.monotonic() - saved > plan.checkpoint_seconds):
            _save(folder, step + 1, trainable, optimizers, batches, plan)
            saved = time.monotonic()


def _gradients(trainable: Trainable, shape: Shape, batch: Batch) -> tuple[float, dict[str, Tensor]]:
    seen, leaves = trainable.weights()
    value = loss(seen, shape, batch)
    value.backward()  # type: ignore[no-untyped-call]  # untyped in torch
    zero = {name: torch.zeros_like(leaf) for name, leaf in leaves.items() if leaf.grad is None}
    return float(value.detach()), {
        n: (zero[n] if leaf.grad is None else leaf.grad).float() for n, leaf in leaves.items()
    }


@torch.no_grad()
def teacher_forced(weights: Mapping[str, Tensor], shape: Shape, batch: Batch) -> tuple[int, int, float]:
    """(rows wholly right, rows, mean answer loss a token times rows) with the gold answer fed.

    A row is right when the most likely token is the gold one at every answer place, which is when
    greedy decoding writes exactly the gold query.
    """
    hidden = hidden_states(weights, shape, batch).reshape(-1, weights["model.norm.weight"].shape[0])
    logits = torch.nn.functional.linear(hidden[batch.select], weights["model.embed_tokens.weight"]).float()
    owner = batch.select // batch.rows.shape[1]
    wrong = torch.zeros(batch.rows.shape[0]).index_add_(0, owner, (logits.argmax(-1) != batch.labels).float())
    each = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none")
    return int((wrong == 0).sum()), batch.rows.shape[0], float(each.mean()) * batch.rows.shape[0]


def _save(
    folder: Path,
    step: int,
    trainable: Trainable,
    optimizers: list[torch.optim.Optimizer],
    batches: Batches,
    plan: Plan,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "step": step,
        "master": {name: weight.detach() for name, weight in trainable.master.items()},
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "random": batches.random.getstate(),
        "plan": asdict(plan),
    }
    temporary = folder / "checkpoint.tmp"
    torch.save(state, temporary)
    os.replace(temporary, folder / "checkpoint.pt")


def _resume(
    folder: Path, trainable: Trainable, optimizers: list[torch.optim.Optimizer], batches: Batches
) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=False)
    with torch.no_grad():
        for name, weight in trainable.master.items():
            weight.copy_(state["master"][name])
    for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(kept)
    batches.random.setstate(state["random"])
    return int(state["step"])

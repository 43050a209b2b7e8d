"""The training loop of one adapter: any kind, any causal language model, one process or many.

PEFT makes the adapter, accelerate spreads the work: the packs of a step are shared out among the
processes, and the loss is the mean over all answer tokens of the step wherever they were computed, so
that two processes take the same step as one (tested). Only answer tokens count. A prefix is seen by every
question of a pack, whose places go on from it. Knows nothing of corpora, gates or execution.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.adapters.kinds.plain import DORA, WHY_NOT, as_plain_lora
from polycypher.adapters.kinds.running import prefixed
from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.state import IA3, PREFIX, AdapterState
from polycypher.adapters.train.attach import Attached
from polycypher.adapters.train.checkpoint import FILE, Checkpoint
from polycypher.adapters.train.folder import (
    Adapter,
    Identity,
    cut_log,
    finished,
    run_key,
    state_of,
    write_log,
)
from polycypher.adapters.train.four_bit import check_four_bit
from polycypher.adapters.train.optimizer import make_optimizer
from polycypher.adapters.train.order import Order
from polycypher.adapters.train.packing import IGNORED, TrainingRow, pack
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import AdapterError, TrainingError, UsageError

_PEFT_KINDS = {"dora": DORA, "ia3": IA3, "prefix": PREFIX}


@dataclass(frozen=True, slots=True)
class Watch:
    """What a caller sees of a run: `step(done, steps)` after each step; `probe(model)` every
    `probe_every` steps and after the last, whose numbers go to the log."""

    step: Callable[[int, int], None] = lambda done, steps: None
    probe: Callable[[nn.Module], Mapping[str, float]] | None = None
    probe_every: int = 200


class AnswerLoss(nn.Module):
    """Summed cross-entropy of a batch's answer tokens."""

    def __init__(self, model: Any, precision: str) -> None:
        super().__init__()
        self.model = model
        self.precision = precision

    def forward(self, ids: Tensor, mask: Tensor, positions: Tensor, labels: Tensor) -> Tensor:
        """ids, positions, labels [P, T], mask [P, 1, T, T] to a number."""
        places = (labels != IGNORED).any(0).nonzero().squeeze(1)
        model, cache, before = prefixed(self.model, len(ids))
        if before:
            mask = torch.cat([mask.new_zeros(*mask.shape[:3], before), mask], 3)
        # Only where something is predicted: the output layer is much of a small model's cost.
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            logits = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions + before,
                past_key_values=cache,
                use_cache=False,
                logits_to_keep=places,
            ).logits
        return nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels[:, places].flatten(), ignore_index=IGNORED, reduction="sum"
        )


def train_adapter(
    model: nn.Module,
    rows: Sequence[TrainingRow],
    settings: AdapterSettings,
    folder: Path,
    *,
    identity: Identity,
    seed: int = 0,
    watch: Watch | None = None,
) -> LoraAdapter:
    """Train a LoRA on `model`, which is given its layers for the time of the run and comes back as it was.

    A run that was stopped goes on from its last checkpoint in `folder` and ends with the same numbers.
    A finished one is read, not trained again. An rsLoRA is kept as the plain LoRA that it equals, and one
    whose initialisation changes the base (PiSSA, OLoRA, CorDA) as a plain LoRA of twice the rank for the base
    as it is, so that every result stacks and merges.

    Args:
        model: a Hugging Face causal language model.
        rows: what to learn.
        settings: the adapter and its run.
        folder: becomes the PEFT folder; the loss of the run stands in its `log.jsonl`.
        identity: language, base and prompt that the adapter belongs to.
        seed: of initialisation and order.
        watch: progress and probes.

    Raises:
        TrainingError: no rows, a loss that is no number, a checkpoint of another run, a full disk.
        AdapterError: the model has none of the target modules, or the kind equals no plain LoRA.
        UsageError: settings that contradict one another.
    """
    if (kind := _PEFT_KINDS.get(settings.kind)) is not None:
        raise AdapterError(
            f"`kind: {settings.kind}` cannot be stacked: {WHY_NOT[kind]}; take `kind: lora`, or train it by "
            "itself with `train_state`"
        )

    def load(found: Path) -> LoraAdapter:
        return as_plain_lora(AdapterState.load(found))

    return _trained(model, rows, settings, folder, identity, seed, watch or Watch(), load, as_plain_lora)


def train_state(
    model: nn.Module,
    rows: Sequence[TrainingRow],
    settings: AdapterSettings,
    folder: Path,
    *,
    identity: Identity,
    seed: int = 0,
    watch: Watch | None = None,
) -> AdapterState:
    """As `train_adapter`, for an adapter of any kind, kept as PEFT stores it.

    Raises:
        TrainingError: as for `train_adapter`, or a prefix that would be spread over processes.
        AdapterError: the model has none of the target modules.
        UsageError: settings that contradict one another.
    """
    load, keep = AdapterState.load, _same
    return _trained(model, rows, settings, folder, identity, seed, watch or Watch(), load, keep)


def _same(state: AdapterState) -> AdapterState:
    return state


def _trained(
    model: nn.Module,
    rows: Sequence[TrainingRow],
    settings: AdapterSettings,
    folder: Path,
    identity: Identity,
    seed: int,
    watch: Watch,
    load: Callable[[Path], Adapter],
    keep: Callable[[AdapterState], Adapter],
) -> Adapter:
    """Train or read an adapter; `load` reads it from the folder, `keep` makes of it what is saved there."""
    from accelerate import Accelerator

    try:
        settings.check()
    except ValueError as error:
        raise UsageError(f"settings of the adapter '{identity.language}': {error}") from None
    if not rows:
        raise TrainingError(f"no row to train the adapter '{identity.language}' on")
    rows = [row.cut_to(settings.longest) for row in rows]
    key = run_key(rows, settings, seed, identity)
    if (done := finished(folder, key, load)) is not None:
        return done
    if settings.four_bit:
        check_four_bit(model)
    order = Order(
        rows,
        rows_a_pack=settings.rows_a_pack,
        packs_a_step=settings.packs_a_step,
        epochs=settings.epochs,
        seed=seed,
        tokens_a_pack=settings.longest,
    )
    torch.manual_seed(seed)
    # Told, because accelerate joins processes on processors only where it is asked to use them.
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    if _sharded(accelerator) and (settings.kind == "prefix" or settings.changes_base):
        what = "kind: prefix" if settings.kind == "prefix" else f"initialisation: {settings.initialisation}"
        raise TrainingError(f"`{what}` needs the whole model in each process; train it without FSDP")
    kept = Checkpoint.load(folder, key)
    attached = Attached(model, settings, rows, seed=seed, fresh=kept is None)
    tuned = attached.tuned
    try:
        trained = {name: weight for name, weight in tuned.named_parameters() if weight.requires_grad}
        optimizer = make_optimizer(tuned, list(trained.values()), settings)
        start, seconds = 0, 0.0
        if kept is not None:
            with torch.no_grad():
                for name, weight in trained.items():
                    weight.copy_(kept.tensors[_bare(name)])
            optimizer.load_state_dict(dict(kept.optimizer))
            start, seconds = kept.step, kept.seconds
        loss, optimizer = accelerator.prepare(AnswerLoss(tuned, settings.precision), optimizer)
        # Where parameters are sharded, preparing replaces them.
        trained = {name: weight for name, weight in loss.named_parameters() if weight.requires_grad}
        if accelerator.is_main_process:
            cut_log(folder, start)
        run = _Run(accelerator, loss, optimizer, trained, order, settings, folder, key, seed)
        seconds = _steps(run, watch, start, seconds)
        accelerator.wait_for_everyone()
        # Gathers what is spread over processes; the others' keys are dropped by PEFT.
        whole = {
            name.removeprefix("model."): weight for name, weight in accelerator.get_state_dict(loss).items()
        }
        record = {
            "run": key,
            "samples": len(rows),
            "epochs": settings.epochs,
            "steps": order.steps,
            "minutes": round(seconds / 60, 3),
            "seed": seed,
        }
        adapter = keep(state_of(*attached.state(whole), settings, identity, record))
        if accelerator.is_main_process:
            adapter.save(folder)
            (folder / FILE).unlink(missing_ok=True)
    finally:
        attached.detach()
    return adapter


def _sharded(accelerator: Any) -> bool:
    """Whether no process has the whole model (FSDP): no probes or checkpoints on the way then."""
    return str(accelerator.distributed_type).endswith("FSDP")


@dataclass(frozen=True, slots=True)
class _Run:
    """What does not change while the steps are taken."""

    accelerator: Any
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    trained: Mapping[str, nn.Parameter]
    order: Order
    settings: AdapterSettings
    folder: Path
    key: str
    seed: int


def _steps(run: _Run, watch: Watch, start: int, seconds: float) -> float:
    """Take the steps from `start` on; returns the seconds of the whole run."""
    accelerator, loss, order, settings, folder = (
        run.accelerator,
        run.loss,
        run.order,
        run.settings,
        run.folder,
    )
    began = saved = time.monotonic()
    loss.train()
    for step in range(start, order.steps):
        for group in run.optimizer.param_groups:
            group["lr"] = settings.rate_at(step, order.steps) * group.get("ratio", 1.0)
        if settings.dropout:
            # A step's dropout depends on the step alone, so that a resumed run ends with the same numbers.
            torch.manual_seed(run.seed * 1_000_003 + step)
        value = _step(run, order.step(step))
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is no number at step {step} of {order.steps} in {folder}; "
                f"lower `rate` ({settings.rate:g})"
            )
        last = step + 1 == order.steps
        probed: Mapping[str, float] = {}
        if (
            watch.probe is not None
            and not _sharded(run.accelerator)
            and (last or (step + 1) % watch.probe_every == 0)
        ):
            loss.eval()
            probed = watch.probe(accelerator.unwrap_model(loss).model)
            loss.train()
        now = seconds + time.monotonic() - began
        if accelerator.is_main_process:
            if last or (step + 1) % 10 == 0 or probed:
                write_log(folder, {"step": step + 1, "loss": value, "seconds": round(now, 2), **probed})
            due = time.monotonic() - saved > settings.checkpoint_seconds
            if due and not last and not _sharded(run.accelerator):
                tensors = {_bare(name): weight.detach().cpu() for name, weight in run.trained.items()}
                Checkpoint(run.key, step + 1, tensors, run.optimizer.state_dict(), now).save(folder)
                saved = time.monotonic()
        watch.step(step + 1, order.steps)
    return seconds + time.monotonic() - began


def _bare(name: str) -> str:
    """A parameter's name without what wrappers put before it."""
    return name[name.index("prompt_encoder." if "prompt_encoder." in name else "base_model.") :]


def _step(run: _Run, packs: Sequence[Sequence[TrainingRow]]) -> float:
    """One optimiser step over packs, shared out among the processes; the mean loss a token."""
    accelerator, loss, settings = run.accelerator, run.loss, run.settings
    total = sum(len(row.answer) for rows in packs for row in rows)
    size = settings.packs_at_once
    dtype = torch.bfloat16 if settings.precision == "bf16" else next(loss.parameters()).dtype
    batches = [packs[at : at + size] for at in range(0, len(packs), size)]
    mine = batches[accelerator.process_index :: accelerator.num_processes]
    # Every process makes as many passes, or gradients would wait for one another for ever.
    passes = -(-len(batches) // accelerator.num_processes)
    value = torch.zeros((), device=accelerator.device)
    run.optimizer.zero_grad()
    for number in range(passes):
        share = 1.0 if number < len(mine) else 0.0
        batch = pack(mine[number] if number < len(mine) else batches[0]).to(accelerator.device)
        with accelerator.no_sync(loss) if number + 1 < passes else nullcontext():
            one = loss(batch.ids, batch.mask(dtype), batch.positions, batch.labels) * (share / total)
            # Gradients are averaged over processes, and a mean over the step's tokens is wanted.
            accelerator.backward(one * accelerator.num_processes)
        value += one.detach()
    accelerator.clip_grad_norm_(list(run.trained.values()), 1.0)
    run.optimizer.step()
    return float(accelerator.reduce(value, reduction="sum"))

"""Training a FLARE adapter: base and task adapter frozen, cross-entropy of the answer's tokens.

arXiv 2501.06892, §4: lr 2e-5, batches of 32, 3 epochs, a warm-up of a tenth. The source's states are made in
the same step, without gradient: a pass of the frozen model over tokens that packs share costs less than
keeping states of every layer. One process. Knows nothing of corpora or tasks.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from polycypher.adapters.train.checkpoint import FILE, Checkpoint
from polycypher.adapters.train.folder import cut_log, read_log, write_log
from polycypher.adapters.train.order import Order
from polycypher.adapters.train.packing import IGNORED
from polycypher.errors import AdapterError, TrainingError
from polycypher.flare.batch import FlareRow, make_batch
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.forward import flare_logits
from polycypher.flare.model import FlareModel
from polycypher.flare.settings import FlareSettings
from polycypher.flare.storage import CONFIG, FlareAdapter, FlareIdentity, partial, put
from polycypher.flare.task import TaskModel


def train_flare(
    task: TaskModel,
    rows: Sequence[FlareRow],
    settings: FlareSettings,
    folder: Path,
    *,
    identity: FlareIdentity,
    encoder: LatentEncoder | None = None,
    seed: int = 0,
    step: Callable[[int, int], None] = lambda done, steps: None,
) -> FlareAdapter:
    """Train a FLARE adapter over a task model, which comes back as it was.

    A stopped run goes on from its last checkpoint, which stands beside `folder` until the run is finished,
    and ends with the same numbers. A finished one is read, not trained again.

    Args:
        task: frozen.
        rows: prompts in both languages with their answers.
        settings: the adapter and its run.
        folder: becomes the adapter's; the loss of the run stands in its `log.jsonl`.
        identity: languages, base and prompt; the task model's fingerprint is put in.
        encoder: of FLARE-MT, whose tokens the rows' sources then are.
        seed: of first weights and order.
        step: told (done, of how many) after each step.

    Raises:
        TrainingError: no rows, a row without source, a loss that is no number, a checkpoint or folder of
            another run, a full disk.
        AdapterError: the model has none of the targets, or the folder cannot be written or is another's.
        UsageError: no such fusion.
    """
    if not rows:
        raise TrainingError(f"no row to train the FLARE adapter for '{identity.target}' on")
    empty = sum(not row.source for row in rows)
    if empty:
        raise TrainingError(
            f"{empty} of {len(rows)} rows have no source text; give each one, or leave the rows out"
        )
    rows = [row.cut_to(settings.longest) for row in rows]
    runs = {adapter.record.get("run", "") for adapter in task.adapters} - {""}
    identity = replace(
        identity, task=task.fingerprint, task_run=identity.task_run or " ".join(sorted(map(str, runs)))
    )
    key = _key(rows, settings, seed, identity, encoder)
    if (done := _finished(folder, key)) is not None:
        return done
    if folder.exists():
        raise AdapterError(f"{folder} exists and is no FLARE adapter; delete it or name another folder")
    working = partial(folder)
    if not (working / FILE).exists():
        shutil.rmtree(working, ignore_errors=True)
    order = Order(
        rows,
        rows_a_pack=settings.rows_a_pack,
        packs_a_step=settings.packs_a_step,
        epochs=settings.epochs,
        seed=seed,
        tokens_a_pack=settings.longest,
    )
    torch.manual_seed(seed)
    model = FlareModel(
        task,
        fusion=settings.fusion,
        rank=settings.rank,
        alpha=settings.alpha,
        targets=settings.targets,
        encoder=encoder,
    )
    try:
        with _frozen(task.model):
            told = _steps(model, order, settings, working, key, step)
    finally:
        model.remove()
        task.switch_off()
    record = {
        "run": key,
        "samples": len(rows),
        "epochs": settings.epochs,
        "steps": order.steps,
        "parameters": sum(weight.numel() for weight in model.weights().values()),
        "seed": seed,
        **told,
        "settings": settings.model_dump(mode="json"),
    }
    adapter = model.adapter(identity, record)
    adapter.write(working)
    (working / FILE).unlink(missing_ok=True)
    put(working, folder)
    return adapter


def _steps(
    model: FlareModel,
    order: Order,
    settings: FlareSettings,
    working: Path,
    key: str,
    told: Callable[[int, int], None],
) -> Mapping[str, float]:
    """Take the steps that are left; returns minutes and the first and last losses."""
    weights = model.weights()
    optimizer = torch.optim.AdamW(
        list(weights.values()), lr=settings.rate, weight_decay=settings.weight_decay
    )
    start, seconds = 0, 0.0
    if (kept := Checkpoint.load(working, key)) is not None:
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(kept.tensors[name])
        optimizer.load_state_dict(dict(kept.optimizer))
        start, seconds = kept.step, kept.seconds
    cut_log(working, start)
    began = saved = time.monotonic()
    for number in range(start, order.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate_at(number, order.steps)
        # The rows that went in are what comes out.
        packs = cast("list[list[FlareRow]]", order.step(number))
        optimizer.zero_grad()
        value = _gradients(model, packs, settings)
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is no number at step {number} of {order.steps} in {working}; "
                f"lower `rate` ({settings.rate:g})"
            )
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimizer.step()
        now = seconds + time.monotonic() - began
        write_log(working, {"step": number + 1, "loss": value, "seconds": round(now, 2)})
        if number + 1 < order.steps and time.monotonic() - saved > settings.checkpoint_seconds:
            tensors = {name: weight.detach().cpu() for name, weight in weights.items()}
            Checkpoint(key, number + 1, tensors, optimizer.state_dict(), now).save(working)
            saved = time.monotonic()
        told(number + 1, order.steps)
    losses = [record["loss"] for record in read_log(working)]
    return {
        "minutes": round((seconds + time.monotonic() - began) / 60, 3),
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }


def _gradients(model: FlareModel, packs: Sequence[Sequence[FlareRow]], settings: FlareSettings) -> float:
    """Add the gradients of a step; the mean loss of an answer's token."""
    total = sum(len(row.answer) for rows in packs for row in rows)
    device = model.task.device
    value = 0.0
    for at in range(0, len(packs), settings.packs_at_once):
        batch = make_batch(
            packs[at : at + settings.packs_at_once],
            latent=model.encoder is not None,
            attends=model.attends,
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            logits, labels = flare_logits(model, batch.to(device))
        loss = nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        (loss / total).backward()  # type: ignore[no-untyped-call]  # untyped in torch
        value += float(loss.detach()) / total
    return value


@contextmanager
def _frozen(model: Any) -> Iterator[None]:
    """Let no weight of the model ask for a gradient in here."""
    asking = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in asking:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in asking:
            weight.requires_grad_(True)


def _key(
    rows: Sequence[FlareRow],
    settings: FlareSettings,
    seed: int,
    identity: FlareIdentity,
    encoder: LatentEncoder | None,
) -> str:
    """Sixteen digits of everything that the run's numbers depend on."""
    told = settings.model_dump(exclude={"checkpoint_seconds"})
    name = None if encoder is None else [encoder.name, encoder.size]
    digest = hashlib.sha256(json.dumps([told, seed, asdict(identity), name]).encode())
    for row in rows:
        digest.update(repr((row.prefix, row.suffix, row.answer, row.source, row.tail)).encode())
    return digest.hexdigest()[:16]


def _finished(folder: Path, key: str) -> FlareAdapter | None:
    if not (folder / CONFIG).exists():
        return None
    adapter = FlareAdapter.load(folder)
    if adapter.record.get("run") != key:
        raise TrainingError(
            f"the folder {folder} holds a FLARE adapter of other data or settings; delete it or name another"
        )
    return adapter

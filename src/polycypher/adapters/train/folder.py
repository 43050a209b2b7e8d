"""The folder of a training run: is it finished, what made it, what its log says.

An adapter's weights are renamed into place last, so a folder that has them is whole. Knows nothing of
models or steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from polycypher.adapters.lora import WEIGHTS, LoraAdapter
from polycypher.adapters.merge.state import AdapterState
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import TrainingError

LOG = "log.jsonl"

Adapter = TypeVar("Adapter", LoraAdapter, AdapterState)
"""What a run leaves behind: a LoRA that stacks, or an adapter of any kind as PEFT stores it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an adapter belongs to; kept in its folder."""

    language: str
    base: str = ""
    base_fingerprint: str = ""
    prompt_hash: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)


def run_key(rows: Sequence[TrainingRow], settings: AdapterSettings, seed: int, identity: Identity) -> str:
    """Sixteen digits of everything that the run's numbers depend on."""
    told = settings.identity()
    digest = hashlib.sha256(
        json.dumps([told, seed, identity.base_fingerprint, identity.prompt_hash]).encode()
    )
    for row in rows:
        digest.update(repr((row.prefix, row.suffix, row.answer)).encode())
    return digest.hexdigest()[:16]


def finished(folder: Path, key: str, load: Callable[[Path], Adapter]) -> Adapter | None:
    """The adapter in `folder`, read by `load`, if this very run made it, None if there is none.

    Raises:
        TrainingError: another run made it.
    """
    if not (folder / WEIGHTS).exists():
        return None
    adapter = load(folder)
    if adapter.record.get("run") != key:
        raise TrainingError(
            f"the folder {folder} holds an adapter of other data or settings; delete it or name another"
        )
    return adapter


def state_of(
    kind: str,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    settings: AdapterSettings,
    identity: Identity,
    record: Mapping[str, Any],
) -> AdapterState:
    """The adapter of PEFT's `kind`, tensors and configuration, with what it belongs to."""
    return AdapterState(
        kind,
        tensors,
        {**config, "base_model_name_or_path": identity.base},
        language=identity.language,
        prompt_hash=identity.prompt_hash,
        base_fingerprint=identity.base_fingerprint,
        record={**identity.record, **record, "settings": settings.model_dump(mode="json")},
    )


def write_log(folder: Path, record: Mapping[str, Any]) -> None:
    """Add a line to the run's log."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(dict(record)) + "\n")


def cut_log(folder: Path, step: int) -> None:
    """Drop what the log says of steps after `step`: they are taken again."""
    path = folder / LOG
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
    path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The run's log, a record a line."""
    path = folder / LOG
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )

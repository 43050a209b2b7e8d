"""`FlareAdapter`: a trained FLARE adapter as plain tensors, and its folder.

The folder holds `flare.json` (φ, rank, alpha, targets; the base's, the task adapter's and the prompt's
fingerprints; languages; how it was trained) and `flare.safetensors`. It is written under another name and
renamed, so that it is whole or not there. Knows nothing of models.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from polycypher.errors import AdapterError
from polycypher.flare.fusions import FUSIONS

CONFIG, WEIGHTS = "flare.json", "flare.safetensors"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class FlareIdentity:
    """What a FLARE adapter belongs to.

    `source` and `target` are languages; `task` is `TaskModel.fingerprint`, `task_run` what made the task
    adapter.
    """

    source: str = ""
    target: str = ""
    base: str = ""
    base_fingerprint: str = ""
    prompt_hash: str = ""
    task: str = ""
    task_run: str = ""


@dataclass(frozen=True, slots=True)
class FlareAdapter:
    """`tensors` maps `model.layers.0.self_attn.q_proj.a` to A [r, in], `….b` to B [out, r], `….fusion.…` to
    the weights of φ, and `bridge.weight`, `bridge.bias` to those of FLARE-MT's linear layer, whose encoder
    `encoder` names with its size (`name`, `size`)."""

    tensors: Mapping[str, Tensor]
    fusion: str
    rank: int
    alpha: float
    targets: tuple[str, ...]
    identity: FlareIdentity = field(default_factory=FlareIdentity)
    encoder: Mapping[str, Any] | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers the adapter holds."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def write(self, folder: Path) -> None:
        """Write the two files into a folder that is not read yet.

        Raises:
            AdapterError: it cannot be written.
        """
        told = {
            "kind": "flare",
            "format": FORMAT,
            "fusion": self.fusion,
            "rank": self.rank,
            "alpha": self.alpha,
            "targets": list(self.targets),
            "identity": {part.name: getattr(self.identity, part.name) for part in fields(self.identity)},
            "encoder": None if self.encoder is None else dict(self.encoder),
            "record": dict(self.record),
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_file(
                {name: one.detach().cpu().contiguous() for name, one in self.tensors.items()},
                folder / WEIGHTS,
            )
            (folder / CONFIG).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        except (OSError, RuntimeError) as error:  # safetensors has its own for a full disk
            raise AdapterError(
                f"cannot write the FLARE adapter {folder}: {' '.join(str(error).split())}"
            ) from None

    def save(self, folder: Path) -> None:
        """Write a folder that is not there yet.

        Raises:
            AdapterError: it is there, or cannot be written.
        """
        temporary = partial(folder)
        shutil.rmtree(temporary, ignore_errors=True)
        self.write(temporary)
        put(temporary, folder)

    @classmethod
    def load(cls, folder: Path) -> FlareAdapter:
        """Read a folder.

        Raises:
            AdapterError: a file is missing or damaged, or the folder holds something else.
        """
        try:
            told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            if not isinstance(told, dict) or told.get("kind") != "flare" or told.get("format") != FORMAT:
                raise ValueError(f"{CONFIG} is not of a FLARE adapter of format {FORMAT}")
            if told["fusion"] not in FUSIONS:
                raise ValueError(f"no fusion is named '{told['fusion']}'")
            adapter = cls(
                tensors=load_file(folder / WEIGHTS),
                fusion=told["fusion"],
                rank=int(told["rank"]),
                alpha=float(told["alpha"]),
                targets=tuple(told["targets"]),
                identity=FlareIdentity(**told["identity"]),
                encoder=told["encoder"],
                record=told["record"],
            )
            ranks = {one.shape[0] for name, one in adapter.tensors.items() if name.endswith(".a")}
            if ranks != {adapter.rank}:
                raise ValueError(f"{WEIGHTS} has no weights of rank {adapter.rank}")
            return adapter
        except FileNotFoundError as error:
            name = Path(str(error.filename or WEIGHTS)).name
            raise AdapterError(
                f"{folder} is no FLARE adapter: it has no {name}; train one, or name another folder"
            ) from None
        except Exception as error:  # safetensors raises its own type for a damaged file
            reason = " ".join(str(error).split())[:200]
            raise AdapterError(
                f"the FLARE adapter in {folder} is damaged: {reason}; train it again or get another copy"
            ) from None


def partial(folder: Path) -> Path:
    """The name under which a folder is made."""
    return folder.with_name(f".{folder.name}.partial")


def put(made: Path, folder: Path) -> None:
    """Rename a finished folder into place.

    Raises:
        AdapterError: something is there already, or the disk refuses.
    """
    if folder.exists():
        raise AdapterError(f"{folder} exists; delete it or name another folder for the FLARE adapter")
    try:
        os.replace(made, folder)
    except OSError as error:
        raise AdapterError(
            f"cannot write the FLARE adapter {folder}: {error.strerror or error}; name another folder"
        ) from None

"""Checkpoints of a training run: one file, written to a temporary name and renamed.

Holds the trained tensors, the optimiser's state and how far the run was. Knows nothing of models.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polycypher.errors import TrainingError

FILE = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after `step` steps. `key` tells runs apart that must not go on from one another."""

    key: str
    step: int
    tensors: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    seconds: float

    def save(self, folder: Path) -> None:
        """Write `checkpoint.pt`.

        Raises:
            TrainingError: the disk is full or the folder cannot be written; an older checkpoint stays.
        """
        temporary = folder / f"{FILE}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save({name: getattr(self, name) for name in self.__slots__}, temporary)
            os.replace(temporary, folder / FILE)
        except (OSError, RuntimeError) as error:  # torch raises RuntimeError for a full disk
            temporary.unlink(missing_ok=True)
            raise TrainingError(
                f"cannot write the checkpoint in {folder}: {' '.join(str(error).split())}; "
                "free space and run again"
            ) from None

    @classmethod
    def load(cls, folder: Path, key: str) -> Checkpoint | None:
        """The folder's checkpoint, or None if there is none.

        Raises:
            TrainingError: it is damaged or of another run.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            # Tensors and plain values only: a checkpoint runs no code when it is read.
            found = cls(**torch.load(path, weights_only=True, map_location="cpu"))
        except Exception as error:  # torch and pickle raise many types for a damaged file
            raise TrainingError(
                f"the checkpoint {path} is damaged ({' '.join(str(error).split())[:200]}); "
                "delete it and run again"
            ) from None
        if found.key != key:
            raise TrainingError(
                f"the checkpoint {path} is of a run with other data or settings; "
                f"delete {folder} or name another"
            )
        return found

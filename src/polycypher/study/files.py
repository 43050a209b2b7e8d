"""Writing a study's files: whole or not at all. Knows nothing of what is in them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from polycypher.errors import TrainingError


def write_json(path: Path, value: Any) -> None:
    """Write JSON to a temporary name, then rename.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"cannot write {path}: {error.strerror}; free space or name another folder"
        ) from None

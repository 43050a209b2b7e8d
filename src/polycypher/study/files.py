"""A study's files: written whole or not at all, and read back only if the same things made them.

Knows nothing of what is in them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polycypher.errors import TrainingError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to: renamed to it at the end, deleted if that fails.

    Raises:
        OSError: the disk is full or the folder cannot be written; an older file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def keeping(path: Path) -> Iterator[Path]:
    """`replacing` for what a study keeps from stage to stage.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    try:
        with replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise TrainingError(
            f"cannot write {path}: {error.strerror or error}; free space there, or name another `folder` in "
            "the recipe, and run again"
        ) from None


def write_json(path: Path, value: Any) -> None:
    """Write JSON.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    with keeping(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_kept(path: Path, key: str) -> dict[str, Any] | None:
    """The JSON object in `path` if its `key` is this one; None if not, or if there is no such file.

    A damaged file counts as absent: what it held is made again.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.get("key") == key else None

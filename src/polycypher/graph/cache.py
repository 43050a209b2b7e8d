"""What is kept of a graph between two processes: small JSON files that only their user may read.

Files are in the user's cache folder, named by a fingerprint of the graph, so that no address or user name
shows. What cannot be written or read is as if it were not there: a cache must not be missed. Knows
nothing of what is in them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """The folder: `cache` in `POLYCYPHER_HOME` if that is set, else the user's cache folder of the platform.

    Raises:
        UsageError: `POLYCYPHER_HOME` begins with `~` and a user that does not exist.
    """
    if os.environ.get("POLYCYPHER_HOME"):
        from polycypher.graph.registry import home

        return home() / "cache"
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("polycypher", appauthor=False))


def fingerprint(*parts: str | None) -> str:
    """A name for what the parts say together: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def load(kind: str, key: str, oldest: float) -> dict[str, Any] | None:
    """What was stored under `kind` and `key` at most `oldest` seconds ago; None if there is nothing."""
    try:
        path = _path(kind, key)
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        age = time.time() - float(value["written"])
        return value if 0 <= age <= oldest and value["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store(kind: str, key: str, value: dict[str, Any]) -> None:
    """Keep a JSON-able mapping, with the time of writing as `written`, for this user alone."""
    with contextlib.suppress(OSError):
        path = _path(kind, key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new.", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({**value, "written": time.time(), "key": key}, file, ensure_ascii=False)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def forget(kind: str, key: str) -> None:
    """Remove what is stored, if anything."""
    with contextlib.suppress(OSError):
        _path(kind, key).unlink()


def _path(kind: str, key: str) -> Path:
    return cache_folder() / kind / f"{key}.json"

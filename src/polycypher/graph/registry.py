"""The named embedded graphs of a user: where they lie, what they are called, what is in them.

Knows nothing of servers beyond their lock files. A graph is the folder `graphs/<name>` in the data
folder; `graph.json` in it tells its size and origin, so that listing opens no database.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polycypher.errors import GraphUnavailable, UsageError
from polycypher.graph.locks import lock_until, try_lock

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DETAILS = "graph.json"
_NEW, _OLD, _GONE = "new", "old", "gone"  # kinds of temporary folders: being built, replaced, removed
_LEAVE_SECONDS = 1.0  # a server that ends holds the clients' lock for a moment
_IDLE_SECONDS = 10.0
_FLUSH_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """A named graph: its size when it was loaded, its folder, and `source`, what it was made from."""

    name: str
    nodes: int
    relationships: int
    path: Path
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form, as `polycypher graphs --json` prints it."""
        return {"name": self.name, "nodes": self.nodes, "relationships": self.relationships}


def home() -> Path:
    """The data folder: `POLYCYPHER_HOME` if set, else the user's data folder of the platform.

    Raises:
        UsageError: `POLYCYPHER_HOME` begins with `~` and a user that does not exist.
    """
    named = os.environ.get("POLYCYPHER_HOME")
    if named:
        try:
            return Path(named).expanduser().absolute()
        except RuntimeError:
            raise UsageError(
                f"POLYCYPHER_HOME is {named!r}, and there is no such user's home; set it to a whole path"
            ) from None
    from platformdirs import user_data_dir

    return Path(user_data_dir("polycypher", appauthor=False))


def check_name(name: str) -> str:
    """Return `name` if it may name a graph.

    Raises:
        UsageError: it has other characters than a-z, 0-9, `_`, `-`, or more than 64.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot name a graph; use up to 64 of a-z, 0-9, _ and -, a letter or digit first"
        )
    return name


def graph_folder(name: str) -> Path:
    """The folder of the graph `name`, whether it exists or not. Raises `UsageError` as `check_name`."""
    return home() / "graphs" / check_name(name)


def find_graph(name: str) -> GraphInfo | None:
    """What is known of the graph `name`, or None if there is none."""
    folder = graph_folder(name)
    try:
        if not folder.exists():
            _put_back_if_idle(folder, name)
        details: dict[str, Any] = json.loads((folder / _DETAILS).read_text(encoding="utf-8"))
        return GraphInfo(
            name, int(details["nodes"]), int(details["relationships"]), folder, str(details["source"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def loaded_at(info: GraphInfo) -> int:
    """When the graph was loaded, in nanoseconds of the Unix epoch: another number after it is replaced."""
    try:
        return (info.path / _DETAILS).stat().st_mtime_ns
    except OSError:
        return 0


def list_graphs() -> list[GraphInfo]:
    """Every named graph, sorted by name.

    Raises:
        GraphUnavailable: the folder of graphs cannot be read.
    """
    folder = home() / "graphs"
    try:
        entries = [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise GraphUnavailable(
            f"cannot read the folder of graphs {folder} ({error.strerror}); "
            "check it, or set POLYCYPHER_HOME to another data folder"
        ) from None
    moved = [parts[2] for entry in entries if len(parts := entry.split(".")) == 4 and parts[1] == _OLD]
    names = sorted({name for name in (*entries, *moved) if _NAME.fullmatch(name)})
    return [info for name in names if (info := find_graph(name)) is not None]


@contextmanager
def building(name: str, *, replace: bool) -> Iterator[Path]:
    """A new empty folder that becomes the graph `name` when the block ends well, and vanishes if not.

    Only one process builds the same name at a time; others wait. The block must call `describe`.

    Raises:
        UsageError: the graph exists and `replace` is false, or somebody has it open.
        GraphUnavailable: the data folder cannot be written.
    """
    target = graph_folder(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(target.parent / f".{name}.lock"):
            _put_back(target, name)
            refuse_existing(name, replace)
            if target.exists():
                with _unused(target, name):
                    pass  # asked before the work, and again after it
            for left in target.parent.glob(f".*.{name}.*"):  # by a build that was killed
                shutil.rmtree(left, ignore_errors=True)
            folder = _temporary(_NEW, target, name)
            try:
                (folder / "database").mkdir()
                yield folder
                _wait_idle(folder, _FLUSH_SECONDS)
                _install(folder, target, name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise GraphUnavailable(f"cannot write the graph '{name}' in {target.parent}: {error}") from None


def refuse_existing(name: str, replace: bool) -> None:
    """Raise `UsageError` if the graph exists and is not to be replaced."""
    if not replace and find_graph(name) is not None:
        raise UsageError(f"the graph '{name}' exists; choose another name, or say --replace to load it anew")


def describe(folder: Path, *, nodes: int, relationships: int, source: str) -> None:
    """Write what `find_graph` reads: the graph's size and what it was made from."""
    details = {"nodes": nodes, "relationships": relationships, "source": source}
    (folder / _DETAILS).write_text(json.dumps(details, ensure_ascii=False), encoding="utf-8")


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    import fcntl

    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _wait_idle(folder: Path, seconds: float = _IDLE_SECONDS) -> None:
    """Wait until the server of `folder` has ended and all it wrote is in the files."""
    with open(folder / "server.lock", "ab") as file:
        if not lock_until(file, time.monotonic() + seconds):
            raise GraphUnavailable(f"the server of {folder} does not end; end it and try again")


@contextmanager
def _unused(folder: Path, name: str) -> Iterator[None]:
    """Keep others from opening a graph that nobody has open now. Raises `UsageError` if somebody has."""
    with open(folder / "clients.lock", "ab") as clients:
        if not lock_until(clients, time.monotonic() + _LEAVE_SECONDS):
            raise UsageError(f"the graph '{name}' is open; close it where it is used")
        yield


def _install(folder: Path, target: Path, name: str) -> None:
    for part in ("config", "log"):
        shutil.rmtree(folder / part, ignore_errors=True)
    if not target.exists():
        folder.rename(target)
        return
    with _unused(target, name):
        _wait_idle(target)
        old = _temporary(_OLD, target, name)
        target.rename(old / "graph")
        folder.rename(target)
        # under this name no half-removed folder is taken for a graph to put back
        gone = old.rename(old.with_name(old.name.replace(f".{_OLD}.", f".{_GONE}.", 1)))
    shutil.rmtree(gone, ignore_errors=True)


def _temporary(kind: str, target: Path, name: str) -> Path:
    """A new folder `.<kind>.<name>.<random>` beside the graph; neither name nor random part has a dot."""
    return Path(tempfile.mkdtemp(prefix=f".{kind}.{name}.", dir=target.parent))


def _put_back(target: Path, name: str) -> None:
    """Undo a replacement that was killed between its two renames. Only under the name's lock."""
    if target.exists():
        return
    for old in target.parent.glob(f".{_OLD}.{name}.*"):
        if (old / "graph").is_dir():
            (old / "graph").rename(target)
            old.rmdir()
            return


def _put_back_if_idle(target: Path, name: str) -> None:
    """`_put_back` unless there is nothing to put back or a build of the name goes on."""
    if any(target.parent.glob(f".{_OLD}.{name}.*")):
        with open(target.parent / f".{name}.lock", "ab") as file:
            if try_lock(file):
                _put_back(target, name)

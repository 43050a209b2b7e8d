"""`CachedTranslator`: keeps translations on disk, so that no text is translated twice.

One SQLite file in the user's cache folder, keyed by engine, languages and text. Writes are transactions, and
several processes may share the file. A damaged file is made again; where the folder cannot be written, every
text is translated anew: a cache must not be missed. Knows nothing of engines.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from polycypher.errors import ModelError
from polycypher.machine_translation.protocol import MachineTranslator

_TABLE = (
    "CREATE TABLE IF NOT EXISTS translations (engine TEXT, source TEXT, target TEXT, text TEXT, "
    "translation TEXT NOT NULL, PRIMARY KEY (engine, source, target, text)) WITHOUT ROWID"
)
_FIND = "SELECT translation FROM translations WHERE engine = ? AND source = ? AND target = ? AND text = ?"
_KEEP = "INSERT OR REPLACE INTO translations VALUES (?, ?, ?, ?, ?)"
_WAIT_SECONDS = 30.0
"""For another process that is writing."""
_AT_ONCE = 256
"""Texts between two writes, so that a run that is stopped keeps most of its work."""


def cache_path() -> Path:
    """`translations.sqlite` in the user's cache folder, or in `cache` of `POLYCYPHER_HOME` if that is set."""
    if os.environ.get("POLYCYPHER_HOME"):
        home = Path(os.environ["POLYCYPHER_HOME"]).expanduser()
        return home / "cache" / "translations.sqlite"
    from platformdirs import user_cache_path

    return user_cache_path("polycypher", appauthor=False) / "translations.sqlite"


class CachedTranslator:
    """A `MachineTranslator` around another that remembers."""

    def __init__(self, inner: MachineTranslator, path: Path | str | None = None) -> None:
        """`path` is the cache's file, by default `cache_path()`."""
        self._inner = inner
        self._path = cache_path() if path is None else Path(path)

    @property
    def name(self) -> str:
        """The inner engine's: the translations are the same."""
        return self._inner.name

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The translations; each distinct text that is not kept goes to the inner engine once.

        Raises:
            ModelError, UsageError: as the inner engine; what it had translated before is kept.
        """
        distinct = list(dict.fromkeys(texts))
        known = self._load(distinct, source, target)
        missing = [text for text in distinct if text not in known]
        for start in range(0, len(missing), _AT_ONCE):
            asked = missing[start : start + _AT_ONCE]
            said = self._inner.translate(asked, source, target)
            if len(said) != len(asked):
                raise ModelError(
                    f"{self._inner.name} gave {len(said)} translations of {len(asked)} texts; "
                    "use another engine"
                )
            made = dict(zip(asked, said, strict=True))
            self._store(made, source, target)
            known |= made
        return [known[text] for text in texts]

    def _load(self, texts: Sequence[str], source: str, target: str) -> dict[str, str]:
        """Text → translation of those that are kept."""
        known: dict[str, str] = {}

        def read(connection: sqlite3.Connection) -> None:
            for text in texts:
                row = connection.execute(_FIND, (self.name, source, target, text)).fetchone()
                if row is not None:
                    known[text] = row[0]

        self._with_table(read)
        return known

    def _store(self, made: dict[str, str], source: str, target: str) -> None:
        rows = [(self.name, source, target, text, translation) for text, translation in made.items()]
        self._with_table(lambda connection: connection.executemany(_KEEP, rows))

    def _with_table(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do `work` in one transaction: nothing if the file cannot be used, on a new one if it is damaged."""
        with contextlib.suppress(sqlite3.Error, OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._transact(work)
            except sqlite3.OperationalError:  # locked for too long, read-only, disk full: the file is sound
                return
            except sqlite3.DatabaseError:
                self._path.unlink(missing_ok=True)
                self._transact(work)

    def _transact(self, work: Callable[[sqlite3.Connection], object]) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as connection, connection:
            connection.execute(_TABLE)
            work(connection)

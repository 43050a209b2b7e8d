"""`FileTranslator`: translations that were made elsewhere, in a JSONL, CSV or Parquet file.

A row holds `source` and `target` (BCP 47 codes), `text` and `translation`. For machines that reach no engine,
and for translations by people. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from polycypher.corpus.example import check_language
from polycypher.corpus.readers import read_rows
from polycypher.errors import CorpusError

_SHOWN = 80
"""Characters of a text in a message."""


class FileTranslator:
    """A `MachineTranslator` that looks texts up; blanks at both ends of a text do not count."""

    def __init__(self, path: Path | str) -> None:
        """Read the whole file.

        Raises:
            CorpusError: unreadable, no row, a row with an empty column or a code that is none, or one text
                translated in two ways; file and row are named.
        """
        self._path = Path(path)
        self._known: dict[tuple[str, str], dict[str, str]] = {}
        for number, row in read_rows(self._path):
            place = f"{path}, row {number}"
            cells = {name: str(row.get(name) or "").strip() for name in _COLUMNS}
            if empty := [name for name, cell in cells.items() if not cell]:
                raise CorpusError(f"{place}: no `{empty[0]}`; a row has {', '.join(_COLUMNS)}")
            try:
                pair = check_language(cells["source"]), check_language(cells["target"])
            except CorpusError as error:
                raise CorpusError(f"{place}: {error}") from None
            known = self._known.setdefault(pair, {})
            if known.setdefault(cells["text"], cells["translation"]) != cells["translation"]:
                raise CorpusError(
                    f"{place}: '{_short(cells['text'])}' has another translation in a row before; keep one"
                )
        if not self._known:
            raise CorpusError(f"{path} holds no translation; a row has {', '.join(_COLUMNS)}")

    @property
    def name(self) -> str:
        """`file:` and the path."""
        return f"file:{self._path}"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The translations in the file; an empty text stays empty.

        Raises:
            CorpusError: the file lacks some; the first one is named and the others counted.
        """
        known = self._known.get((source, target), {})
        missing = list(dict.fromkeys(text for text in texts if text.strip() and text.strip() not in known))
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise CorpusError(
                f"{self._path} has no translation from {source} to {target} of '{_short(missing[0])}'"
                f"{others}; add a row for each"
            )
        return [known[text.strip()] if text.strip() else text for text in texts]


_COLUMNS = ("source", "target", "text", "translation")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

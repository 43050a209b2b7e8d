"""Opening a translator by its name: `nllb:FOLDER_OR_ID`, `file:PATH`. A new engine is a line here."""

from __future__ import annotations

from pathlib import Path

from polycypher.errors import UsageError
from polycypher.machine_translation.cache import CachedTranslator
from polycypher.machine_translation.nllb import NllbTranslator
from polycypher.machine_translation.protocol import MachineTranslator
from polycypher.machine_translation.quoted import QuotedKeeper
from polycypher.machine_translation.ready import FileTranslator


def open_translator(
    name: str, *, device: str = "cpu", keep_quoted: bool = False, cache: Path | str | bool = True
) -> MachineTranslator:
    """The translator of a name.

    Args:
        name: `nllb:` and a folder or a name on the Hugging Face Hub, or `file:` and a JSONL, CSV or Parquet
            file of ready translations. A Hub model is loaded at the first text that is not in the cache.
        device: where an engine runs.
        keep_quoted: quoted values and identifiers are not translated (`QuotedKeeper`); a file's
            translations are taken as they are.
        cache: True keeps an engine's results in the user's cache folder, a path in that file, False nowhere.

    Raises:
        UsageError: another name, or a file of translations that cannot be read.
        ModelError: no such model folder.
    """
    kind, _, rest = name.partition(":")
    if kind == "file" and rest:
        return FileTranslator(rest)
    if kind != "nllb" or not rest:
        raise UsageError(
            f"'{name}' names no translator; use `nllb:FOLDER_OR_ID` or `file:PATH` (ready translations)"
        )
    engine: MachineTranslator = NllbTranslator(rest, device=device)
    if cache is not False:
        engine = CachedTranslator(engine, None if cache is True else cache)
    # outside the cache, which then also keeps the pieces and serves both ways of asking
    return QuotedKeeper(engine) if keep_quoted else engine

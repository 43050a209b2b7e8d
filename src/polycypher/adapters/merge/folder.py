"""Merge adapters from folders into a folder: a plain PEFT adapter, with a record of what went in.

The record (`polycypher.json`, under `merge`) names method, paper, parameters and version, and of each adapter
its folder, the SHA-256 of its weights, language, rank and its own record. The folder appears whole, by a
rename, or not at all. Knows nothing of models or corpora.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from polycypher.adapters.lora import CONFIG, RECORD, WEIGHTS, LoraAdapter
from polycypher.adapters.merge.recipe import MergeRecipe
from polycypher.adapters.merge.registry import MERGES, TRANSFERS
from polycypher.adapters.merge.state import LORA, AdapterState, read_config
from polycypher.errors import AdapterError, UsageError


def merge_folders(recipe: MergeRecipe, *, force: bool = False) -> dict[str, Any]:
    """Merge as the recipe says and write the folder.

    Args:
        recipe: method, adapters, parameters and the folder to write.
        force: replace an adapter that is there already.

    Returns:
        What a person wants to know: `folder`, `kind` (PEFT's), `language`, `rank` (LoRA only), `parameters`
        (how many numbers it holds), and the record's fields: `method`, `paper`, `weights` or `scale`,
        options, the lost norm where the result was cut, `adapters`.

    Raises:
        UsageError: the folder is there and not `force`, or holds more than an adapter, or is one of those to
            be merged.
        AdapterError: an adapter cannot be read or merged, or the folder cannot be written.
    """
    sources = [source.folder for source in recipe.adapters]
    _check_target(recipe.folder, sources, force)
    made = _merge(recipe, [read_adapter(folder) for folder in sources])
    paper = (MERGES.get(recipe.method) or TRANSFERS[recipe.method]).paper
    told = dict(made.record["merge"])
    adapters = [
        {"folder": str(folder), "sha256": sha256(folder), **one}
        for folder, one in zip(sources, told.pop("adapters"), strict=True)
    ]
    record = {
        "method": told.pop("method"),
        "paper": paper,
        **told,
        "adapters": adapters,
        "polycypher": version("polycypher"),
    }
    with _renamed_into_place(recipe.folder) as temporary:
        replace(made, record={"merge": record}).save(temporary)
    size = {"rank": made.rank} if isinstance(made, LoraAdapter) else {}
    return {
        "folder": str(recipe.folder),
        "kind": LORA if isinstance(made, LoraAdapter) else made.kind,
        "language": made.language,
        **size,
        "parameters": made.parameters,
        **record,
    }


def read_adapter(folder: Path) -> LoraAdapter | AdapterState:
    """The adapter in a PEFT folder, of whatever kind.

    Raises:
        AdapterError: files are missing or damaged, or it is a LoRA that cannot be merged (rsLoRA, DoRA, a
            bias, ranks that differ by module).
    """
    kind, _ = read_config(folder)
    return LoraAdapter.load(folder) if kind == LORA else AdapterState.load(folder)


def sha256(folder: Path) -> str:
    """The fingerprint of the weights in a PEFT folder, as `sha256sum` prints it."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _merge(recipe: MergeRecipe, adapters: Sequence[LoraAdapter | AdapterState]) -> LoraAdapter | AdapterState:
    options: dict[str, Any] = recipe.options
    if transfer := TRANSFERS.get(recipe.method):
        return transfer(adapters, **options)
    loras = []
    for source, adapter in zip(recipe.adapters, adapters, strict=True):
        if not isinstance(adapter, LoraAdapter):
            raise AdapterError(
                f"`{recipe.method}` merges LoRA adapters, and the one in {source.folder} is {adapter.kind}; "
                "(IA)³ and prefixes are merged by `adamergex-ia3` and `adamergex-prefix`"
            )
        loras.append(adapter)
    return MERGES[recipe.method](loras, recipe.weights, **options)


def _check_target(folder: Path, sources: Sequence[Path], force: bool) -> None:
    if not os.path.lexists(folder):
        return
    if not force:
        raise UsageError(f"{folder} is there already; name another folder, or replace it with --force")
    if any(source.exists() and source.samefile(folder) for source in sources):
        raise UsageError(f"{folder} is one of the adapters to be merged; name another folder")
    others = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    if folder.is_symlink() or others - {CONFIG, WEIGHTS, RECORD}:
        raise UsageError(f"{folder} holds more than an adapter and is not replaced; name another folder")


@contextmanager
def _renamed_into_place(folder: Path) -> Iterator[Path]:
    """A folder to fill, which then takes the place of `folder`."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        yield temporary
        if folder.exists():
            os.replace(folder, old)
        os.replace(temporary, folder)
    except OSError as error:
        raise AdapterError(f"cannot write the adapter folder {folder}: {error.strerror or error}") from None
    finally:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)

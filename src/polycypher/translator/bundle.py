"""A bundle: base model, one adapter a language and a gate, as one folder with a manifest.

    manifest.json            base, its fingerprint, languages → adapter folders, prompt, sizes, versions
    base/                    a Hugging Face folder (or the manifest names a hub id)
    adapters/<language>/     a plain PEFT folder each
    gate/                    gate.json and gate.safetensors
    early/                   the same of the gate that needs no previews, where there is one

Knows nothing of questions or databases.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from polycypher.errors import BundleError, ModelError

MANIFEST = "manifest.json"
FORMAT = 1
_PACKAGED = Path(__file__).parent.parent / "data" / "models"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle is made of; paths are relative to its folder."""

    name: str
    base: str
    base_fingerprint: str
    languages: Mapping[str, str]
    prompt: str
    prompt_hash: str
    gate: str | None = "gate"
    early: str | None = None
    schema_tokens: int = 1024
    versions: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write `manifest.json`, last of all a bundle's files: a bundle without it is unfinished."""
        folder.mkdir(parents=True, exist_ok=True)
        value = {name: getattr(self, name) for name in self.__slots__}
        temporary = folder / f"{MANIFEST}.tmp"
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(temporary, folder / MANIFEST)

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read a bundle's manifest.

        Raises:
            BundleError: there is none, it is damaged, or of another format.
        """
        path = folder / MANIFEST
        try:
            value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(value, dict) and value.get("format", FORMAT) != FORMAT:
                raise BundleError(
                    f"{path} has format {value['format']}, this version reads {FORMAT}; upgrade polycypher"
                )
            if not isinstance(value, dict):
                raise ValueError("no JSON object")
            if unknown := sorted(value.keys() - set(cls.__slots__)):
                raise ValueError(f"unknown keys {', '.join(unknown)}")
            manifest = TypeAdapter(cls).validate_python(value)
            if not manifest.languages:
                raise ValueError("no languages")
        except FileNotFoundError:
            raise BundleError(
                f"{folder} is no bundle: it has no {MANIFEST}; name a folder written by `polycypher train`"
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BundleError(f"the manifest {path} is damaged: `{where}`: {first['msg']}") from None
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(
                f"the manifest {path} is damaged: {error}; make or copy the bundle again"
            ) from None
        return manifest


def find_bundle(model: str | Path) -> Path:
    """The folder of a bundle: a packaged name (`nano`), a folder, or a hub id (fetched once).

    Raises:
        BundleError: there is no such bundle.
        ModelError: a hub id that cannot be fetched.
    """
    text = str(model)
    packaged = _PACKAGED / text
    if text not in ("", "..") and packaged.is_dir() and packaged.parent == _PACKAGED:
        return packaged
    try:
        folder = Path(text).expanduser()
        if folder.is_dir():
            return folder
    except (OSError, RuntimeError) as error:
        raise BundleError(f"cannot open the model '{text[:80]}': {error}") from None
    if text.count("/") == 1 and not text.startswith((".", "/", "~")):
        return _fetch(text)
    known = ", ".join(sorted(path.name for path in _PACKAGED.glob("*") if path.is_dir())) or "none"
    raise BundleError(
        f"no model '{text}': neither a packaged one ({known}), nor a folder, nor a hub id like owner/name"
    )


def _fetch(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"cannot fetch the model {hub_id}: {reason}; check the name and the connection"
        ) from None


def fingerprint(folder: Path) -> str:
    """Sixteen hexadecimal digits of a base model's folder: its configuration, tokenizer and
    weight files.

    Weights count by name, size and first and last mebibyte, so that a model of many gigabytes is
    fingerprinted in milliseconds.

    Raises:
        BundleError: no configuration or no weights there, or a configuration that is damaged.
    """
    digest = hashlib.sha256()
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        raise BundleError(
            f"the base model in {folder} lacks config.json or *.safetensors; copy the bundle again"
        )
    try:
        config = dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise BundleError(f"{folder / 'config.json'} is damaged: {error}; copy the bundle again") from None
    for volatile in ("transformers_version", "_name_or_path", "dtype", "torch_dtype"):
        config.pop(volatile, None)
    digest.update(json.dumps(config, sort_keys=True).encode())
    if (tokenizer := folder / "tokenizer.json").is_file():
        digest.update(hashlib.sha256(tokenizer.read_bytes()).digest())
    for path in weights:
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))
            file.seek(max(0, size - (1 << 20)))
            digest.update(file.read())
    return digest.hexdigest()[:16]

"""Translators by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from translation_helpers import save_tiny_nllb

from polycypher.errors import UsageError
from polycypher.machine_translation.cache import CachedTranslator
from polycypher.machine_translation.nllb import NllbTranslator
from polycypher.machine_translation.open import open_translator


def test_a_file(tmp_path: Path) -> None:
    row = {"source": "en", "target": "de", "text": "a", "translation": "b"}
    (tmp_path / "ready.jsonl").write_text(json.dumps(row))
    translator = open_translator(f"file:{tmp_path / 'ready.jsonl'}")
    assert translator.translate(["a"], "en", "de") == ["b"]


def test_an_engine_with_a_cache_that_needs_no_engine_afterwards(tmp_path: Path) -> None:
    folder = save_tiny_nllb(tmp_path / "model")
    cache = tmp_path / "cache.sqlite"
    name = f"nllb:{folder}"
    said = open_translator(name, cache=cache).translate(["Which films?"], "en", "de")
    assert said == NllbTranslator(folder).translate(["Which films?"], "en", "de")
    again = open_translator(name, cache=cache)
    assert again.translate(["Which films?"], "en", "de") == said
    assert isinstance(again, CachedTranslator)
    assert "_parts" not in vars(again._inner)  # the model was not loaded
    assert isinstance(open_translator(name, cache=False), NllbTranslator)


def test_quoted_values_are_kept_on_request(tmp_path: Path) -> None:
    folder = save_tiny_nllb(tmp_path / "model")
    text = 'Who directed "The Matrix"?'
    plain = open_translator(f"nllb:{folder}", cache=False).translate([text], "en", "de")[0]
    kept = open_translator(f"nllb:{folder}", cache=False, keep_quoted=True).translate([text], "en", "de")[0]
    assert '"The Matrix"' not in plain
    assert kept.count('"The Matrix"') == 1


@pytest.mark.parametrize("name", ["nllb", "nllb:", "file:", "google:x", ""])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"names no translator; use `nllb:FOLDER_OR_ID` or `file:PATH`"):
        open_translator(name)

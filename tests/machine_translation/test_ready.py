"""A file of ready translations: looked up, and errors that name file and row."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from polycypher.errors import CorpusError
from polycypher.machine_translation.ready import FileTranslator

ROWS = [
    {"source": "en", "target": "de", "text": "Good day, you", "translation": "Guten Tag"},
    {"source": "en", "target": "tr", "text": "Good day, you", "translation": "İyi günler"},
    {"source": "de", "target": "en", "text": " Guten Tag ", "translation": "Good day"},
]


def write_ready(path: Path, rows: list[dict[str, str]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_texts_are_looked_up_by_both_languages(tmp_path: Path, ending: str) -> None:
    translator = FileTranslator(write_ready(tmp_path / f"ready.{ending}", ROWS))
    assert translator.translate(["Good day, you", "", "Good day, you "], "en", "de") == [
        "Guten Tag", "", "Guten Tag",
    ]  # fmt: skip
    assert translator.translate(["Good day, you"], "en", "tr") == ["İyi günler"]
    assert translator.translate(["Guten Tag"], "de", "en") == ["Good day"]
    assert translator.name == f"file:{tmp_path / f'ready.{ending}'}"


def test_a_missing_text_is_named_and_the_others_counted(tmp_path: Path) -> None:
    translator = FileTranslator(write_ready(tmp_path / "ready.jsonl", ROWS))
    with pytest.raises(
        CorpusError, match=r"ready.jsonl has no translation from en to de of 'Bye' and 1 more"
    ):
        translator.translate(["Bye", "Good day, you", "Hello", "Bye"], "en", "de")
    with pytest.raises(CorpusError, match=rf"'{'x' * 80}…'; add a row"):
        translator.translate(["x" * 200], "en", "es")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"translation": " "}, "row 2: no `translation`"),
        ({"source": None}, "row 2: no `source`"),
        ({"target": "german"}, "row 2: 'german' is no language code"),
        ({"translation": "Hallo"}, "row 2: 'Good day, you' has another translation"),
    ],
)
def test_a_row_that_is_none(tmp_path: Path, row: dict[str, str], said: str) -> None:
    path = write_ready(tmp_path / "ready.jsonl", [ROWS[0], ROWS[0] | row])
    with pytest.raises(CorpusError, match=f"ready.jsonl, {said}"):
        FileTranslator(path)


def test_a_file_without_rows(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no translation"):
        FileTranslator(write_ready(tmp_path / "ready.jsonl", []))
    with pytest.raises(CorpusError, match="cannot read"):
        FileTranslator(tmp_path / "missing.jsonl")

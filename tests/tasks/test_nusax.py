"""NusaX's files: a folder a language, or the Hub's columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from task_files import write_lines, write_table

from polycypher.errors import CorpusError
from polycypher.tasks.nusax import LABELS, NUSAX
from polycypher.tasks.task import TaskExample, parallel

COLUMNS = ("id", "text", "label")


def test_the_official_folders_tell_the_language_and_are_parallel(tmp_path: Path) -> None:
    english = write_table(
        tmp_path / "english" / "test.csv",
        COLUMNS,
        [("3", "Great,\nreally", "positive"), ("5", "Bad", "negative")],
    )
    javanese = write_table(tmp_path / "javanese" / "test.csv", COLUMNS, [("5", "Elek", "negative")])
    assert NUSAX.read(english) == [
        TaskExample("3", "en", "Great, really", ("positive",), LABELS),
        TaskExample("5", "en", "Bad", ("negative",), LABELS),
    ]
    ((target, source),) = parallel(NUSAX.read(javanese, "jv"), NUSAX.read(english, "en"))
    assert (target.text, source.text) == ("Elek", "Bad")
    with pytest.raises(CorpusError, match=r"test.csv holds no example in en of the task nusax"):
        NUSAX.read(javanese, "en")


def test_the_hubs_columns(tmp_path: Path) -> None:
    rows = [
        {"id": "3", "text": "Apik", "lang": "jav", "label": 2},
        {"id": "3", "text": "Good", "lang": "eng", "label": 2},
        {"id": "3", "text": "Mangat", "lang": "ace", "label": 1},
    ]
    path = write_lines(tmp_path / "test.jsonl", rows)
    assert [(e.language, e.answers) for e in NUSAX.read(path)] == [
        ("jv", ("positive",)), ("en", ("positive",)), ("ace", ("neutral",)),
    ]  # fmt: skip
    assert [e.text for e in NUSAX.read(path, "en")] == ["Good"]


@pytest.mark.parametrize(
    ("row", "said"),
    [(("1", "", "neutral"), "no `text`"), (("1", "so", "mixed"), "'mixed' is no label; there are negative")],
)
def test_errors_name_file_and_row(tmp_path: Path, row: tuple[str, str, str], said: str) -> None:
    path = write_table(tmp_path / "x.csv", COLUMNS, [("0", "fine", "positive"), row])
    with pytest.raises(CorpusError, match=rf"x\.csv, row 3: {said}"):
        NUSAX.read(path, "en")


def test_the_prompt() -> None:
    assert NUSAX.prompt(TaskExample("1", "en", "Good", ("positive",), LABELS)) == (
        "Text: Good\nIs the sentiment of the text negative, neutral or positive?\nSentiment: "
    )

"""TyDiQA-GoldP and MLQA: SQuAD's form and the Hub's rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from task_files import squad, write_lines

from polycypher.errors import CorpusError
from polycypher.tasks.passages import MLQA, TYDIQA
from polycypher.tasks.task import TaskExample

PASSAGE = "Turku is the oldest town\nof Finland. It lies by the Aura river."
QUESTIONS = [
    ("finnish-12-3", "Minkä joen?", ["Aura", "the Aura river"]),
    ("english-5-0", "Which town?", ["oldest town\nof Finland"]),
]
FLAT = "Turku is the oldest town of Finland. It lies by the Aura river."


def write(path: Path, whole: Any) -> Path:
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def test_ids_tell_tydiqas_languages(tmp_path: Path) -> None:
    path = write(tmp_path / "goldp.json", squad(QUESTIONS, PASSAGE))
    assert TYDIQA.read(path) == [
        TaskExample("finnish-12-3", "fi", f"{FLAT}\nMinkä joen?", ("Aura", "the Aura river")),
        TaskExample("english-5-0", "en", f"{FLAT}\nWhich town?", ("oldest town of Finland",)),
    ]
    assert [example.id for example in TYDIQA.read(path, "fi")] == ["finnish-12-3"]


def test_the_hubs_rows(tmp_path: Path) -> None:
    rows = [
        {
            "id": identifier,
            "title": "t",
            "context": PASSAGE,
            "question": question,
            "answers": {"text": answers, "answer_start": [0] * len(answers)},
        }
        for identifier, question, answers in QUESTIONS
    ]
    nested = TYDIQA.read(write(tmp_path / "goldp.json", squad(QUESTIONS, PASSAGE)))
    assert TYDIQA.read(write_lines(tmp_path / "rows.jsonl", rows)) == nested
    told = [row | {"id": str(number), "language": "fi"} for number, row in enumerate(rows)]
    assert {e.language for e in TYDIQA.read(write_lines(tmp_path / "told.jsonl", told))} == {"fi"}


def test_each_data_set_has_its_own_normalisation(tmp_path: Path) -> None:
    path = write(tmp_path / "test.json", squad([("f00d", "Wer?", ["Der Hund"])], "Der Hund bellt."))
    assert MLQA.score(MLQA.read(path, "de"), ["hund"]) == {"f1": 1.0, "exact_match": 1.0}
    assert TYDIQA.score(TYDIQA.read(path, "de"), ["hund"]) == {
        "f1": pytest.approx(2 / 3),
        "exact_match": 0.0,
    }
    with pytest.raises(CorpusError, match="article 1, paragraph 1, question 1: nothing tells the language"):
        MLQA.read(path)


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ([], r"goldp.json: no list `data`"),
        ({"data": [{}]}, r"goldp.json, article 1: no list `paragraphs`"),
        ({"data": [{"paragraphs": [{"context": "c"}]}]}, "article 1, paragraph 1: no list `qas`"),
        ({"data": [{"paragraphs": [{"qas": [3]}]}]}, "paragraph 1, question 1: not a JSON object"),
        (squad([("finnish-1", "q", ["a"]), ("finnish-2", "q", [])], "c"), "question 2: no answer"),
        (squad([("finnish-1", "", ["a"])], "c"), "question 1: no `question`"),
        (squad([("finnish-1", "q", ["a"])], ""), "question 1: no `context`"),
    ],
)
def test_errors_name_file_and_place(tmp_path: Path, whole: Any, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        TYDIQA.read(write(tmp_path / "goldp.json", whole))


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"data":\n[', encoding="utf-8")
    with pytest.raises(CorpusError, match=r"x.json, row 2: no JSON"):
        TYDIQA.read(tmp_path / "x.json")
    with pytest.raises(CorpusError, match="cannot read the task file"):
        TYDIQA.read(tmp_path / "missing.json")


def test_the_prompt() -> None:
    assert TYDIQA.prompt(TaskExample("1", "en", "It rains.\nWhat?", ("rain",))) == (
        "Passage: It rains.\nQuestion: What?\n"
        "Answer with the shortest words of the passage that answer the question.\nAnswer: "
    )

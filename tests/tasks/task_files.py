"""Small files in the tasks' own formats, with sentences made up for the tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

XNLI_COLUMNS = (
    "language", "gold_label", "sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse",
    "sentence2_parse", "sentence1", "sentence2", "promptID", "pairID", "genre", "label1", "label2", "label3",
    "label4", "label5", "sentence1_tokenized", "sentence2_tokenized", "match",
)  # fmt: skip
XNLI_ROWS = [
    ("en", "entailment", 'The cat said "meow" twice', "A cat made a sound", "7"),
    ("en", "contradiction", "Nobody came to the party", "The party was full", "8"),
    ("de", "entailment", 'Die Katze sagte zweimal "miau', "Eine Katze machte ein Geräusch", "7"),
    ("de", "contradiction", "Niemand kam zum Fest", "Das Fest war voll", "8"),
]


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def write_official_xnli(path: Path) -> Path:
    """As `xnli.dev.tsv`: 19 columns, quotation marks as letters, a lone one too."""
    lines = ["\t".join(XNLI_COLUMNS)]
    for language, gold, premise, hypothesis, pair in XNLI_ROWS:
        told = {"language": language, "gold_label": gold, "pairID": pair, "match": "True"}
        cells = told | {"sentence1": premise, "sentence2": hypothesis}
        lines.append("\t".join(cells.get(column, "") for column in XNLI_COLUMNS))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def squad(questions: Sequence[tuple[str, str, Sequence[str]]], passage: str) -> dict[str, Any]:
    """A SQuAD file of one passage: questions as (id, question, answers)."""
    qas = [
        {
            "id": identifier,
            "question": question,
            "answers": [{"text": answer, "answer_start": max(passage.find(answer), 0)} for answer in answers],
        }
        for identifier, question, answers in questions
    ]
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": passage, "qas": qas}]}]}

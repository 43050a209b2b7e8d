"""Questions about a passage: TyDiQA-GoldP and MLQA; F1 and exact match of the answer.

TyDiQA-GoldP: Clark et al., arXiv 2003.05002, §8, scored as SQuAD 1.1; the average over languages leaves
English out. MLQA: Lewis et al., arXiv 1910.07475, scored with its own normalisation for each language. Both
come as SQuAD's JSON (`data` → `paragraphs` → `qas`) or as flat rows, as on the Hugging Face Hub (`id`,
`context`, `question`, `answers`). TyDiQA's ids begin with the language's name (`finnish-…`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polycypher.errors import CorpusError
from polycypher.tasks.files import Row, field, language_of, task_rows
from polycypher.tasks.metrics import Normalise, answer_scores, normalise_mlqa, normalise_squad
from polycypher.tasks.task import Score, Task, TaskExample, joined

_LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "english": "en", "finnish": "fi", "indonesian": "id", "korean": "ko",
    "russian": "ru", "swahili": "sw", "telugu": "te",
}  # fmt: skip


def read_passages(path: Path, language: str | None) -> list[TaskExample]:
    """The examples of one file; `text` is the passage and, in the next line, the question.

    Raises:
        CorpusError: as `Task.read`; a place in a JSON file is named by its numbers, from 1.
    """
    rows = _nested(path) if path.suffix.lower() == ".json" else _flat(path)
    found = []
    for number, place, row in rows:
        identifier = str(row.get("id") or number)
        said = str(row.get("language") or "")
        told = _LANGUAGES.get(said, said) or _LANGUAGES.get(identifier.split("-")[0], "")
        code = language_of(told, language, place)
        if code is None:
            continue
        answers = _answers(row.get("answers"), place)
        text = joined(*(field(row, (name,), place) for name in ("context", "question")))
        found.append(TaskExample(identifier, code, text, answers))
    return found


def prompt(example: TaskExample) -> str:
    """The passage, the question, and that the answer stands in the passage."""
    passage, question = example.lines
    return (
        f"Passage: {passage}\nQuestion: {question}\n"
        "Answer with the shortest words of the passage that answer the question.\nAnswer: "
    )


def _scored_with(normalise: Normalise) -> Score:
    return lambda examples, predictions: answer_scores(examples, predictions, normalise)


_METRICS = ("f1", "exact_match")
TYDIQA = Task(
    "tydiqa", _METRICS, read_passages, prompt, _scored_with(normalise_squad), answers_translate=True
)
MLQA = Task("mlqa", _METRICS, read_passages, prompt, _scored_with(normalise_mlqa), answers_translate=True)


def _flat(path: Path) -> Iterator[tuple[int, str, Row]]:
    for number, row in task_rows(path, ("id", "context", "question", "answers")):
        yield number, f"{path}, row {number}", row


def _nested(path: Path) -> Iterator[tuple[int, str, Row]]:
    """The questions of a SQuAD file as flat rows, with their numbers and places."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read the task file {path}: {error}") from None
    except json.JSONDecodeError as error:
        raise CorpusError(f"{path}, row {error.lineno}: no JSON ({error.msg})") from None
    number = 0
    for first, article in enumerate(_listed(whole, "data", str(path)), 1):
        place = f"{path}, article {first}"
        for second, paragraph in enumerate(_listed(article, "paragraphs", place), 1):
            inner = f"{place}, paragraph {second}"
            for third, asked in enumerate(_listed(paragraph, "qas", inner), 1):
                if not isinstance(asked, Mapping):
                    raise CorpusError(f"{inner}, question {third}: not a JSON object")
                number += 1
                yield number, f"{inner}, question {third}", {**asked, "context": paragraph.get("context")}


def _listed(value: Any, key: str, place: str) -> list[Any]:
    if not isinstance(value, Mapping) or not isinstance(value.get(key), list):
        raise CorpusError(f"{place}: no list `{key}`; a SQuAD file has data, paragraphs and qas")
    return list(value[key])


def _answers(value: Any, place: str) -> tuple[str, ...]:
    """The accepted answers of SQuAD's form (a list of objects) or the Hub's (an object of lists)."""
    texts: Any = value
    if isinstance(value, Mapping):
        texts = value.get("text")
    elif isinstance(value, list):
        texts = [one.get("text") if isinstance(one, Mapping) else one for one in value]
    found = [" ".join(text.split()) for text in texts or () if isinstance(text, str) and text.strip()]
    if not found:
        raise CorpusError(f"{place}: no answer; remove the question, or give `answers` with their `text`")
    return tuple(dict.fromkeys(found))

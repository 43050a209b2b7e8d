"""XNLI: does the premise entail the hypothesis? Accuracy (Conneau et al., arXiv 1809.05053).

A row holds a premise, a hypothesis and a label in one of the forms that are about: the official
`xnli.dev.tsv`, `xnli.test.tsv` and `.jsonl` files (`sentence1`, `sentence2`, `gold_label`, `language`,
`pairID`), MultiNLI's translated training files (`premise`, `hypo`, `label`, `contradictory` for
`contradiction`), XTREME's (three columns without names), and the columns of the set on the Hugging Face
Hub (`premise`, `hypothesis`, `label` 0, 1, 2; one text, or one a language).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polycypher.errors import CorpusError
from polycypher.tasks.files import Row, field, label, language_of, task_rows
from polycypher.tasks.metrics import accuracy
from polycypher.tasks.task import Task, TaskExample, joined

LABELS = ("entailment", "neutral", "contradiction")

_SAID = {
    **{name: name for name in LABELS},
    **{str(number): name for number, name in enumerate(LABELS)},
    "contradictory": "contradiction",
}
_PREMISE = ("premise", "sentence1")
_HYPOTHESIS = ("hypothesis", "hypo", "sentence2")
_LABEL = ("label", "gold_label")
_COLUMNS = ("premise", "hypothesis", "label")


def read_xnli(path: Path, language: str | None) -> list[TaskExample]:
    """The examples of one file; rows that annotators could not agree on (`-`) are left out.

    An example's id is its `pairID`, else its row's number, so that files of the same rows are parallel.

    Raises:
        CorpusError: as `Task.read`.
    """
    found: list[TaskExample] = []
    for number, row in task_rows(path, _COLUMNS, (*_PREMISE, *_HYPOTHESIS, *_LABEL)):
        if str(row.get("gold_label") or "").strip() != "-":
            found += _examples(row, str(row.get("pairID") or number), language, f"{path}, row {number}")
    return found


def prompt(example: TaskExample) -> str:
    """Premise, hypothesis, and the three labels to choose from."""
    premise, hypothesis = example.lines
    return (
        f"Premise: {premise}\nHypothesis: {hypothesis}\n"
        f"Is the hypothesis an {LABELS[0]}, {LABELS[1]} or a {LABELS[2]}?\nLabel: "
    )


XNLI = Task("xnli", ("accuracy",), read_xnli, prompt, accuracy)


def _examples(row: Row, identifier: str, asked: str | None, place: str) -> Iterator[TaskExample]:
    """The examples of one row: one, or one a language where its cells hold several."""
    answer = label(row, _LABEL, _SAID, place)
    premises, hypotheses = _by_language(row.get("premise")), _by_language(row.get("hypothesis"))
    if premises is None or hypotheses is None:
        texts = [
            (str(row.get("language") or ""), field(row, _PREMISE, place), field(row, _HYPOTHESIS, place))
        ]
    elif premises.keys() != hypotheses.keys():
        raise CorpusError(f"{place}: premise and hypothesis are not in the same languages")
    else:
        texts = [(code, premises[code], hypotheses[code]) for code in premises]
    for told, premise, hypothesis in texts:
        code = language_of(told, asked, place)
        if code is not None:
            yield TaskExample(identifier, code, joined(premise, hypothesis), (answer,), LABELS)


def _by_language(value: Any) -> dict[str, str] | None:
    """Language → text of a cell that holds one a language, in either of the Hub's two forms; else None."""
    if not isinstance(value, Mapping):
        return None
    if value.keys() == {"language", "translation"}:
        return dict(zip(value["language"], value["translation"], strict=True))
    return {str(code): str(text) for code, text in value.items()}

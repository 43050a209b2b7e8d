"""NusaX: the sentiment of a text in English, Indonesian and ten of Indonesia's languages; macro-F1.

Winata et al., arXiv 2205.15960. A row holds `id`, `text` and `label` (`negative`, `neutral`, `positive`, or
0, 1, 2 as on the Hugging Face Hub), and perhaps `lang`. The official files lie in a folder a language
(`english/test.csv`), whose name tells theirs; their rows with one `id` are translations of each other.
"""

from __future__ import annotations

from pathlib import Path

from polycypher.tasks.files import field, label, language_of, task_rows
from polycypher.tasks.metrics import macro_f1
from polycypher.tasks.task import Task, TaskExample, joined

LABELS = ("negative", "neutral", "positive")

_SAID = {**{name: name for name in LABELS}, **{str(number): name for number, name in enumerate(LABELS)}}
_COLUMNS = ("id", "text", "label")
_BCP_47 = {"eng": "en", "ind": "id", "jav": "jv", "sun": "su"}
"""The Hub's three-letter codes that BCP 47 shortens."""
_FOLDERS = {
    "acehnese": "ace", "balinese": "ban", "banjarese": "bjn", "buginese": "bug", "english": "en",
    "indonesian": "id", "javanese": "jv", "madurese": "mad", "minangkabau": "min", "ngaju": "nij",
    "sundanese": "su", "toba_batak": "bbc",
}  # fmt: skip


def read_nusax(path: Path, language: str | None) -> list[TaskExample]:
    """The examples of one file.

    Raises:
        CorpusError: as `Task.read`.
    """
    folder = _FOLDERS.get(path.absolute().parent.name, "")
    found = []
    for number, row in task_rows(path, _COLUMNS):
        place = f"{path}, row {number}"
        said = str(row.get("lang") or "").strip()
        code = language_of(_BCP_47.get(said, said) or folder, language, place)
        if code is None:
            continue
        text = joined(field(row, ("text",), place))
        answer = label(row, ("label",), _SAID, place)
        found.append(TaskExample(str(row.get("id") or number), code, text, (answer,), LABELS))
    return found


def prompt(example: TaskExample) -> str:
    """The text, and the three labels to choose from."""
    return (
        f"Text: {example.text}\n"
        f"Is the sentiment of the text {LABELS[0]}, {LABELS[1]} or {LABELS[2]}?\nSentiment: "
    )


NUSAX = Task("nusax", ("macro_f1", "accuracy"), read_nusax, prompt, macro_f1)

"""Rows of task files: everything `corpus.readers` reads, and TSV. Knows nothing of a task's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from polycypher.corpus.example import check_language
from polycypher.corpus.readers import read_rows
from polycypher.errors import CorpusError

Row = Mapping[str, Any]


def task_rows(path: Path, columns: Sequence[str], also: Sequence[str] = ()) -> Iterator[tuple[int, Row]]:
    """The rows of a JSONL, CSV, Parquet or TSV file with their numbers.

    A TSV file is read as XNLI's are: quotation marks are letters like any other. Its first line holds
    the names of the columns if one of `columns` or `also` is among them; if not, they are `columns`, in
    this order.

    Raises:
        CorpusError: unreadable, of an unknown ending, or a row that is none; file and row are named.
    """
    yield from _tsv_rows(path, columns, also) if path.suffix.lower() == ".tsv" else read_rows(path)


def field(row: Row, names: Sequence[str], place: str) -> str:
    """The text of the first of these columns that the row fills; `place` is for the message.

    Raises:
        CorpusError: none is filled.
    """
    for name in names:
        value = row.get(name)
        if value is not None and str(value).strip():
            return str(value)
    raise CorpusError(f"{place}: no `{names[0]}`; remove the row or fill it in")


def label(row: Row, names: Sequence[str], labels: Mapping[str, str], place: str) -> str:
    """The label of a row, by its name or number in `labels` (what a file may say → the label).

    Raises:
        CorpusError: no label, or another one.
    """
    said = field(row, names, place).strip().casefold()
    if said not in labels:
        known = ", ".join(dict.fromkeys(labels.values()))
        raise CorpusError(f"{place}: '{said}' is no label; there are {known}")
    return labels[said]


def language_of(told: str, asked: str | None, place: str) -> str | None:
    """The language of a row that tells `told` ("" if it tells none); None if it is not the one asked for.

    Raises:
        CorpusError: a code that is none, or nothing tells the language.
    """
    code = told or asked or ""
    if not code:
        raise CorpusError(f"{place}: nothing tells the language; name it (`language`)")
    try:
        check_language(code)
    except CorpusError as error:
        raise CorpusError(f"{place}: {error}") from None
    return code if asked in (None, code) else None


def _tsv_rows(path: Path, columns: Sequence[str], also: Sequence[str]) -> Iterator[tuple[int, Row]]:
    try:
        # only a line feed ends a row: other breaks may stand inside a sentence
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read the task file {path}: {error}") from None
    names = lines[0].rstrip("\r").split("\t")
    start = 1 if set(names) & {*columns, *also} else 0
    if not start:
        names = list(columns)
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip():
            continue
        cells = line.rstrip("\r").split("\t")
        if len(cells) != len(names):
            raise CorpusError(
                f"{path}, row {number}: {len(cells)} cells, not {len(names)} ({', '.join(names)}); "
                "a tab parts two cells"
            )
        yield number, dict(zip(names, cells, strict=True))

"""Reading predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polycypher.errors import CorpusError
from polycypher.evaluation.prediction import Prediction, read_predictions


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "language": "tr", "prediction": "RETURN 1", "weights": {"en": 0.2, "tr": 0.8}, "time": 3},
        {"id": "a", "language": "en", "prediction": "RETURN '\u2028'"},
        {"id": "b", "language": "en", "prediction": "", "weights": None},
    ]
    path = tmp_path / "predictions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", encoding="utf-8")
    assert read_predictions(path) == [
        Prediction("a", "tr", "RETURN 1", {"en": 0.2, "tr": 0.8}),
        Prediction("a", "en", "RETURN '\u2028'"),
        Prediction("b", "en", ""),
    ]


@pytest.mark.parametrize(
    "row",
    [
        "{",
        "[]",
        '{"id": "a", "language": "en"}',
        '{"id": 1, "language": "en", "prediction": "x"}',
        '{"id": "a", "language": "en", "prediction": "x", "weights": [0.5]}',
        '{"id": "a", "language": "en", "prediction": "x", "weights": {"en": "much"}}',
    ],
)
def test_a_bad_row_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"id": "a", "language": "en", "prediction": "x"}\n' + row, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"predictions\.jsonl, row 2"):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere"):
        read_predictions(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize(
    ("weights", "adapter"),
    [(None, None), ({}, None), ({"en": 0.1, "tr": 0.7, "es": 0.2}, "tr"), ({"tr": 0.5, "en": 0.5}, "en")],
)
def test_the_adapter_is_the_heaviest(weights: dict[str, float] | None, adapter: str | None) -> None:
    assert Prediction("a", "en", "x", weights).adapter == adapter

"""The comparison's report: every row with its figures, and what was not made with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from polycypher.study.measure import MEASURES
from polycypher.study.transfer.report import cost_table, measure_table, write_transfer_report

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


def cells(value: float | None) -> dict[str, Any]:
    cell = None if value is None else {"value": value, "low": value - 0.1, "high": value + 0.1}
    return dict.fromkeys(MEASURES, cell)


@pytest.fixture
def results() -> dict[str, Any]:
    return {
        "name": "x",
        "languages": ["en", "de"],
        "rows": ["ties", "adamergex-lora"],
        "missing": {"flare-mt": "needs the encoder of a translation model"},
        "methods": {
            "ties": {"en": cells(0.5), "de": cells(0.3), "avg": cells(0.4)},
            "adamergex-lora": {"en": cells(None), "de": cells(0.6), "avg": cells(None)},
        },
        "costs": {
            "ties": {"parameters": 0, "samples": 0, "minutes": 0.0, "multiply_adds": 1.0},
            "adamergex-lora": {"parameters": 163840, "multiply_adds": 1.0, "scale": 0.5},
        },
        "differences": {"ties - zero-shot": {"en": dict.fromkeys(MEASURES)}},
    }


def test_a_row_without_answers_in_a_language_says_so(results: dict[str, Any]) -> None:
    table = measure_table(results, "rouge_l")
    assert table.header == ("row", "EN", "DE", "avg")
    assert table.rows[0] == ("ties", "0.500 [0.400, 0.600]", "0.300 [0.200, 0.400]", "0.400 [0.300, 0.500]")
    assert table.rows[1] == ("adamergex-lora", "n/a", "0.600 [0.500, 0.700]", "n/a")


def test_costs_that_are_not_known_are_not_made_up(results: dict[str, Any]) -> None:
    assert cost_table(results).rows == (
        ("ties", "0", "0", "0.0", "1.00", ""),
        ("adamergex-lora", "163,840", "n/a", "n/a", "1.00", "0.5"),
    )


def test_both_forms_and_the_picture_are_written(results: dict[str, Any], tmp_path: Path) -> None:
    written = write_transfer_report(results, tmp_path)
    assert [path.name for path in written] == ["transfer.md", "transfer.html", "transfer.png"]
    text = written[0].read_text(encoding="utf-8")
    assert "flare-mt: needs the encoder of a translation model" in text
    assert "plots/transfer.png" in text
    assert not list(tmp_path.rglob("*partial*"))

"""Tables of the study's results, worked by hand."""

from __future__ import annotations

from typing import Any

import pytest
from sample_results import cell, uneven_results

from polycypher.errors import UsageError
from polycypher.study import tables
from polycypher.study.reading import ABLATIONS, METRICS, ablation_groups


@pytest.fixture
def results() -> dict[str, Any]:
    return uneven_results()


def _rows(table: tables.Table) -> dict[str, tuple[str, ...]]:
    assert all(len(row) == len(table.header) for row in table.rows)
    return {row[0]: row[1:] for row in table.rows}


def test_scores_with_intervals_and_the_paper_beside(results: dict[str, Any]) -> None:
    table = tables.score_table(results, "rouge_l")
    assert table.header == ("method", "EN", "ES", "avg", "paper: EN / ES / TR / avg")
    rows = _rows(table)
    assert rows["base"] == (
        "0.500 [0.480, 0.520]",
        "0.700 [0.680, 0.720]",
        "0.600 [0.580, 0.620]",
        "0.65 / 0.60 / 0.55 / 0.60",
    )
    assert rows["fusion-mlp"][1:] == ("n/a", "0.750 [0.730, 0.770]", "n/a / n/a / n/a / 0.79")
    assert rows["linear-peft"] == ("n/a", "n/a", "0.500 [0.480, 0.520]", "n/a")


def test_methods_that_were_not_run_have_a_row_that_says_so(results: dict[str, Any]) -> None:
    rows = _rows(tables.score_table(results, "rouge_l"))
    assert rows["fusion-top1"] == ("not run", "not run", "not run", "n/a")
    assert set(rows["adapter-es"][:3]) == {"not run"}
    assert list(rows)[:3] == ["base", "en-only", "joint"]
    assert list(rows)[-1] == "ours-new"


def test_the_paper_has_no_figure_for_other_measures(results: dict[str, Any]) -> None:
    for metric in METRICS:
        if metric != "rouge_l":
            assert {row[-1] for row in tables.score_table(results, metric).rows} == {"n/a"}
            assert {row[-1] for row in tables.share_table(results, metric).rows} == {"n/a"}


def test_share_table(results: dict[str, Any]) -> None:
    rows = _rows(tables.share_table(results, "rouge_l"))
    assert "base" not in rows
    assert "joint" not in rows
    assert rows["fusion-mlp"] == ("0.750", "n/a", "0.750", "0.75")
    assert rows["linear-peft"] == ("n/a", "n/a", "-0.500", "n/a")
    assert rows["linear-factor"] == ("not run", "not run", "not run", "0.60")


def test_differences_are_marked_where_the_interval_has_no_zero(results: dict[str, Any]) -> None:
    results["differences"] = {
        "a - b": {
            "en": {"rouge_l": {"value": 0.05, "low": 0.01, "high": 0.09}},
            "es": {"rouge_l": {"value": -0.05, "low": -0.09, "high": -0.01}},
            "avg": {"rouge_l": {"value": -0.01, "low": -0.03, "high": 0.03}},
        }
    }
    assert tables.difference_table(results, "rouge_l").rows == (
        (
            "a - b",
            "+0.050 [+0.010, +0.090] ▲",
            "-0.050 [-0.090, -0.010] ▼",
            "-0.010 [-0.030, +0.030]",
        ),
    )
    assert tables.difference_table(results, "exact_match").rows == (("a - b", "n/a", "n/a", "n/a"),)


def test_routing_examples_then_the_papers(results: dict[str, Any]) -> None:
    weights = {"en": 0.9, "es": 0.1}
    many = [{"language": "en", "question": f"q{number}", "weights": weights} for number in range(9)]
    long = {"language": "es", "question": "a" * 500, "weights": {"en": 0.2}}
    results["routing"] = {"examples": [*many, long]}
    rows = tables.routing_table(results).rows
    assert rows[0] == ("EN", "q0", "0.90", "0.10")
    assert [row[1] for row in rows if row[0] == "EN"] == ["q0", "q1", "q2", "q3", "(the paper's example)"]
    assert rows[4][2:] == ("0.20", "n/a")
    assert len(rows[4][1]) < 200
    assert rows[-1] == ("TR", "(the paper's example)", "0.07", "0.15")


def test_confusion(results: dict[str, Any]) -> None:
    results["routing"] = {"confusion": {"fusion-mlp": {"en": {"en": 0.99, "es": 0.01}, "es": {"es": 1.0}}}}
    (table,) = tables.confusion_tables(results)
    assert table.header == ("question", "adapter EN", "adapter ES")
    assert table.rows == (("EN", "0.990", "0.010"), ("ES", "n/a", "1.000"))


def test_growth_beside_the_paper(results: dict[str, Any]) -> None:
    once = {
        "joint_samples": 3000,
        "fusion_samples": 3000,
        "joint_minutes": 20,
        "joint_minutes_measured": False,
    }
    results["growth"] = [
        {"languages": ["en"], **once},
        {"languages": ["en", "es"], "joint_samples": 6000, "fusion_samples": 4250, "fusion_minutes": 21.26},
        *[{"languages": ["en", "es", "tr"]}] * 3,
    ]
    rows = tables.growth_table(results).rows
    assert rows[0] == ("1", "EN", "3,000", "3,000", "1.000", "20.0 (estimated)", "n/a", "12,000 / 12,000")
    assert rows[1] == ("2", "EN + ES", "6,000", "4,250", "0.708", "n/a", "21.3", "24,000 / 17,000")
    assert rows[4][2:] == ("n/a",) * 6  # the paper's table ends at the 4th language
    assert tables.growth_score_table(results) is None


def test_scores_after_growth_at_any_depth(results: dict[str, Any]) -> None:
    results["growth"] = [
        {"languages": ["en"], "scores": {"en": {"rouge_l": 0.8}}},
        {
            "languages": ["en", "es"],
            "scores": {"fusion": {"en": {"rouge_l": cell(0.7), "exact_match": 0.1}}},
        },
    ]
    table = tables.growth_score_table(results)
    assert table is not None
    assert table.header == ("n", "scored", "ROUGE-L", "Exact match")
    assert table.rows == (
        ("1", "en", "0.800", "n/a"),
        ("2", "fusion / en", "0.700 [0.680, 0.720]", "0.100"),
    )


def test_ablations_keep_empty_groups_and_mark_the_default() -> None:
    entries = [
        {"group": "window", "name": "question", "default": True, "routing": 0.97, "loss": 0.4, "exact": None},
        {"group": "rank", "name": "16", "default": False, "seconds": 3.14},
    ]
    groups = ablation_groups({"ablations": entries})
    assert list(groups) == [*ABLATIONS, "rank"]
    assert groups["mixing"] == []
    window = tables.ablation_table("window", groups["window"])
    assert window.rows == (("question (default)", "0.970", "0.400", "n/a", "n/a"),)
    assert tables.ablation_table("rank", groups["rank"]).rows == (("16", "n/a", "n/a", "n/a", "3.1"),)


def test_costs_as_share_of_joint(results: dict[str, Any]) -> None:
    results["costs"] = {
        "joint": {"samples": 9000, "epochs": 6, "steps": 13500, "minutes": 64.25, "parameters": 81920},
        "fusion-mlp": {"samples": 1875},
    }
    rows = _rows(tables.cost_table(results))
    assert rows["joint"] == ("9,000", "1.000", "6", "13,500", "64.2", "81,920")
    assert rows["fusion-mlp"] == ("1,875", "0.208", "n/a", "n/a", "n/a", "n/a")


def test_absent_parts_give_empty_tables(results: dict[str, Any]) -> None:
    assert tables.confusion_tables(results) == []
    for table in (tables.growth_table, tables.cost_table):
        assert table(results).rows == ()
    assert tables.difference_table(results, "rouge_l").rows == ()
    assert {row[1] for row in tables.routing_table(results).rows} == {"(the paper's example)"}


def test_what_is_not_finite_is_not_available(results: dict[str, Any]) -> None:
    results["methods"]["base"]["en"]["rouge_l"] = {"value": float("nan"), "low": 0.0, "high": 1.0}
    assert _rows(tables.score_table(results, "rouge_l"))["base"][0] == "n/a"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"methods": {"base": [1]}}, "methods/base"),
        ({"methods": {"base": {"avg": {"rouge_l": "high"}}}}, "'high'"),
        ({"methods": {"base": {"avg": {"rouge_l": True}}}}, "True"),
    ],
)
def test_results_of_another_shape_are_refused(damage: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        tables.score_table({"languages": ["en"], **damage}, "rouge_l")
    assert "\n" not in str(refused.value)


def test_a_terminal_shows_points_of_what_was_run(results: dict[str, Any]) -> None:
    table = tables.point_table(results, "rouge_l")
    assert (table.title, table.header) == ("ROUGE-L", ("method", "EN", "ES", "avg"))
    assert _rows(table) == {
        "base": ("0.500", "0.700", "0.600"),
        "joint": ("0.900", "0.600", "0.800"),
        "linear-peft": ("n/a", "n/a", "0.500"),
        "fusion-mlp": ("0.800", "n/a", "0.750"),
        "ours-new": ("n/a", "n/a", "0.900"),
    }


def test_a_terminal_of_eighty_columns_breaks_no_cell() -> None:
    from rich.console import Console

    from polycypher.console import text_table

    cells = {metric: {"value": 0.5, "low": 0.4, "high": 0.6} for metric in METRICS}
    row = dict.fromkeys(("en", "es", "tr", "de", "avg"), cells)
    results = {"languages": ["en", "es", "tr", "de"], "methods": {"fusion-shared-scorer": row}}
    console = Console(width=80, record=True)
    console.print(text_table(tables.point_table(results, "rouge_l")))
    lines = [line for line in console.export_text().splitlines() if "0.500" in line]
    assert len(lines) == 1
    assert lines[0].count("0.500") == 5
    assert "fusion-shared-scorer" in lines[0]

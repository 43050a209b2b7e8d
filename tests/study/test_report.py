"""The study's report: everything said once, missing parts named, the same files twice."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from sample_results import HOSTILE, Seen, small_results

from polycypher.errors import UsageError
from polycypher.study import reading, report
from polycypher.study.blocks import as_markdown
from polycypher.study.page import as_html
from polycypher.study.report import content, write_report
from polycypher.study.tables import Table

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

_PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def results() -> dict[str, Any]:
    return small_results()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Read only: the pictures take seconds."""
    hostile = small_results() | {"commit": HOSTILE, "name": HOSTILE}
    return write_report(hostile, tmp_path_factory.mktemp("report") / "study")


def test_files_and_pictures(written: list[Path]) -> None:
    assert [path.name for path in written[:2]] == ["report.md", "report.html"]
    assert [path.name for path in written[2:]] == ["scores.png", "recovered.png", "confusion.png"]
    assert all(path.read_bytes().startswith(_PNG) for path in written[2:])
    linked = re.findall(r"!\[[^\]]*\]\((plots/[^)]*)\)", written[0].read_text(encoding="utf-8"))
    assert [written[0].parent / link for link in linked] == written[2:]
    folder = written[0].parent
    assert {path.name for path in folder.iterdir()} == {"report.md", "report.html", "plots"}


def test_html_runs_no_question_and_loads_nothing(written: list[Path]) -> None:
    seen = Seen()
    seen.feed(written[1].read_text(encoding="utf-8"))
    assert "script" not in seen.tags
    assert '<script>alert("x")</script> | `a` *b*' in seen.text  # shown as it was asked
    assert seen.tags.count("img") == 3
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in seen.sources)
    assert not set(seen.text) & {"\u202e", "\x00"}


def test_intervals_stay_readable_in_markdown(results: dict[str, Any]) -> None:
    text = as_markdown(content(results, {}), Path())
    assert "| base | 0.600 [0.590, 0.610] | 0.400 [0.390, 0.410] | 0.500 [0.490, 0.510] |" in text


def test_what_was_run_is_the_first_paragraph(results: dict[str, Any]) -> None:
    text = as_markdown(content(results, {}), Path())
    first = text.split("\n\n")[1]
    for fact in (
        "EN, ES",
        "abc123",
        "seed 7",
        "EN 3,000, ES 2,000",
        "gate: 1,000",
        "executed on their database: not",
    ):
        assert fact in first
    assert "```\npolycypher study run small.yaml\n```" in text
    assert text.index("## Aims") < text.index("## What did not hold") < text.index("## Scores")


def test_a_tiny_run_and_unusable_gold_are_said_first(results: dict[str, Any]) -> None:
    results["corpus"]["gold_unusable"] = {"q1": "fails", "q2": "differs"}
    results["tiny"] = True
    first = as_markdown(content(results, {}), Path()).split("\n\n")[1]
    assert first.startswith("A tiny run")
    assert "failed the self-check, measured on text alone: 2." in first


def test_missing_parts_are_said_to_be_missing(tmp_path: Path) -> None:
    paths = write_report({"methods": {}}, tmp_path)
    assert [path.name for path in paths] == ["report.md", "report.html"]
    seen = Seen()
    seen.feed(paths[1].read_text(encoding="utf-8"))
    absent = (
        *(f"Picture “{name}”" for name in report.PICTURES),
        "Paired differences",
        "Example weights of this study",
        "Cost of the nth language",
        "Scores after each new language",
        "Cost of each training",
        *reading.ABLATIONS.values(),
    )
    markdown = paths[0].read_text(encoding="utf-8")
    for part in absent:
        assert f"{part}: not run." in seen.text
        assert f"{part}: not run." in markdown
    assert "Reached: 0 yes, 0 no, 7 not measured." in markdown
    assert "commit not recorded" in markdown


def test_both_forms_say_the_same(results: dict[str, Any]) -> None:
    blocks = content(results, {})
    seen = Seen()
    seen.feed(as_html(blocks))
    for block in blocks:
        if isinstance(block, Table):
            assert block.title in seen.text
            assert all(cell in seen.text for row in block.rows for cell in row if "script" not in cell)


def test_nothing_fell_short_is_said(results: dict[str, Any]) -> None:
    del results["routing"]
    assert "Nothing that was measured fell short." in as_markdown(content(results, {}), Path())


def test_every_picture_has_a_caption() -> None:
    from polycypher.study.plots import PLOTS

    assert list(report.PICTURES) == list(PLOTS)


def test_twice_gives_the_same_files(results: dict[str, Any], tmp_path: Path) -> None:
    del results["routing"]
    results["methods"] = {name: results["methods"][name] for name in ("base", "joint")}
    before = copy.deepcopy(results)
    first = {path: path.read_bytes() for path in write_report(results, tmp_path)}
    assert {path: path.read_bytes() for path in write_report(results, tmp_path)} == first
    assert results == before


def test_results_without_methods_are_refused(tmp_path: Path) -> None:
    for damaged in ({}, {"methods": None}, {"methods": ["base"]}):
        with pytest.raises(UsageError, match="no methods"):
            write_report(damaged, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("here already")
    with pytest.raises(UsageError, match="file"):
        write_report({"methods": {}}, occupied)

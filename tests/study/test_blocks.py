"""A report's blocks in Markdown: what they hold is shown, never obeyed."""

from __future__ import annotations

import re
from pathlib import Path

from sample_results import HOSTILE

from polycypher.study.blocks import Bullets, Heading, Paragraph, Picture, as_markdown
from polycypher.study.tables import Table


def test_every_block_has_its_form(tmp_path: Path) -> None:
    blocks = [
        Heading(2, "Scores"),
        Paragraph("What was run.", "polycypher study run"),
        Bullets(("one", "two")),
        Picture(tmp_path / "plots" / "scores.png", "Scores"),
        Table("Costs", ("training", "samples"), (("joint", "36,000"),), "in all"),
    ]
    assert as_markdown(blocks, tmp_path).split("\n\n") == [
        "## Scores",
        "What was run.",
        "```\npolycypher study run\n```",
        "- one\n- two",
        "![Scores](plots/scores.png)",
        "*Scores*",
        "**Costs** — in all",
        "| training | samples |\n| --- | --- |\n| joint | 36,000 |\n",
    ]


def test_a_question_stays_in_its_cell() -> None:
    text = as_markdown([Table("t", ("language", "question"), (("ES", HOSTILE.replace("\n", " ")),))], Path())
    assert "<script" not in text
    row = text.splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3  # two cells, whatever the question holds
    assert r"\`a\` \*b\* [l\](javascript:x)" in row
    assert r"![i\](y)" in row
    assert "&amp;amp;" in row


def test_intervals_and_names_stay_readable() -> None:
    text = as_markdown([Paragraph("rouge_l 0.600 [0.590, 0.610]")], Path())
    assert text == "rouge_l 0.600 [0.590, 0.610]\n"


def test_a_command_with_fences_stays_in_its_block() -> None:
    assert "`````\nrun ```` x\n`````" in as_markdown([Paragraph("", "run ```` x")], Path())


def test_a_heading_has_a_name_for_links() -> None:
    assert Heading(2, "Growth (Table 4)").anchor == "growth-table-4"

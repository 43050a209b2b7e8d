"""A report's blocks as a page: whole, self-contained, and running nothing it is given."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest
from sample_results import HOSTILE, Seen

from polycypher.errors import UsageError
from polycypher.study.blocks import Block, Bullets, Heading, Paragraph, Picture
from polycypher.study.page import as_html
from polycypher.study.tables import Table

pytest.importorskip("jinja2")


def _seen(*blocks: Block) -> tuple[Seen, str]:
    page = as_html(blocks)
    seen = Seen()
    seen.feed(page)
    return seen, page


def test_everything_a_block_holds_is_shown() -> None:
    seen, _ = _seen(
        Heading(1, "Study"),
        Heading(2, "Aims"),
        Paragraph("What was run.", "polycypher study run"),
        Bullets(("one", "two")),
        Table("Costs", ("training",), (("joint",),), "in all"),
    )
    for text in ("Study", "Aims", "What was run.", "polycypher study run", "one", "two", "Costs", "in all"):
        assert text in seen.text
    assert "#aims" in seen.sources  # the way to a section


def test_a_question_is_shown_and_not_run() -> None:
    seen, _ = _seen(Table("t", ("question",), ((HOSTILE,),)), Paragraph(HOSTILE), Heading(1, HOSTILE))
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert seen.text.count('<script>alert("x")</script> | `a` *b*') == 4  # title, cell, text, heading


def test_a_picture_is_in_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"PNG")
    seen, _ = _seen(Picture(tmp_path / "a.png", "Scores"))
    assert seen.sources == ["data:image/png;base64," + base64.b64encode(b"PNG").decode()]


@pytest.mark.parametrize(
    ("cell", "look"),
    [("n/a", "missing"), ("not run", "missing"), ("yes", "yes"), ("0.75", "number"), ("+0.1 ▲", "number")],
)
def test_a_cell_has_the_look_of_what_it_holds(cell: str, look: str) -> None:
    _, page = _seen(Table("t", ("a", "b"), (("name", cell),)))
    assert f'<td class="{look}" dir="auto">{cell}</td>' in page


def test_missing_jinja_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match=r"polycypher\[study\]"):
        as_html([])

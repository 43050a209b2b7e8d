"""The canvas of the pictures: known points alone, sensible scales, files whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import UsageError
from polycypher.study import canvas

pytest.importorskip("matplotlib")


@given(st.lists(st.none() | st.floats(0.0, 1.0)))
def test_a_scale_holds_every_share(values: list[float | None]) -> None:
    end = canvas.scale(values)
    assert 0.05 <= end <= 1.0
    assert all(value is None or value <= end for value in values)


def test_only_points_with_both_numbers_are_drawn(tmp_path: Path) -> None:
    with canvas.figure(tmp_path / "a.png", 3.0, 2.0) as figure:
        panel = figure.add_subplot()
        assert canvas.points(panel, [0, 1, 2, 3], [0.5, None, 0.7, 0.1], "-") == 3
        (line,) = panel.lines
        assert line.get_xdata().tolist() == [0, 2, 3]
        assert canvas.points(panel, [None], [1.0], "-") == 0
        assert len(panel.lines) == 1


def test_bars_are_cut_at_their_limits_and_missing_ones_named(tmp_path: Path) -> None:
    with canvas.figure(tmp_path / "a.png", 3.0, 2.0) as figure:
        panel = figure.add_subplot()
        canvas.bars(panel, [0.5, None, 9.0, -9.0], canvas.BLUE, "share", limits=(-0.5, 1.5), places=2)
        assert [bar.get_width() for bar in panel.patches] == [0.5, 0.0, 1.5, -0.5]
        assert [text.get_text() for text in panel.texts] == ["0.50", "n/a", "9.00", "-9.00"]


def test_a_figure_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    with canvas.figure(path, 3.0, 2.0):
        assert not path.exists()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [entry.name for entry in path.parent.iterdir()] == ["a.png"]


def test_nothing_to_draw_says_what_to_run() -> None:
    canvas.refuse_empty(["base"], "methods")
    with pytest.raises(UsageError, match="nothing to draw at growth; run that stage first"):
        canvas.refuse_empty([], "growth")

"""Pictures of the study's results: each is a PNG, the same twice, and refused where there is nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from polycypher.errors import UsageError
from polycypher.study import plots

pytest.importorskip("matplotlib")

_PNG = b"\x89PNG\r\n\x1a\n"


def _scores(value: float) -> dict[str, Any]:
    cell = {"value": value, "low": value - 0.02, "high": value + 0.02}
    # The average of one measure and the Spanish cell of another were not measured.
    spanish = {"rouge_l": cell, "execution_accuracy": None}
    return {"en": {"rouge_l": cell}, "es": spanish, "avg": {"rouge_l": cell, "execution_accuracy": cell}}


@pytest.fixture
def results() -> dict[str, Any]:
    return {
        "languages": ["en", "es"],
        "methods": {"base": _scores(0.5), "joint": _scores(0.7), "fusion-mlp": _scores(0.6)},
        "routing": {
            "confusion": {"fusion-mlp": {"en": {"en": 0.9, "es": 0.1}, "es": {"en": None, "es": 1.0}}},
            "top": {"fusion-mlp": {"en": [0.5, 0.9, 1.0], "es": []}},
        },
        "growth": [
            {"languages": ["en"], "joint_samples": 10, "fusion_samples": 10, "joint_minutes": 1.5},
            {"languages": ["en", "es"], "joint_samples": 20, "fusion_samples": None},
        ],
        "ablations": [{"group": "window", "name": "$a$ $b$", "default": True, "routing": 0.9, "exact": None}],
        "curves": {
            "adapter-en": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "ex_en": 0.5}],
            "joint": [],
        },
    }


def test_every_picture_is_drawn_as_png_and_nothing_else_is_left(
    results: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "plots"
    drawn = plots.draw_all(results, folder)
    assert list(drawn) == list(plots.PLOTS)
    assert sorted(folder.iterdir()) == sorted(drawn.values())
    for path in drawn.values():
        assert path.read_bytes().startswith(_PNG)


@pytest.mark.parametrize("name", ["scores", "confusion"])
def test_same_results_give_the_same_bytes_whatever_the_users_style(
    results: dict[str, Any], tmp_path: Path, name: str
) -> None:
    import matplotlib

    first = plots.PLOTS[name].draw(results, tmp_path / "first.png").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        second = plots.PLOTS[name].draw(results, tmp_path / "second.png").read_bytes()
        assert matplotlib.rcParams["font.size"] == 30  # the user's style is left as it was
    assert first == second


@pytest.mark.parametrize("name", list(plots.PLOTS))
def test_nothing_to_draw_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="nothing to draw"):
        plots.PLOTS[name].draw({"methods": {}}, tmp_path / "empty.png")
    assert list(tmp_path.iterdir()) == []


def test_only_parts_with_data_are_drawn(tmp_path: Path) -> None:
    empty = {"methods": {}, "curves": {"joint": []}, "routing": {"top": {"fusion-mlp": {"en": []}}}}
    assert plots.draw_all(empty, tmp_path) == {}


def test_a_huge_share_of_a_tiny_gain_is_cut_not_refused(results: dict[str, Any], tmp_path: Path) -> None:
    results["methods"]["joint"] = _scores(0.5001)
    assert plots.recovered(results, tmp_path / "recovered.png").read_bytes().startswith(_PNG)


def test_missing_matplotlib_names_the_extra(
    results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"polycypher\[study\]"):
        plots.growth(results, tmp_path / "growth.png")


def test_a_failed_write_leaves_the_old_picture(
    results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    def full_disk(figure: Figure, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    old = tmp_path / "growth.png"
    old.write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OSError, match="No space"):
        plots.growth(results, old)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]

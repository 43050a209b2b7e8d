"""`merge` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Command, command

from polycypher.adapters.lora import LoraAdapter

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "recipes" / "merge-example.yaml"
SHIPPED = [ROOT / "src/polycypher/data/models/nano/adapters" / code for code in ("en", "es", "tr")]


@pytest.fixture
def polycypher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command; no graph is needed."""

    def call(*words: str) -> tuple[int, str, str]:
        return command(*words, monkeypatch=monkeypatch, capsys=capsys)

    return call


def options(*folders: Path) -> list[str]:
    return [word for folder in folders for word in ("--adapter", str(folder))]


def test_the_example_recipe(polycypher: Command, tmp_path: Path) -> None:
    code, out, err = polycypher("merge", str(EXAMPLE), "--out", str(tmp_path / "out"))
    assert code == 0
    assert out == f"{tmp_path / 'out'}: ties-svd of 3 adapters, rank 24, 245,760 parameters\n"
    assert "the cut to rank 24 loses" in err
    assert LoraAdapter.load(tmp_path / "out").language == "en+es+tr"


def test_a_method_by_name_prints_what_it_did(polycypher: Command, tmp_path: Path) -> None:
    words = ("--method", "factor", "--weights", "0.5,-0.25,0.75", "--out", str(tmp_path / "out"), "--json")
    code, out, _ = polycypher("merge", *options(*SHIPPED), *words)
    value = json.loads(out)
    assert code == 0
    assert (value["method"], value["weights"], value["rank"]) == ("factor", [0.5, -0.25, 0.75], 8)
    assert [one["folder"] for one in value["adapters"]] == [str(folder) for folder in SHIPPED]
    assert value["paper"] == "arXiv 2601.16097, linear merge"
    again, _, err = polycypher("merge", *options(*SHIPPED), *words)
    assert again == 2
    assert "--force" in err
    assert polycypher("merge", *options(*SHIPPED), *words, "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name a recipe, or --method, --adapter (once for each) and --out"),
        (("--method", "exact", "--out", "x"), 2, "name a recipe, or --method"),
        ((str(EXAMPLE), "--rank", "4"), 2, "beside a recipe only --out and --force"),
        (("none.yaml",), 2, "cannot read the recipe none.yaml"),
        (("--method", "tie", "--adapter", "a", "--out", "x"), 2, "no method is called 'tie'"),
        (("--method", "lorahub", "--adapter", "a", "--out", "x"), 2, "learns its weights"),
        (("--method", "ties", "--adapter", "a", "--out", "x", "--density", "2"), 2, "density: "),
        (("--method", "exact", "--adapter", "a", "--out", "x", "--weights", "1,2"), 2, "2 weights for 1"),
        (("--method", "exact", "--adapter", "a", "--out", "x", "--weights", "one"), 2, "no numbers"),
        (("--method", "exact", "--adapter", "a", "--out", "x", "--weights", "nan"), 2, "weight: "),
        (
            ("--method", "exact", "--adapter", "nowhere", "--out", "x"),
            5,
            "nowhere has no adapter_config.json",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    polycypher: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = polycypher("merge", *words)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()

"""Running a study: names, provenance and the shape of what is written; the rest is the miniature study's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from small_study import recipe_of

from polycypher.errors import CorpusError, RecipeError
from polycypher.study import run
from polycypher.study.run import provenance, run_study, train_named


@pytest.mark.parametrize("name", ["tr", "linear-exact", "fusion-mlp", ""])
def test_an_adapter_that_the_study_does_not_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError, match=f"no adapter '{name}'; it has en, es, joint, en-only"):
        train_named(recipe_of(tmp_path), name)
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"never-read\.jsonl does not exist"):
        run_study(recipe_of(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_the_command_can_be_typed_again() -> None:
    told = provenance(["study", "run", "my recipes/nano.yaml", "--tiny"])
    assert told["command"] == "polycypher study run 'my recipes/nano.yaml' --tiny"


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance([])["commit"] == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_commit_is_of_the_softwares_own_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    installed = tmp_path / "run.py"
    installed.write_text("")
    monkeypatch.setattr(run, "__file__", str(installed))
    git("init")
    git("commit", "--allow-empty", "-m", "somebody else's")
    assert provenance([])["commit"] == ""
    git("add", "run.py")
    git("commit", "-m", "ours")
    clean = provenance([])["commit"]
    assert len(clean) >= 7
    installed.write_text("changed")
    assert provenance([])["commit"] == f"{clean}-dirty"

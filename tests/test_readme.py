"""The README's commands and its Python run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polycypher import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ polycypher ")
    and "://" not in line
    and "corpus.jsonl" not in line
    and "add-language" not in line  # needs a corpus; tests/study/test_extend.py runs it
    and "bench" not in line  # a minute; tests/benchmark/ runs it
    and "study run" not in line  # hours, or minutes with --tiny; tests/study/ runs it
    and "study transfer" not in line  # the same
]


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data folder of these tests' own: the README names graphs that other tests make too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYCYPHER_HOME", str(tmp_path_factory.mktemp("readme-home")))
        yield


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_runs(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "films.cypher").write_text("CREATE (:Film {title: 'Yol'})", encoding="utf-8")
    (tmp_path / "products.csv").write_text("productID,productName\n1,Chai\n", encoding="utf-8")
    (tmp_path / "suppliers.csv").write_text("supplierID,companyName\n9,Exotic\n", encoding="utf-8")
    (tmp_path / "supplies.csv").write_text("supplierID,productID\n9,1\n", encoding="utf-8")
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    try:
        cli.main()
    except SystemExit as stop:
        assert not stop.code  # noqa: PT017 - the exit code is what is tested


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "Unforgiven" in capsys.readouterr().out

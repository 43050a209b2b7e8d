"""Two processes take the steps of one: the same loss, the same weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_loop import SETTINGS, XX, some_rows

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.folder import read_log
from polycypher.adapters.train.loop import train_adapter
from tiny_models import tiny_llama

TESTS = Path(__file__).parents[2]
CASES = {
    "2-1-12": "each process one pass",
    "3-1-12": "an odd number of packs: one process has a pack less, an empty pass",
    "1-1-9": "one pack a step: a process has nothing of its own",
    "5-2-15": "passes of two packs, the last of one",
}
"""Packs a step, packs at once and rows → what is special about it."""
EVERY_CASE = """
import sys
from pathlib import Path
from test_distributed import CASES, train
for case in CASES:
    train(case, Path(sys.argv[1]) / case)
"""


def train(case: str, folder: Path) -> LoraAdapter:
    """Train the rows of `test_loop`, in as many processes as there are."""
    packs, at_once, rows = map(int, case.split("-"))
    settings = SETTINGS.model_copy(update={"packs_a_step": packs, "packs_at_once": at_once})
    return train_adapter(tiny_llama(), some_rows(rows), settings, folder, identity=XX)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of every case, trained by two processes."""
    folder = tmp_path_factory.mktemp("two")
    script = folder / "script.py"
    script.write_text(EVERY_CASE, encoding="utf-8")
    paths = [TESTS.parent / "src", TESTS, Path(__file__).parent]
    own = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(script), str(folder)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_as_one(shared: Path, tmp_path: Path, case: str) -> None:
    one, two = train(case, tmp_path), LoraAdapter.load(shared / case)
    assert one.record["run"] == two.record["run"]
    logs = [read_log(tmp_path), read_log(shared / case)]
    assert [line["step"] for line in logs[0]] == [line["step"] for line in logs[1]]
    for alone, together in zip(*logs, strict=True):
        assert alone["loss"] == pytest.approx(together["loss"], abs=1e-4)
    assert any(bool(b.abs().max() > 1e-3) for _, b in one.factors.values())  # something was learnt
    for name, factors in one.factors.items():
        for alone, together in zip(factors, two.factors[name], strict=True):
            torch.testing.assert_close(alone, together, atol=1e-4, rtol=0.0)

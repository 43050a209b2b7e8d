"""The bench runs whole on a tiny random model; it asserts what was run, never how long it took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from polycypher.benchmark import peft_ways
from polycypher.benchmark.models import bundle_parts, decoder_of, random_parts
from polycypher.benchmark.ours import ALONE
from polycypher.benchmark.report import markdown, plot, tables
from polycypher.benchmark.run import LANGUAGES, Plan, run_bench
from polycypher.benchmark.workloads import prompts
from polycypher.errors import UsageError
from polycypher.fusion.modes import Mode

TINY = Plan(
    random_weights="llama-tiny",
    counts=(2, 4),
    lengths=(32, 48),
    tokens=4,
    rounds=2,
    batch=5,
    repeated=3,
)
OURS = {f"ours, {mode.value}" for mode in Mode} | {ALONE}

pytestmark = pytest.mark.filterwarnings("ignore:Unexpected keyword arguments:UserWarning")


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return run_bench(TINY)


def rows_of(result: dict[str, Any], workload: str, adapters: int, prompt: int) -> set[str]:
    return {
        row["contender"]
        for row in result["rows"]
        if (row["workload"], row["adapters"], row["prompt"]) == (workload, adapters, prompt)
    }


def test_every_contender_is_in_every_workload(result: dict[str, Any]) -> None:
    plain = {peft_ways.BASE, peft_ways.ONE}
    fused = {peft_ways.LOOP, peft_ways.MERGED, peft_ways.SEQUENTIAL, peft_ways.MIXED}
    assert rows_of(result, "one question", 2, 32) == plain | fused | OURS | {peft_ways.XLORA}
    for adapters, prompt in ((2, 48), (4, 32)):
        assert rows_of(result, "one question", adapters, prompt) == plain | fused | OURS
    assert not rows_of(result, "one question", 4, 48)
    assert rows_of(result, "batch of 5", 2, 32) == plain | OURS | {LANGUAGES}


def test_the_ratios_are_those_of_one_question_to_plain_peft(result: dict[str, Any]) -> None:
    assert set(result["ratios"]) == {mode.value for mode in Mode}
    for row in result["rows"]:
        low, high = sorted(row["ratio"])[::2]
        assert 0 < low <= row["ratio"][0] <= high
        if row["contender"] == peft_ways.ONE:
            assert row["ratio"] == [1.0, 1.0, 1.0]
    assert [one["prompt"] for one in result["repeated_schema"]] == [32, 48]


def test_the_floor_is_the_weights_over_the_bandwidth(result: dict[str, Any]) -> None:
    parts = random_parts("llama-tiny", 1, device="cpu")
    embedding = parts.base.get_input_embeddings().weight
    assert parts.weight_bytes == 4 * (parts.base.num_parameters() - embedding.numel())
    expected = result["weight_mb"] / result["bandwidth_gb_s"]
    assert result["floor_token_ms"] == pytest.approx(expected, rel=0.2, abs=0.001)


def test_the_report(result: dict[str, Any], tmp_path: Path) -> None:
    json.dumps(result)
    page = markdown(result, "polycypher bench", "abc1234")
    for name in (*OURS, peft_ways.SEQUENTIAL, "abc1234", "Batch of 5", "Questions on one schema"):
        assert name in page
    assert sum(table.row_count for table in tables(result)) == len(result["rows"])
    plot(result, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["bench.png"]


def test_quick_runs_one_workload_with_the_shipped_model() -> None:
    plan = Plan(rounds=1).quickened()
    assert (plan.counts, plan.lengths) == ((3,), (256,))
    assert plan.model == "nano"


def test_a_trained_gates_preference_is_stood_for() -> None:
    """The bench's gate is sharp, as the shipped one is: `pruned` runs one row."""
    parts = random_parts("llama-tiny", 8, device="cpu")
    decoder = decoder_of(parts)
    (prompt,) = prompts(1, 32, 512)
    for mode, rows in ((Mode.PRUNED, 1), (Mode.EARLY, 1), (Mode.LOGITS, 8)):
        decoded = decoder.decode(prompt, mode=mode, most=3)
        assert decoded.rows == rows
        assert len(decoded.ids) == 3


def test_more_adapters_than_the_bundle_has() -> None:
    parts = bundle_parts("nano", 5)
    assert [adapter.language for adapter in parts.adapters] == ["en", "es", "tr", "x3", "x4"]
    ours, random = parts.adapters[0], parts.adapters[4]
    assert set(ours.factors) == set(random.factors)
    assert ours.rank == random.rank


def test_what_cannot_be_run() -> None:
    with pytest.raises(UsageError, match="no sizes are named 'gpt'"):
        run_bench(Plan(random_weights="gpt"))
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no cuda"):
            run_bench(Plan(device="cuda"))

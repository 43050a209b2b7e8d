"""The plan of a study: the paper's counts, without loading a weight."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_study import recipe_of

from polycypher.errors import AdapterError, RecipeError
from polycypher.study.plan import StudyPlan, plan_study, plan_table
from polycypher.study.recipe import StudyRecipe

RECIPES = Path(__file__).parents[2] / "recipes"
SIZES = {
    "vocab_size": 100,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
}


@pytest.fixture(scope="module")
def paper() -> StudyPlan:
    return plan_study(StudyRecipe.from_file(RECIPES / "llama-3.1-8b.yaml"))


def test_an_adapter_of_the_paper_has_its_parameters(paper: StudyPlan) -> None:
    assert {run.parameters for run in paper.runs} == {6_815_744}
    assert paper.base_parameters == 8_030_261_248


def test_samples_and_steps_are_the_papers(paper: StudyPlan) -> None:
    assert {run.name: run.samples for run in paper.runs} == {
        "en": 12_050,
        "es": 12_050,
        "tr": 12_050,
        "joint": 36_150,
        "en-only": 20_400,
    }
    # Batches of 2, 4 accumulated, one epoch; the last step is a short one.
    assert {run.name: run.steps for run in paper.runs}["joint"] == 4_519
    assert paper.gate_samples == 7_500
    assert paper.gate_share == pytest.approx(0.2075, abs=5e-5)


def test_memory_and_disk_hold_the_weights(paper: StudyPlan) -> None:
    assert 16e9 < paper.memory < 80e9  # one large accelerator
    assert 16e9 < paper.disk < 17e9


def test_the_table_says_it_all(paper: StudyPlan) -> None:
    table = plan_table(paper)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["joint"] == ("36,150", "1", "4,519", "6,815,744")
    assert rows["gate mlp"][0] == "7,500"
    assert "8,030,261,248 parameters" in table.note
    assert "20.7%" in table.note
    assert paper.to_dict()["runs"][0]["name"] == "en"


def test_nano_is_planned_from_its_own_recipe() -> None:
    plan = plan_study(StudyRecipe.from_file(RECIPES / "nano.yaml"))
    assert {run.parameters for run in plan.runs} == {81_920}
    assert plan.base_parameters < 6_000_000
    assert [run.name for run in plan.runs][-1] == "de"
    assert plan.gate_share <= 0.21
    assert any("lower bound" in note for note in plan.notes)


def test_counts_by_hand(tmp_path: Path) -> None:
    adapters = {"rank": 2, "epochs": 3, "rows_a_pack": 1, "packs_a_step": 4, "targets": ["q_proj", "k_proj"]}
    recipe = recipe_of(tmp_path, base={"model": "a/b", "architecture": SIZES}, adapters=adapters)
    plan = plan_study(recipe)
    assert {run.name: run.samples for run in plan.runs} == {"en": 4, "es": 4, "joint": 8, "en-only": 5}
    assert {run.name: run.steps for run in plan.runs} == {"en": 3, "es": 3, "joint": 6, "en-only": 6}
    # A [2, 16] and B [16, 2] for q, B [8, 2] for k, in three layers.
    assert plan.runs[0].parameters == 3 * (2 * 16 + 16 * 2 + 2 * 16 + 8 * 2)
    assert plan.gate_share == 4 / 8


def test_a_base_of_unknown_sizes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"add `base\.architecture`"):
        plan_study(recipe_of(tmp_path))


def test_modules_that_the_base_lacks_are_refused(tmp_path: Path) -> None:
    recipe = recipe_of(
        tmp_path, base={"model": "a/b", "architecture": SIZES}, adapters={"targets": ["c_attn"]}
    )
    with pytest.raises(AdapterError, match="c_attn"):
        plan_study(recipe)

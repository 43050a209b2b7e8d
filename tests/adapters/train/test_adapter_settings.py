"""Settings of adapters: what they refuse, and that plain LoRA runs keep their keys."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from polycypher.adapters.train.folder import Identity, run_key
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import IA3_TARGETS, AdapterSettings

ROWS = [TrainingRow((5, 6), (7,), (8, 1))]
XX = Identity("xx", base="tiny", base_fingerprint="f", prompt_hash="p")


def test_plain_runs_keep_the_keys_that_finished_folders_hold() -> None:
    """The digits are those that trained folders were written with, before there were other kinds."""
    assert run_key(ROWS, AdapterSettings(), 0, XX) == "108fdb47bf357eb8"
    settings = AdapterSettings(rank=4, targets=("q_proj",), epochs=3)
    assert run_key(ROWS, settings, 7, XX) == "09bee729d9947241"
    assert run_key(ROWS, AdapterSettings(checkpoint_seconds=1), 0, XX) == "108fdb47bf357eb8"


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "rslora"},
        {"kind": "ia3"},
        {"kind": "prefix"},
        {"initialisation": "eva"},
        {"initialisation": "eva", "initialisation_rows": 8},
        {"loraplus_ratio": 16},
        {"four_bit": True},
    ],
)
def test_every_other_run_has_a_key_of_its_own(told: dict[str, Any]) -> None:
    assert run_key(ROWS, AdapterSettings(**told), 0, XX) != run_key(ROWS, AdapterSettings(), 0, XX)


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        ({"kind": "ia3", "rank": 4}, ["`rank`", "`kind: ia3`"]),
        ({"kind": "ia3", "loraplus_ratio": 16}, ["`loraplus_ratio`", "`kind: ia3`"]),
        ({"kind": "ia3", "initialisation": "eva"}, ["`initialisation: eva`", "`kind: ia3`"]),
        ({"kind": "prefix", "targets": ["q_proj"]}, ["`targets`", "`kind: prefix`"]),
        ({"kind": "prefix", "dropout": 0.1}, ["`dropout`", "`kind: prefix`"]),
        ({"kind": "prefix", "initialisation": "pissa"}, ["`initialisation: pissa`", "`kind: prefix`"]),
        ({"kind": "dora", "initialisation": "pissa"}, ["`initialisation: pissa`", "`kind: dora`"]),
        ({"kind": "dora", "initialisation": "olora"}, ["`initialisation: olora`", "`kind: dora`"]),
        ({"initialisation": "corda", "four_bit": True}, ["`initialisation: corda`", "`four_bit`"]),
        ({"kind": "ia3", "four_bit": True}, ["`kind: ia3`", "`four_bit`"]),
        ({"initialisation": "zero"}, ["`initialisation: zero`", "`kind: prefix`"]),
        ({"initialisation": "orthogonal", "rank": 3}, ["`initialisation: orthogonal`", "`rank`"]),
        ({"prefix_tokens": 4}, ["`prefix_tokens`", "`kind: lora`"]),
        ({"feedforward": ["up_proj"]}, ["`feedforward`", "`kind: lora`"]),
        ({"initialisation": "pisa"}, ["initialisation"]),
        ({"loraplus_ratio": 0.5}, ["loraplus_ratio"]),
        ({"kind": "lora2"}, ["kind"]),
    ],
)
def test_keys_that_contradict_one_another_are_named(told: dict[str, Any], keys: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        AdapterSettings(**told)
    assert all(key in str(caught.value) for key in keys)


def test_ia3_has_targets_of_its_own() -> None:
    assert AdapterSettings(kind="ia3").targets == IA3_TARGETS
    assert AdapterSettings(kind="ia3", targets=("v_proj",)).targets == ("v_proj",)
    assert AdapterSettings().targets == ("q_proj", "k_proj", "v_proj", "o_proj")


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "ia3", "prefix"])
def test_settings_survive_json(kind: str) -> None:
    settings = AdapterSettings.model_validate({"kind": kind})
    assert AdapterSettings.model_validate_json(settings.model_dump_json()) == settings

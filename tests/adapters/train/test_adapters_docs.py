"""docs/adapters.md says how to ask for every kind and initialisation, and what it says is accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from polycypher.adapters.train.settings import AdapterSettings, Kind

PAGE = (Path(__file__).parents[3] / "docs" / "adapters.md").read_text(encoding="utf-8")
CELLS = [line.strip("| \n").split("|")[-1] for line in PAGE.splitlines() if line.startswith("|")]
TOLD = [told for cell in CELLS for told in re.findall(r"`([a-z_]+: [^`]+)`", cell)]


@pytest.mark.parametrize("told", TOLD)
def test_what_a_table_tells_is_accepted(told: str) -> None:
    found = yaml.safe_load(told)
    if told == "initialisation: zero":
        found["kind"] = "prefix"
    AdapterSettings(**found)


def test_every_kind_and_initialisation_is_told() -> None:
    assert {f"kind: {kind}" for kind in get_args(Kind)} <= {*TOLD}
    pattern = str(AdapterSettings.model_json_schema()["properties"]["initialisation"]["pattern"])
    names = re.sub(r"\(_niter.*?\)\?", "", pattern).strip("^$()").split("|")
    assert {f"initialisation: {name}" for name in names} <= {*TOLD}


@pytest.mark.parametrize("told", re.findall(r"^adapters: .*$", PAGE, re.MULTILINE))
def test_the_examples_are_accepted(told: str) -> None:
    AdapterSettings(**yaml.safe_load(told)["adapters"])

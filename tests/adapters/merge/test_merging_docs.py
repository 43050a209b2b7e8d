"""docs/merging.md names every method with its paper and the file it is in."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from polycypher.adapters.merge import MERGES, TRANSFERS
from polycypher.adapters.merge.sparse import SparseMerge

ROOT = Path(__file__).parents[3]
TABLE = (ROOT / "docs" / "merging.md").read_text(encoding="utf-8").partition("|---|---|---|---|---|\n")[2]
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in TABLE.partition("\n\n")[0].splitlines()
    if (cells := [cell.strip() for cell in line.strip().strip("|").split("|")])
}
METHODS = {**MERGES, **TRANSFERS}


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_its_row(name: str) -> None:
    formula, paper, file, _ = ROWS[name]
    assert formula
    assert paper == METHODS[name].paper
    function = METHODS[name].function
    source = inspect.getsourcefile(type(function) if isinstance(function, SparseMerge) else function)
    assert file == f"`{Path(str(source)).name}`"


def test_no_row_is_of_a_method_that_is_not_there() -> None:
    assert {name for name in ROWS if re.fullmatch(r"[a-z0-9-]+", name)} - {"lorahub"} == set(METHODS)


def test_the_files_are_there() -> None:
    for _, _, file, _ in ROWS.values():
        assert (ROOT / "src/polycypher/adapters/merge" / file.strip("`")).is_file()

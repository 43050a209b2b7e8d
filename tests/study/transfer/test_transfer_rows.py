"""The table's rows: every way that there is to combine adapters has one, and no row is without a maker."""

from __future__ import annotations

import pytest

from polycypher.adapters.merge import MERGES, TRANSFERS
from polycypher.flare.experiment import METHODS
from polycypher.fusion.routers.registry import ROUTERS
from polycypher.study.transfer.merging import LEARNED, MERGED
from polycypher.study.transfer.rows import ROWS, Family


def test_every_router_and_every_transfer_method_is_a_row() -> None:
    routers = [name for name, row in ROWS.items() if row.family is Family.ROUTER]
    assert routers == list(ROUTERS)
    assert set(METHODS) == {name for name, row in ROWS.items() if row.family is Family.CROSS_LINGUAL}


def test_every_merge_row_is_a_merge() -> None:
    merges = [name for name, row in ROWS.items() if row.family is Family.MERGE]
    assert merges == [*MERGED, *LEARNED]
    assert set(MERGED.values()) <= MERGES.keys()


def test_every_published_rule_of_adamergex_is_a_row() -> None:
    rows = {name for name, row in ROWS.items() if row.family is Family.REFERENCE}
    ours = {"adamergex-prefix-interpolated"}  # this project's variant, without a row
    assert rows - {"ia3-source", "prefix-source"} == TRANSFERS.keys() - ours


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_it_is(name: str) -> None:
    row = ROWS[name]
    assert row.name == name
    assert row.what
    assert row.paper

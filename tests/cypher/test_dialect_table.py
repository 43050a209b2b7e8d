"""The table of dialects in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from polycypher.cypher.dialect import OTHER, constructs, dialect, dialect_names
from polycypher.cypher.dialect_table import BEGIN, END, table, with_table

PAGE = Path(__file__).parents[2] / "docs" / "graphs.md"


def test_the_page_holds_the_table_that_the_data_makes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, f"run: python -m polycypher.cypher.dialect_table {PAGE.name}"


def test_each_construct_has_a_row_and_each_vendor_a_column_and_a_source() -> None:
    head, _, *rest = table().splitlines()
    vendors = [dialect(name) for name in dialect_names() if name != OTHER]
    assert head == "| in a query | " + " | ".join(vendor.title for vendor in vendors) + " |"
    rows = rest[: len(constructs())]
    assert all(row.replace("\\|", "").count("|") == len(vendors) + 2 for row in rows)
    assert [line.split(" (")[0] for line in rest[-len(vendors) :]] == [f"- {v.title}" for v in vendors]


def test_a_cell_says_what_becomes_of_the_construct() -> None:
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in table().splitlines()}
    assert [cell.strip(" |") for cell in rows["reduce()"]] == ["yes", "yes", "yes", "yes", "no"]
    assert rows["`COUNT { … }`"][1] == "3.13, before rewritten"


def test_a_page_without_its_place_is_refused() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        with_table(f"{BEGIN}\nno end")
    assert with_table(f"a\n{BEGIN}\nold\n{END}\nb\n") == f"a\n{BEGIN}\n{table()}\n{END}\nb\n"

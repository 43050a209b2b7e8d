"""Several values after one option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.cli.spread import spread


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("load --nodes A=a B=b", "load --nodes A=a --nodes B=b"),
        ("load --nodes=A=a B=b", "load --nodes=A=a --nodes B=b"),
        ("load --nodes A=a --nodes B=b C=c", "load --nodes A=a --nodes B=b --nodes C=c"),
        (
            "load --nodes A=a B=b --relationships R=r S=s --type A.x=float",
            "load --nodes A=a --nodes B=b --relationships R=r --relationships S=s --type A.x=float",
        ),
        ("load script.cypher --graph films", "load script.cypher --graph films"),
        ("load --nodes A=a B=b --graph films", "load --nodes A=a --nodes B=b --graph films"),
        ("load --nodes A=a --keep-keys B=b", "load --nodes A=a --keep-keys B=b"),
        ("ask --nodes A=a B=b", "ask --nodes A=a B=b"),
        ("", ""),
    ],
)
def test_each_value_gets_its_option(words: str, written: str) -> None:
    assert spread(words.split()) == written.split()


@given(st.lists(st.sampled_from(["--nodes", "--type", "--graph", "--replace", "A=a", "B=b"])))
def test_words_are_only_added(words: list[str]) -> None:
    written = iter(spread(["load", *words]))
    assert all(word in written for word in ["load", *words])

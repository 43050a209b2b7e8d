"""Whose Cypher is which, and what it has: the data, detection, and what a grammar must not write."""

from __future__ import annotations

import pytest

from polycypher.cypher.dialect import (
    OTHER,
    construct_of_function,
    constructs,
    detect,
    dialect,
    dialect_names,
    lacking,
    numbers,
)
from polycypher.cypher.dialect_edits import ADDED
from polycypher.cypher.dialect_rules import RULES
from polycypher.cypher.dialect_text import Text
from polycypher.cypher.dialect_uses import uses
from polycypher.cypher.guard import check
from polycypher.cypher.words import FUNCTIONS, WRITING
from polycypher.errors import UsageError

NAMES = [name for name in dialect_names() if name != OTHER]


@pytest.mark.parametrize(
    ("agent", "name", "version"),
    [
        ("Neo4j/5.26.0", "neo4j", (5, 26, 0)),
        ("Neo4j/5.27-aura", "neo4j", (5, 27)),
        ("Neo4j/2025.11.2", "neo4j", (2025, 11, 2)),
        ("Neo4j/4.4.40", OTHER, ()),
        ("Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)", "arcadedb", (26, 10, 2)),
        ("Neo4j/v5.11.0 compatible graph database server - Memgraph", "memgraph", ()),
        ("Neptune/1.4.5.1", "neptune", ()),
        ("SomethingElse/1.0", OTHER, ()),
        ("", OTHER, ()),
    ],
)
def test_a_server_is_known_by_what_it_calls_itself(agent: str, name: str, version: tuple[int, ...]) -> None:
    found = detect(agent)
    assert (found.name, found.version) == (name, version)


def test_a_server_that_names_nobody_is_known_by_its_host() -> None:
    host = "db.cluster-abc123.eu-west-1.neptune.amazonaws.com"
    assert detect("Neo4j/4.0", host=host).name == "neptune"
    assert detect("", host=f"{host}.cn").name == "neptune"
    assert detect("", host=f"{host}.example.org").name == OTHER


def test_components_tell_where_the_agent_does_not() -> None:
    assert detect("My proxy", components=[("Neo4j Kernel", "5.20.0")]).version == (5, 20, 0)
    assert detect("My proxy", components=[("Other Kernel", "1.0")]).name == OTHER


def test_of_an_unknown_server_nothing_is_said_to_be_lacking() -> None:
    assert lacking(dialect(OTHER)) == frozenset()
    assert not dialect(OTHER).lacks


def test_an_unknown_dialect_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no dialect 'kuzu'; known are: neo4j, memgraph"):
        dialect("kuzu")


def test_a_version_that_is_not_told_has_what_all_versions_have() -> None:
    assert dialect("memgraph").without("count_subquery") is not None
    assert dialect("memgraph", (3, 12)).without("count_subquery") is not None
    assert dialect("memgraph", (3, 13)).without("count_subquery") is None
    assert dialect("neo4j", (5, 5)).without("collect_subquery") is not None
    assert dialect("neo4j", (2025, 6)).without("collect_subquery") is None


def test_what_can_be_said_otherwise_is_not_lacking() -> None:
    memgraph = lacking(dialect("memgraph", (3, 12)))
    assert {"percentiles", "deviations", "truncation"} <= memgraph
    assert not memgraph & {"count_subquery", "shortest_path", "list_comprehension"}
    assert {"reduce", "regex", "shortest_path", "point"} <= lacking(dialect("neptune"))
    assert lacking(dialect("arcadedb")) == {"path_selector"}


@pytest.mark.parametrize("name", NAMES)
def test_the_data_names_only_what_there_is(name: str) -> None:
    entry = dialect(name)
    assert entry.source
    assert entry.checked
    for construct, lack in entry.lacks.items():
        assert construct in constructs(), construct
        assert lack.rule is None or lack.rule in RULES, lack.rule


@pytest.mark.parametrize("name", NAMES)
def test_what_a_rule_writes_the_dialect_has(name: str) -> None:
    written = {
        "comprehension": "pattern_comprehension",
        "exists_comprehension": "pattern_comprehension",
        "counted": "list_comprehension",
        "importing_with": "call_subquery",
    }
    entry = dialect(name)
    for lack in entry.lacks.values():
        assert lack.rule not in written or entry.without(written[lack.rule]) is None


def test_every_example_holds_its_construct_and_passes_the_guard() -> None:
    for construct in constructs().values():
        found = {use.construct for use in uses(Text(check(construct.example)))}
        assert construct.name in found, construct.name


def test_groups_of_functions_are_functions_of_the_language_and_their_examples_hold_all() -> None:
    known = {name.lower() for name in FUNCTIONS}
    for construct in constructs().values():
        assert construct.functions <= known
        if len(construct.functions) < 6:
            assert all(name in construct.example.lower() for name in construct.functions), construct.name


def test_a_function_belongs_to_one_construct_whatever_its_case() -> None:
    assert construct_of_function("ELEMENTID") == "element_id"
    assert construct_of_function("toLower") is None
    groups = [name for construct in constructs().values() for name in construct.functions]
    assert len(groups) == len(set(groups))


def test_no_word_that_a_rule_adds_writes() -> None:
    assert not {word.upper() for word in ADDED} & WRITING


@pytest.mark.parametrize(
    ("text", "version"), [("v5.26.0-aura", (5, 26, 0)), ("2025.11", (2025, 11)), ("none", ())]
)
def test_versions_are_read_from_text(text: str, version: tuple[int, ...]) -> None:
    assert numbers(text) == version

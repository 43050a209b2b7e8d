"""A relationship of which one end is asked for."""

from __future__ import annotations

from random import Random

import pytest

from polycypher.schema import GraphSchema, Pattern
from polycypher.synthesis import Lexicon, domain_world
from polycypher.synthesis.kinds.hops import Hop, about_a_hop, maybe_condition, named_hop
from polycypher.synthesis.kinds.scene import Draft, Scene
from polycypher.synthesis.plan import Plan
from polycypher.synthesis.values import FictionalValues

DIRECTED = Pattern("Person", "DIRECTED", "Movie")


def scene(seed: int = 0) -> Scene:
    return Scene(*domain_world("movies"), Random(seed))


@pytest.mark.parametrize(
    ("start_asked", "asked", "other", "role", "role_of_many", "slot"),
    [
        (True, "Person", "Movie", "start", "start", "o"),
        (False, "Movie", "Person", "end", "end_many", "s"),
    ],
)
def test_the_two_ends(
    start_asked: bool, asked: str, other: str, role: str, role_of_many: str, slot: str
) -> None:
    hop = Hop(DIRECTED, start_asked)
    assert (hop.asked, hop.other) == (asked, other)
    assert (hop.role, hop.role_of_many, hop.slot) == (role, role_of_many, slot)
    text = hop.text(f"(a:{asked})", f"(b:{other})", "r", " {since: 1}")
    ends = ("(a:Person)", "(b:Movie)") if start_asked else ("(b:Person)", "(a:Movie)")
    assert text == f"{ends[0]}-[r:DIRECTED {{since: 1}}]->{ends[1]}"


def test_a_kind_about_a_hop_is_given_one() -> None:
    seen: list[Hop] = []

    @about_a_hop
    def kind(scene: Scene, hop: Hop) -> Plan | None:
        """A kind."""
        seen.append(hop)
        return None

    drawn = scene()
    for _ in range(50):
        kind(drawn)
    assert {hop.pattern for hop in seen} == set(drawn.patterns)
    assert {hop.start_asked for hop in seen} == {True, False}
    assert (kind.__name__, kind.__doc__) == ("kind", "A kind.")


def test_without_relationships_there_is_no_hop() -> None:
    schema = GraphSchema({"Movie": {"title": "STRING"}})
    lonely = Scene(schema, Lexicon.from_dict({}, schema), FictionalValues(schema, {}), Random(0))

    @about_a_hop
    def kind(scene: Scene, hop: Hop) -> Plan | None:
        raise AssertionError("there is no pattern to draw")

    assert kind(lonely) is None


@pytest.mark.parametrize("start_asked", [True, False])
def test_the_other_end_is_named(start_asked: bool) -> None:
    drawn = scene()
    hop = Hop(next(p for p in drawn.patterns if p.type == "DIRECTED"), start_asked)
    named = named_hop(drawn, hop)
    assert named is not None
    assert named.near.label == hop.other
    assert named.near.inline == {drawn.main(hop.other): named.value}
    assert named.far.label == hop.asked
    assert named.far.inline == {}


def test_a_condition_comes_with_its_probability_and_spares_the_main_property() -> None:
    drawn = scene()
    draft = Draft()
    assert maybe_condition(drawn, 0.0, draft.node("Movie"), draft.where) == ()
    main = drawn.main("Movie")
    for _ in range(100):
        node = draft.node("Movie")
        maybe_condition(drawn, 1.0, node, draft.where)
        assert main not in node.inline
    assert draft.where
    assert not any(f".{main} " in condition for condition in draft.where)

"""The notation of the phrase files."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import UsageError
from polycypher.synthesis.template import Template


class Stub:
    """A word that tells which feature it was asked for."""

    def __init__(self, gender: int = 0, person: bool = False) -> None:
        self.gender = gender
        self.person = person

    def form(self, feature: str) -> str:
        return f"«{feature}»"


def render(source: str, feature: str = "", **words: Stub) -> str:
    return Template(source).render(words, Random(0), feature)


def test_slots_ask_for_their_feature() -> None:
    assert render("{a} {a:pl} {a:sg.acc}", a=Stub()) == "«» «pl» «sg.acc»"


def test_a_star_hands_on_the_outer_feature() -> None:
    assert render("{a:sg.*}", "gen", a=Stub()) == "«sg.gen»"
    assert render("{a:*}", "", a=Stub()) == "«»"


@pytest.mark.parametrize(("gender", "text"), [(0, "el"), (1, "la")])
def test_agreement_by_gender(gender: int, text: str) -> None:
    assert render("<el|la>", np=Stub(gender)) == text
    assert render("<P:el|la>", P=Stub(gender), np=Stub()) == text


@pytest.mark.parametrize(("person", "text"), [(False, "that"), (True, "who")])
def test_agreement_by_person(person: bool, text: str) -> None:
    assert render("<@that|who>", np=Stub(person=person)) == text
    assert render("<@F:that|who>", F=Stub(person=person)) == text


@given(st.integers())
def test_alternatives_are_chosen_from_those_written(seed: int) -> None:
    text = Template("[a|b[c|]|]!").render({}, Random(seed))
    assert text in ("a!", "b!", "bc!", "!")


def test_alternatives_nest_in_agreement() -> None:
    assert render("<@que|a <los|las> que>", np=Stub(1, True)) == "a las que"


@pytest.mark.parametrize(
    ("feature", "text"), [("", "der"), ("acc", "den"), ("sg.dat", "dem"), ("gen", "der"), ("acc.pl", "der")]
)
def test_alternatives_by_the_feature_asked_for(feature: str, text: str) -> None:
    assert render("<*der|acc:den|dat:dem>", feature) == text


def test_alternatives_by_feature_nest_and_need_no_plain_one() -> None:
    article = "<*<der|die>|dat:<dem|der>> {a:sg.*}"
    assert render(article, "dat", np=Stub(1), a=Stub()) == "der «sg.dat»"
    assert render("<*{a}|gen:of {a}>", "gen", a=Stub()) == "of «»"


def test_slots_are_listed() -> None:
    assert Template("{a} [{b:pl}|<c:x|y>]").slots == {"a", "b"}


@pytest.mark.parametrize("source", ["{a", "[a|b", "<a|b", "a]", "a}"])
def test_what_is_not_closed_is_named(source: str) -> None:
    with pytest.raises(UsageError, match="template"):
        Template(source)

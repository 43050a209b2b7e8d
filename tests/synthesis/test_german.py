"""German: three genders, cases, contractions, and clauses with their commas at the end of the sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

import pytest

from polycypher.schema import Pattern
from polycypher.synthesis import domain_world, domain_worlds, random_world, synthesise
from polycypher.synthesis.kinds import KINDS
from polycypher.synthesis.kinds.scene import Scene
from polycypher.synthesis.language import load_language
from polycypher.synthesis.plan import (
    MentionSlot,
    Modifier,
    NounPhrase,
    PairSlot,
    Plan,
    PropertySlot,
    QuantitySlot,
    Slot,
    ValueSlot,
)
from polycypher.synthesis.realise import Realiser, mend

GERMAN = load_language("de")
SCHEMA, LEXICON, _ = domain_world("movies")
ACTED = Pattern("Person", "ACTED_IN", "Movie")
DIRECTED = Pattern("Person", "DIRECTED", "Movie")
FOLLOWS = Pattern("Person", "FOLLOWS", "Person")
RECENT = Modifier("gt", {"P": PropertySlot("Movie", "released"), "v": ValueSlot(2000)})


def noun(concept: str, feature: str) -> str:
    """A noun of the dictionary as a question has it."""
    return mend(str(GERMAN.nouns[concept][0].form(feature)), GERMAN)


def said(frame: str, slots: Mapping[str, Slot], relation: Pattern | None = None) -> set[str]:
    """Many ways to say one plan."""
    plan = Plan("test", "", frame, slots, relation)
    realiser = Realiser(GERMAN, LEXICON, Random(5))
    return {realiser.question(plan) for _ in range(400)}


@pytest.mark.parametrize(
    ("concept", "feature", "form"),
    [
        ("movie", "sg.gen", "Films"),
        ("movie", "sg.dat", "Film"),
        ("movie", "pl.dat", "Filmen"),
        ("movie", "pl.gen", "Filme"),
        ("house", "sg.gen", "Hauses"),
        ("country", "sg.gen", "Landes"),
        ("book", "pl.dat", "Büchern"),
        ("process", "sg.gen", "Prozesses"),
        ("virus", "sg.gen", "Virus"),
        ("podcast", "sg.gen", "Podcasts"),
        ("hotel", "pl.dat", "Hotels"),
        ("city", "sg.gen", "Stadt"),
        ("city", "pl.dat", "Städten"),
        ("server", "pl.dat", "Servern"),
        # weak nouns
        ("customer", "sg", "Kunde"),
        ("customer", "sg.acc", "Kunden"),
        ("customer", "sg.gen", "Kunden"),
        ("patient", "sg.dat", "Patienten"),
        ("planet", "sg.gen", "Planeten"),
        ("satellite", "sg.acc", "Satelliten"),
        ("neighbor", "sg.dat", "Nachbarn"),
        # as the weak ones end, but neuter
        ("medicine", "sg.acc", "Medikament"),
        ("medicine", "sg.gen", "Medikaments"),
        ("restaurant", "sg.dat", "Restaurant"),
    ],
)
def test_nouns_have_case(concept: str, feature: str, form: str) -> None:
    assert noun(concept, feature) == form


@pytest.mark.parametrize(
    ("concept", "feature", "form"),
    [
        ("name", "sg.acc", "Namen"),
        ("name", "sg.gen", "Namens"),
        ("name", "pl.dat", "Namen"),
        ("price", "sg.gen", "Preises"),
        ("status", "sg.gen", "Status"),
        ("quantity_per_unit", "pl.dat", "Mengen pro Einheit"),
        ("owner_name", "pl.dat", "Besitzern"),
        ("released", "sg.gen", "Erscheinungsjahres"),
    ],
)
def test_properties_have_case(concept: str, feature: str, form: str) -> None:
    assert mend(str(GERMAN.properties[concept][0].form(feature)), GERMAN) == form


@pytest.mark.parametrize("feature", ["sg.acc", "sg.dat", "sg.gen", "pl", "pl.dat", "pl.gen"])
def test_names_of_the_schema_never_change(feature: str) -> None:
    words = [*GERMAN.raw_noun("Client"), *(word.noun for word in GERMAN.raw_property("Status"))]
    for word in words:
        assert re.search(r"(Client|Status)$", mend(str(word.form(feature)), GERMAN)), word


@pytest.mark.parametrize(
    ("concept", "article"), [("movie", "denselben"), ("city", "dieselbe"), ("book", "dasselbe")]
)
def test_words_agree_with_the_gender(concept: str, article: str) -> None:
    template = next(text for text in GERMAN.quantities["same"] if "derselbe" in text.source)
    head = GERMAN.nouns[concept][0]
    text = template.render({"np": head, "E": head}, Random(0), "acc")
    assert text == f"{article} {head.form('sg')}"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("in ~dem Film", "im Film"),
        ("an ~dem Film", "am Film"),
        ("von ~dem Film", "vom Film"),
        ("Zu ~der Stadt", "Zur Stadt"),
        ("bei ~dem Verlag", "beim Verlag"),
        ("in ~das Unternehmen", "ins Unternehmen"),
        ("das Jahr, in dem er erschien", "das Jahr, in dem er erschien"),
        ("Filme ~, die neu sind,~.", "Filme, die neu sind."),
        ("Filme ~, die neu sind,~", "Filme, die neu sind"),
        ("Filme ~, die neu sind,~ und ihr Titel", "Filme, die neu sind, und ihr Titel"),
        ("Filme ~, die neu sind,~ und ~, deren Titel fehlt,~?", "Filme, die neu sind und deren Titel fehlt?"),
        ("Filme~+, die gut sind", "Filme, die gut sind"),
        ("Filme ~, die neu sind,~~+, die gut sind", "Filme, die neu sind und die gut sind"),
        ("Wer besitzt X ~?", "Wer besitzt X?"),
        ("Wer hat X gesehen~?", "Wer hat X gesehen?"),
    ],
)
def test_contractions_and_commas(written: str, text: str) -> None:
    assert mend(written, GERMAN) == text


def test_prepositions_contract_with_the_article_of_a_named_node() -> None:
    texts = said("ask_start", {"np": NounPhrase("Person"), "o": MentionSlot("Movie", "Apollo 13")}, ACTED)
    assert any(re.search(r"\bim Film \S*Apollo 13", text) for text in texts)
    assert any(re.search(r"\bin \S?Apollo 13", text) for text in texts)
    assert not any("in dem" in text for text in texts)


def test_a_named_node_in_the_genitive() -> None:
    texts = said(
        "prop_of_node", {"m": MentionSlot("Movie", "Apollo 13"), "P": PropertySlot("Movie", "tagline")}
    )
    assert any("des Films" in text for text in texts)
    assert any(re.search(r"(Slogan|Werbespruch) von \S?Apollo 13", text) for text in texts)
    assert not any(re.search(r"von (des|der|dem)\b", text) for text in texts)


def test_relative_pronouns_take_the_case_that_the_verb_governs() -> None:
    fan = {"np": NounPhrase("Person"), "s": MentionSlot("Person", "Ada")}
    asked = said("ask_end", fan, FOLLOWS)
    assert any(text.startswith("Wem folgt ") for text in asked)
    assert any(text.startswith("Welchen Personen folgt ") for text in asked)
    phrase = NounPhrase("Person", (Modifier("end", {"s": MentionSlot("Person", "Ada")}, FOLLOWS),))
    assert all(", denen " in text for text in said("list", {"np": phrase}))


def test_a_clause_ends_in_its_verb_and_what_belongs_to_its_noun_follows() -> None:
    films = NounPhrase("Movie", (RECENT,))
    phrase = NounPhrase("Person", (Modifier("start", {"o": films}, ACTED),))
    texts = {text for text in said("list", {"np": phrase}) if "erschienen" in text}
    assert texts
    for text in texts:
        assert re.search(
            r", die in Filmen (mitgespielt haben|mitspielten), die \w+( als)? 2000 erschienen sind[.?]?$",
            text,
        ), text


def test_what_is_no_clause_precedes_the_clauses() -> None:
    tagline = Modifier("null", {"P": PropertySlot("Movie", "tagline")})
    for order in ((RECENT, tagline), (tagline, RECENT)):
        texts = said("list", {"np": NounPhrase("Movie", order)})
        short = {text for text in texts if "ohne" in text and "erschienen" in text}
        assert short
        for text in short:
            assert re.search(r"Filme ohne [\w ]+, die \w+( als)? 2000 ", text), text
            assert " und " not in text


def test_either_and_both_stand_before_their_prepositions() -> None:
    pair = PairSlot(MentionSlot("Person", "Ada"), MentionSlot("Person", "Max"), "and")
    texts = said("list", {"np": NounPhrase("Movie", (Modifier("end_many", {"s": pair}, DIRECTED),))})
    assert all(re.search(r"\bvon(?! sowohl| entweder)\b|\bvom\b", text) for text in texts)
    many = QuantitySlot("Movie", "gt", 2)
    texts = said("list", {"np": NounPhrase("Person", (Modifier("start", {"o": many}, ACTED),))})
    assert all(re.search(r"in mehr als (2|zwei) (verschiedenen )?Filmen", text) for text in texts)


def test_a_quoted_value_keeps_its_small_letter_at_the_head_of_a_question() -> None:
    names = {"np": NounPhrase("Movie"), "s": MentionSlot("Person", "ada lovelace")}
    for text in said("count_end", names, DIRECTED) | said("ask_end", names, DIRECTED):
        assert "ada lovelace" in text


@pytest.mark.parametrize("world", [*domain_worlds(), 1, 2, 3, 4])
def test_every_kind_is_said_in_every_world(world: str | int) -> None:
    schema, lexicon, values = random_world(world) if isinstance(world, int) else domain_world(world)
    rng = Random(7)
    scene, realiser = Scene(schema, lexicon, values, rng), Realiser(GERMAN, lexicon, rng)
    for maker in KINDS:
        plans = [plan for _ in range(25) if (plan := maker(scene)) is not None]
        for plan in plans:
            text = realiser.question(plan)
            assert not re.search(r"[{}\[\]<>|~\x03]|  | [,.?!]|,[.?!,]|,$|, und,", text), text
            assert not re.search(r"\b(in|an|von|bei|zu) dem (Namen|Film|Land)\b(?!,)|\bKundes\b", text), text


def test_nouns_keep_their_capital() -> None:
    words = {word for nouns in GERMAN.nouns.values() for noun in nouns for word in [noun.form("pl")]}
    words |= {word.noun.form("sg") for found in GERMAN.properties.values() for word in found}
    assert all(str(word)[0].isupper() for word in words)


def test_german_changes_no_query() -> None:
    for seed in range(40):
        alone = synthesise(*domain_world("shop"), languages=["en"], count=1, seed=seed)[0]
        beside = synthesise(*domain_world("shop"), languages=["en", "de"], count=1, seed=seed)[0]
        assert beside.cypher == alone.cypher
        assert beside.questions["en"] == alone.questions["en"]
        assert set(beside.questions) == {"en", "de"}

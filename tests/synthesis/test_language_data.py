"""The data files of the languages fit each other: what one can say, all can say."""

from __future__ import annotations

import pytest

from polycypher.errors import CorpusError, UsageError
from polycypher.synthesis.language import load_concepts, load_language, read_data
from polycypher.synthesis.realise import fit_for_how

LANGUAGES = ("en", "es", "tr", "de")
VARIANTS = ("_event", "_most", "_least", "_yes", "_no", "_in_year")
ROLES = {
    f"{question}_{end}"
    for question in ("no", "some", "top", "top1", "each", "their", "ask", "count")
    for end in ("start", "end")
} | {"start", "end", "end_many", "same_start", "prop_rel"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_dictionary_has_every_concept(code: str) -> None:
    concepts, words = load_concepts(), read_data("dictionary", f"{code}.yaml")
    assert set(words["nouns"]) == {c for group in concepts["nouns"].values() for c in group}
    assert set(words["properties"]) == set(concepts["properties"])
    assert set(words["relations"]) == set(concepts["relations"])


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_relation_has_every_role(code: str) -> None:
    language = load_language(code)
    for concept in language.relation_concepts:
        words = language.relation(concept)
        assert words is not None
        assert set(words.roles) >= ROLES, concept
        assert all(words.role(role) for role in words.roles), concept
        assert all(fit_for_how(words.role(role)) for role in ("start", "end")), concept


@pytest.mark.parametrize("code", LANGUAGES)
def test_unknown_relations_have_every_role_but_own_questions(code: str) -> None:
    roles = {role for role in ROLES if not role.startswith(("ask", "count"))}
    assert set(load_language(code).raw_relation("ZORBS").roles) >= roles


@pytest.mark.parametrize("code", LANGUAGES[1:])
@pytest.mark.parametrize("section", ["modifiers", "mentions", "quantities", "pairs"])
def test_sections_have_the_same_keys_as_english(code: str, section: str) -> None:
    english, other = (getattr(load_language(c), section) for c in ("en", code))
    plain = {key for key in english if not key.endswith(VARIANTS)}
    assert plain <= set(other)


@pytest.mark.parametrize("code", LANGUAGES[1:])
def test_frames_are_the_same_but_for_optional_ones(code: str) -> None:
    optional = {"which", "count_which"}
    plain = {key for key in load_language("en").frames if not key.endswith(VARIANTS)} - optional
    assert plain <= set(load_language(code).frames)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_frame_and_condition_has_at_least_four_phrasings(code: str) -> None:
    language = load_language(code)
    few = {
        name: len(templates)
        for section in (language.frames, language.modifiers)
        for name, templates in section.items()
        if len(templates) < 4
        and not name.endswith(VARIANTS)
        and not name.startswith(("which", "count_which"))
    }
    assert not few


def test_a_language_without_files_is_named() -> None:
    with pytest.raises(UsageError, match=r"languages/xx\.yaml"):
        load_language("xx")
    with pytest.raises(CorpusError):
        load_language("../en")

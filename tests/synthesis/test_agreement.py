"""Number and gender by rules: Spanish and English nouns."""

from __future__ import annotations

from random import Random

import pytest

from polycypher.synthesis.language import load_language
from polycypher.synthesis.realise import mend
from polycypher.synthesis.template import Template

SPANISH = load_language("es")
ENGLISH = load_language("en")


@pytest.mark.parametrize(
    ("entry", "plural"),
    [
        ("película f", "películas"),
        ("ciudad f", "ciudades"),
        ("actor m", "actores"),
        ("canción f", "canciones"),
        ("juez/jueces m", "jueces"),
        ("luz f", "luces"),
        ("región f", "regiones"),
        ("club/clubes m", "clubes"),
        ("país/países m", "países"),
        ("año de estreno m", "años de estreno"),
        ("precio unitario m", "precios unitarios"),
        ("base de datos f", "bases de datos"),
        ("sistema operativo m", "sistemas operativos"),
        ("red f", "redes"),
        ("café m", "cafés"),
    ],
)
def test_spanish_plurals(entry: str, plural: str) -> None:
    assert SPANISH.morphology.noun(entry).form("pl") == plural


@pytest.mark.parametrize(
    ("entry", "plural"),
    [
        ("movie", "movies"),
        ("person/people p", "people"),
        ("category", "categories"),
        ("address", "addresses"),
        ("match", "matches"),
        ("year of birth", "years of birth"),
        ("number of votes", "numbers of votes"),
        ("birthday", "birthdays"),
        ("data center", "data centers"),
    ],
)
def test_english_plurals(entry: str, plural: str) -> None:
    assert ENGLISH.morphology.noun(entry).form("pl") == plural


@pytest.mark.parametrize(
    ("entry", "text"),
    [("película f", "todas las películas dirigidas"), ("libro m", "todos los libros dirigidos")],
)
def test_words_agree_with_the_noun(entry: str, text: str) -> None:
    template = Template("tod<o|a>s <los|las> {np:pl} dirigid<o|a>s")
    assert template.render({"np": SPANISH.morphology.noun(entry)}, Random(0)) == text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("el año de ~el libro", "el año del libro"),
        ("el año de ~la obra", "el año de la obra"),
        ("sigue a ~el actor", "sigue al actor"),
        ("dirigida por ~el actor", "dirigida por el actor"),
        ("título ~y idioma", "título e idioma"),
        ("título ~y hijos", "título e hijos"),
        ("título ~y año", "título y año"),
        ("agua ~y hielo", "agua y hielo"),
        ("'uno' ~o 'dos'", "'uno' o 'dos'"),
        ("siete ~o ocho", "siete u ocho"),
        ("de El Cairo", "de El Cairo"),
    ],
)
def test_spanish_contractions(written: str, said: str) -> None:
    assert mend(written, SPANISH) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("with a~ age", "with an age"),
        ("with a~ price", "with a price"),
        ("a~ user", "a user"),
        ("A~ actor", "An actor"),
        ("a~ university", "a university"),
        ("a~ hour", "an hour"),
    ],
)
def test_english_articles(written: str, said: str) -> None:
    assert mend(written, ENGLISH) == said

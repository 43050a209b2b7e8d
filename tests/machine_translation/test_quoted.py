"""Quoted values and identifiers survive any engine."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translation_helpers import Spoken

from polycypher.machine_translation.quoted import QuotedKeeper, hide, reveal


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('Who directed "The Matrix"?', ['"The Matrix"']),
        ("Who said 'It's me' to Clint's dog?", ["'It's me'"]),
        ("don't and won't aren't quoted", []),
        ("¿Quién dijo «hola, mundo»?", ["«hola, mundo»"]),
        ("Wer sagte „Guten Tag“?", ["„Guten Tag“"]),
        ('"Matrix"in yönetmeni kim?', ['"Matrix"']),
        ("List firstName and last_name over ACTED_IN of a MovieTitle", [
            "firstName", "last_name", "ACTED_IN", "MovieTitle",
        ]),
        ("the `odd name` of a USA film", ["`odd name`"]),
    ],
)  # fmt: skip
def test_what_is_kept(text: str, kept: list[str]) -> None:
    hidden, values = hide(text)
    assert list(values.values()) == kept
    assert not any(value in hidden for value in kept)
    assert reveal(hidden, values) == text


def test_a_good_engine_sees_placeholders_only() -> None:
    engine = Spoken(lambda text: " ".join(reversed(text.split())))
    keeper = QuotedKeeper(engine)
    assert keeper.translate(['who directed "The Matrix" in firstName', "plain text"], "en", "de") == [
        'firstName in "The Matrix" directed who', "text plain",
    ]  # fmt: skip
    assert engine.asked == [["who directed ZX0 in ZX1", "plain text"]]
    assert keeper.pieced == 0


@pytest.mark.parametrize("write", ["zx0", "ZX 0", "Zx0"])
def test_an_engine_may_spell_a_placeholder_otherwise(write: str) -> None:
    keeper = QuotedKeeper(Spoken(lambda text: text.replace("ZX0", write)))
    assert keeper.translate(['see "A"'], "en", "de") == ['see "A"']


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: re.sub(r"ZX\d", "", text),
        lambda text: text.replace("ZX0", "ZX0 ZX0"),
        lambda text: text.replace("ZX0", "ZX7"),
        lambda text: f"{text} ZX9" if "ZX" in text else text,
    ],
    ids=["lost", "doubled", "changed", "made up"],
)
def test_a_lost_placeholder_makes_the_text_be_translated_in_pieces(harm: object) -> None:
    engine = Spoken(lambda text: harm(text.upper()))  # type: ignore[operator]
    keeper = QuotedKeeper(engine)
    assert keeper.translate(['who directed "The Matrix", and when?', "plain"], "en", "de") == [
        'WHO DIRECTED "The Matrix", AND WHEN?', "PLAIN",
    ]  # fmt: skip
    assert keeper.pieced == 1
    assert engine.asked[1:] == [["who directed", ", and when?"]]


def test_a_text_that_holds_a_placeholders_stem_gets_another() -> None:
    hidden, kept = hide('the ZX0 of "A"')
    assert hidden == "the ZX0 of QZ0"
    assert reveal(hidden, kept) == 'the ZX0 of "A"'


def test_twelve_values_are_told_apart() -> None:
    text = " ".join(f'"v{number}"' for number in range(12))
    assert QuotedKeeper(Spoken(str)).translate([text], "en", "de") == [text]


@given(
    st.text(alphabet="ab Z\"'«»`_AX0\n", max_size=40),
    st.sampled_from([str, str.lower, str.title, lambda t: ""]),
)
def test_every_kept_value_is_in_the_translation_as_often(text: str, say: object) -> None:
    (said,) = QuotedKeeper(Spoken(say)).translate([text], "en", "de")  # type: ignore[arg-type]
    for value in (values := list(hide(text)[1].values())):
        assert said.count(value) >= values.count(value)


def test_its_name_is_not_the_engines() -> None:
    assert QuotedKeeper(Spoken()).name == "spoken+quoted"

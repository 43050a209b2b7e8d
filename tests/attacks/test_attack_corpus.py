"""The corpus is as large and as varied as it claims, and those who judge it can tell good from bad."""

from __future__ import annotations

import re
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from attack_canary import Canary
from attack_corpus import Attack, Target, queries, questions, sample
from attack_generator import generated
from attack_oracle import findings

EFFECTS = {"writes", "reaches", "costs"}


def renumbered(text: str) -> str:
    """A text in which other numbers and more blanks make nothing new."""
    return re.sub(r"\d+", "0", re.sub(" +", " ", text)).strip(" ")


@pytest.mark.parametrize("attacks", [questions(), queries()], ids=["questions", "queries"])
def test_there_are_three_hundred_of_each_and_no_two_alike(attacks: list[Attack]) -> None:
    assert len(attacks) >= 300
    assert all(attack.kind and attack.note and attack.text for attack in attacks)
    assert len({attack.name for attack in attacks}) == len(attacks)
    alike = [text for text, times in Counter(renumbered(a.text) for a in attacks).items() if times > 1]
    assert not alike


def test_every_query_says_what_it_would_do() -> None:
    assert {attack.effect for attack in queries()} == EFFECTS
    assert {attack.effect for attack in questions()} == {"asks"}
    assert len(queries(Target(), "writes", "reaches")) >= 300


def test_three_languages_are_attacked() -> None:
    kinds = Counter(attack.kind for attack in questions())
    assert all(kinds[f"injection in {name}"] >= 25 for name in ("English", "Spanish", "Turkish"))


def test_placeholders_are_filled() -> None:
    aimed = [*queries(Target("/a/b", "/c/d", 4711)), *questions(Target("/a/b", "/c/d", 4711))]
    assert not any(re.search("@(FILE|INSIDE|URL|PORT)@", attack.text) for attack in aimed)
    assert sum("127.0.0.1:4711" in attack.text for attack in aimed) > 30
    assert sum("/a/b" in attack.text for attack in aimed) > 30


def test_a_sample_is_always_the_same_and_has_some_of_every_kind() -> None:
    chosen = sample(queries(), 60)
    assert chosen == sample(queries(), 60)
    assert {attack.kind for attack in chosen} == {attack.kind for attack in queries()}


def test_what_is_generated_differs_and_is_the_same_each_time() -> None:
    made = generated(300)
    assert made == generated(300)
    assert len({attack.text for attack in made}) == 300


# ---------------------------------------------------------------------- judges


def test_the_oracle_sees_writing_wherever_it_stands() -> None:
    plain = [a for a in queries() if a.kind in ("write clause", "nested write", "quote breakout")]
    crossed = [attack for attack in generated(3000) if attack.kind != "generated: use"]
    unseen = [attack.name for attack in (*plain, *crossed) if not findings(attack.text)]
    assert not unseen


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (m:Create {set: 1})-[:DELETE|SET]->(:`DROP`) WHERE m:Set AND m.remove = 'CREATE (n)' RETURN m",
        "CALL db.labels() YIELD label RETURN label",
        "MATCH (n) RETURN date.truncate('year', n.merge), n {.set, create: 1} ORDER BY n.load",
        "CALL { MATCH (m) RETURN m } RETURN m // DELETE\n",
    ],
)
def test_the_oracle_lets_reading_be(query: str) -> None:
    assert findings(query) == []


def test_the_canary_sings(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    with Canary(outside, inside) as canary:
        assert canary.touches() == []
        text = Path(canary.target.inside).read_text(encoding="utf-8")
        assert canary.sung_in(text)
        (outside / "canary.csv.sh").touch()
        with urllib.request.urlopen(f"http://127.0.0.1:{canary.port}/a", timeout=10) as reply:
            assert canary.sung_in(reply.read().decode())
        told = " ".join(canary.touches())
        assert "canary.csv.sh appeared" in told
        assert "GET /a" in told
        assert "was opened" in told or not Path("/proc/sys/fs/inotify").exists()
    assert not Path(canary.target.inside).exists()
    assert not Path(canary.target.outside).exists()

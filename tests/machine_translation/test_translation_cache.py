"""The cache: no text twice, over processes and damage."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from translation_helpers import Spoken

from polycypher.errors import ModelError
from polycypher.machine_translation.cache import CachedTranslator, cache_path


def test_each_text_is_translated_once(tmp_path: Path) -> None:
    engine = Spoken()
    cached = CachedTranslator(engine, tmp_path / "cache.sqlite")
    assert cached.translate(["a", "b", "a"], "en", "de") == ["A", "B", "A"]
    assert CachedTranslator(engine, tmp_path / "cache.sqlite").translate(["b", "c"], "en", "de") == ["B", "C"]
    assert engine.asked == [["a", "b"], ["c"]]
    assert cached.name == engine.name


def test_engine_and_languages_are_part_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    assert CachedTranslator(Spoken(str.upper), path).translate(["a"], "en", "de") == ["A"]
    assert CachedTranslator(Spoken(str.title, "other"), path).translate(["ab"], "en", "de") == ["Ab"]
    again = Spoken(lambda text: text * 2)
    cached = CachedTranslator(again, path)
    assert cached.translate(["a"], "en", "tr") == ["aa"]
    assert cached.translate(["a"], "es", "de") == ["aa"]
    assert cached.translate(["a"], "en", "de") == ["A"]


@pytest.mark.parametrize("damage", ["not a database", "cut", "garbled"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "cache.sqlite"
    CachedTranslator(Spoken(), path).translate([f"text {number}" for number in range(500)], "en", "de")
    whole = path.read_bytes()
    path.write_bytes({
        "not a database": b"not a database at all" * 400,
        "cut": whole[: len(whole) // 2],
        "garbled": whole[:4096] + b"\xff" * (len(whole) - 4096),
    }[damage])  # fmt: skip
    engine = Spoken()
    assert CachedTranslator(engine, path).translate(["text 1", "x"], "en", "de") == ["TEXT 1", "X"]
    assert CachedTranslator(engine, path).translate(["text 1", "x"], "en", "de") == ["TEXT 1", "X"]
    assert engine.asked == [["text 1", "x"]]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_where_nothing_can_be_written_texts_are_translated_anew(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = Spoken()
    cached = CachedTranslator(engine, tmp_path / "file" / "cache.sqlite")
    assert cached.translate(["a"], "en", "de") == cached.translate(["a"], "en", "de") == ["A"]
    assert engine.asked == [["a"], ["a"]]


def test_what_was_translated_before_a_failure_is_kept(tmp_path: Path) -> None:
    def fail(text: str) -> str:
        if text == "299":
            raise ModelError("gone")
        return text

    texts = [str(number) for number in range(300)]
    with pytest.raises(ModelError, match="gone"):
        CachedTranslator(Spoken(fail), tmp_path / "cache.sqlite").translate(texts, "en", "de")
    engine = Spoken(str)
    assert CachedTranslator(engine, tmp_path / "cache.sqlite").translate(texts, "en", "de") == texts
    assert engine.asked == [texts[256:]]


def test_an_engine_that_loses_a_text_is_told_of(tmp_path: Path) -> None:
    class Losing(Spoken):
        def translate(self, texts: object, source: str, target: str) -> list[str]:
            return []

    with pytest.raises(ModelError, match="spoken gave 0 translations of 1 texts"):
        CachedTranslator(Losing(), tmp_path / "cache.sqlite").translate(["a"], "en", "de")


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from translation_helpers import Spoken\n"
        "from polycypher.machine_translation.cache import CachedTranslator\n"
        "cached = CachedTranslator(Spoken(), sys.argv[2])\n"
        "for start in range(int(sys.argv[3]), 60, 2):\n"
        "    cached.translate([f'text {start}', f'text {start + 1}'], 'en', 'de')\n"
    )
    path = tmp_path / "cache.sqlite"

    def work(start: int) -> int:
        command = [sys.executable, "-c", program, str(Path(__file__).parent), str(path), str(start)]
        return subprocess.run(command, check=False).returncode

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, [0, 1, 0])) == [0, 0, 0]
    engine = Spoken()
    texts = [f"text {number}" for number in range(60)]
    assert CachedTranslator(engine, path).translate(texts, "en", "de") == [text.upper() for text in texts]
    assert engine.asked == []


def test_the_file_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYCYPHER_HOME", str(tmp_path))
    assert cache_path() == tmp_path / "cache" / "translations.sqlite"
    monkeypatch.delenv("POLYCYPHER_HOME")
    assert cache_path().name == "translations.sqlite"
    assert "polycypher" in cache_path().parts

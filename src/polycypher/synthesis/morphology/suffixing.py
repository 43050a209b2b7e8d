"""Morphology of agglutinating languages with vowel harmony, such as Turkish.

Everything particular to the language is in the data file: which vowels are back, front and rounded,
the suffixes in the usual notation, and how digits and foreign names sound.

    (y)I   a buffer consonant only after a vowel        -Iyor   the stem loses its last vowel first
    A      a or e by backness                           I       one of four by backness and rounding
    D      t after a voiceless consonant, else d        K       never softened; other letters as they are

A dictionary entry for a noun:

    film          regular
    kitap/kitab   the stem before a vowel
    saat^         takes front vowels against its spelling
    veri |merkez  a compound: its head already bears the possessive (veri merkezi, veri merkezleri)
    Tifa'         a name that takes its suffixes after an apostrophe
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from polycypher.errors import UsageError
from polycypher.synthesis.morphology.base import Noun

_NUMBER_END = re.compile(r"(\d[\d.,]*)$")


class SuffixingMorphology:
    """Suffixes by vowel harmony (keys `back`, `front`, `rounded`, `voiceless`, `suffixes`, …)."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.genders: tuple[str, ...] = ()
        self._back = frozenset(data["back"])
        self._front = frozenset(data["front"])
        self._rounded = frozenset(data["rounded"])
        self._voiceless = frozenset(data["voiceless"])
        self._vowels = self._back | self._front
        self._two = tuple(data["two_way"])
        self._four = tuple(data["four_way"])
        self._suffixes: dict[str, str] = dict(data["suffixes"])
        self._after_possessive: dict[str, str] = dict(data.get("after_possessive", {}))
        self._possessives = tuple(data.get("possessives", ("poss",)))
        self._possessive = str(self._possessives[0])
        self._plural = str(data.get("plural", "pl"))
        self._sounds = {str(k).casefold(): str(v) for k, v in data.get("sounds", {}).items()}
        self._digits = [str(word) for word in data["digits"]]
        self._tens = [str(word) for word in data["tens"]]
        self._powers = {int(k): str(v) for k, v in data["powers"].items()}
        self._plain_vowels = dict(data.get("foreign_vowels", {}))
        self._known_value = lru_cache(maxsize=65536)(self._value)

    # ------------------------------------------------------------------ public

    def noun(self, entry: str, *, person: bool = False) -> Noun:
        """The noun of an entry, see the module's notation."""
        text = entry.strip()
        if text.endswith("'"):
            name = text[:-1]
            return Noun(name, 0, person, lambda feature: self._value(name, feature))
        before, compound, head = text.rpartition("|")
        front = head.endswith("^")
        base, _, soft = head.rstrip("^").partition("/")
        soft = soft or base

        def inflect(feature: str) -> str:
            names = [name for name in feature.split(".") if name and name != "sg"]
            if compound:
                # A compound's own possessive already serves: "film çıkış yılı", never "yılısı".
                rest = [name for name in names if name not in (self._plural, self._possessive)]
                names = [*([self._plural] if self._plural in names else []), self._possessive, *rest]
            return before + self._suffixed(base, soft, names, front)

        return (
            Noun(before + (inflect("") if compound else base), 0, person, inflect)
            if not compound
            else Noun(inflect("").strip(), 0, person, inflect)
        )

    def value(self, text: str, feature: str) -> str:
        """A name, code or number with an apostrophe and its suffixes: `Ankara'dan`, `1999'un`."""
        return self._known_value(text, feature)

    def word(self, text: str, feature: str) -> str:
        """A common word with its suffixes and no apostrophe: `ikiden`."""
        names = [name for name in feature.split(".") if name and name != "sg"]
        return self._suffixed(text, text, names, False)

    def verb(self, stem: str, feature: str) -> str:
        """A verb stem (`et/ed` gives the one before vowels) with its suffixes: `yönettiği`."""
        base, _, soft = stem.partition("/")
        if "/" in stem and " " in base:
            soft = base.rpartition(" ")[0] + " " + soft
        return self._suffixed(base, soft or base, [name for name in feature.split(".") if name], False)

    # ------------------------------------------------------------------ the rules

    def _value(self, text: str, feature: str) -> str:
        names = [name for name in feature.split(".") if name and name != "sg"]
        if not names:
            return text
        spoken = self.sound(text)
        suffix = self._suffixed(spoken, spoken, names, False)[len(spoken) :]
        return f"{text}'{suffix}"

    def sound(self, text: str) -> str:
        """A word that ends as `text` is spoken, for harmony: 1999 → dokuz, Mike → mayk."""
        number = _NUMBER_END.search(text.rstrip(" .,;:!?)\"'"))
        if number:
            return self._number_end(number[1])
        words = re.findall(r"\w+", text)
        if not words:
            return self._digits[1]
        last = words[-1]
        known = self._sounds.get(last.casefold())
        if known:
            return known
        lowered = unicodedata.normalize("NFC", last.replace("İ", "i")).lower()
        plain = "".join(self._plain_vowels.get(sign, sign) for sign in lowered)
        if len(plain) > 1 and plain[-1] == "y" and plain[-2] not in self._vowels:
            plain = plain[:-1] + "i"
        return plain if any(sign in self._vowels for sign in plain) else plain + "e"

    def _number_end(self, digits: str) -> str:
        whole = (
            re.split(r"[.,]", digits)[-1] if re.search(r"[.,]\d{1,2}$", digits) else re.sub(r"\D", "", digits)
        )
        number = int(whole or "0")
        if number == 0:
            return self._digits[0]
        if number % 10:
            return self._digits[number % 10]
        if number % 100:
            return self._tens[number % 100 // 10]
        power = 2
        while number % 10 ** (power + 1) == 0:
            power += 1
        return self._powers[max(p for p in self._powers if p <= power)]

    def _suffixed(self, base: str, soft: str, names: list[str], front: bool) -> str:
        word, before_vowel, possessed, override = base, soft, False, front
        for name in names:
            pattern = self._after_possessive.get(name) if possessed else None
            if pattern is None:
                if name not in self._suffixes:
                    raise UsageError(
                        f"suffix '{name}' is not in the language's data file; add it to `suffixes`"
                    )
                pattern = self._suffixes[name]
            # After the plural, the possessive's buffer is not needed and the stem is regular again.
            word = self._attach(word, before_vowel, pattern, override)
            before_vowel, override = word, False
            possessed = name in self._possessives
        return word

    def _attach(self, word: str, before_vowel: str, pattern: str, front: bool) -> str:
        if pattern.startswith("-"):
            pattern = pattern[1:]
            if word[-1] in self._vowels:
                word = before_vowel = word[:-1]
        ends_in_vowel = word[-1:].lower() in self._vowels
        if pattern.startswith("("):
            buffer, pattern = pattern[1], pattern[3:]
            if ends_in_vowel:
                pattern = buffer + pattern
        if pattern[0] in "AI" or pattern[0].lower() in self._vowels:
            word = before_vowel
        for letter in pattern:
            if letter in "AI":
                is_front, is_round = self._harmony(word, front)
                word += self._two[is_front] if letter == "A" else self._four[is_front + 2 * is_round]
                front = False
            elif letter == "D":
                word += "t" if word[-1].lower() in self._voiceless else "d"
            else:
                word += letter
        return word

    def _harmony(self, word: str, front: bool) -> tuple[int, int]:
        for letter in reversed(word.lower()):
            if letter in self._vowels:
                return int(front or letter in self._front), int(letter in self._rounded)
        return 1, 0

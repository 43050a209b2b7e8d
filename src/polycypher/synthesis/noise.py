"""Rough edges: the small faults of typed questions, never inside a stored value."""

from __future__ import annotations

import re
import unicodedata
from random import Random

_STRING = re.compile(r"'((?:\\.|[^'\\])*)'|\b\d[\d.]*\b")
_LETTERS = re.compile(r"[^\W\d_]{4,}")


def roughen(text: str, cypher: str, rng: Random, rate: float) -> str:
    """With probability `rate`, one or two faults in `text`; the literals of `cypher` stay verbatim."""
    if rng.random() >= rate:
        return text
    literals = {
        found[1].replace("\\'", "'") if found[1] is not None else found[0]
        for found in _STRING.finditer(cypher)
    }
    kept = "|".join(re.escape(literal) for literal in sorted(literals, key=len, reverse=True) if literal)
    pieces = re.split(f"({kept})", text) if kept else [text]
    fault = _FAULTS[int(rng.random() * len(_FAULTS))]
    # Odd pieces are the stored values.
    rough = [piece if index % 2 else fault(piece, rng) for index, piece in enumerate(pieces)]
    joined = "".join(rough)
    return joined if joined.strip() else text


def _lower(text: str, rng: Random) -> str:
    return "".join(
        "i" if letter == "İ" else "ı" if letter == "I" and "ı" in text else letter.lower() for letter in text
    )


def _no_accents(text: str, rng: Random) -> str:
    plain = unicodedata.normalize("NFD", text.replace("ı", "i"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _no_marks(text: str, rng: Random) -> str:
    return text.replace("¿", "").replace("?", "").replace("¡", "")


def _typo(text: str, rng: Random) -> str:
    words = list(_LETTERS.finditer(text))
    if not words or rng.random() < 0.4:
        return text
    word = words[int(rng.random() * len(words))]
    at = word.start() + 1 + int(rng.random() * (len(word[0]) - 2))
    turn = rng.random()
    if turn < 0.35:
        return text[:at] + text[at + 1 :]
    if turn < 0.65:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :] if at + 1 < word.end() else text


_FAULTS = (_lower, _no_accents, _no_marks, _typo, lambda text, rng: _no_marks(_lower(text, rng), rng))

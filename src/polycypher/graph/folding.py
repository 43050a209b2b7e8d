"""Texts as they are compared when spelling does not matter: without case, accents and punctuation.

Turkish's two letters I fall together (`İ`, `I`, `ı`, `i`), because which of them a writer meant depends on
the keyboard. Knows nothing of graphs.
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS = str.maketrans(
    {
        **dict.fromkeys("ıİI", "i"),
        **dict.fromkeys("øØ", "o"),
        **dict.fromkeys("đĐðÐ", "d"),
        **dict.fromkeys("łŁ", "l"),
        **dict.fromkeys("þÞ", "th"),
        **dict.fromkeys("æÆ", "ae"),
        **dict.fromkeys("œŒ", "oe"),
    }
)
"""Letters that no decomposition takes apart."""
_BETWEEN = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """The comparable form: `José-María İnönü` becomes `jose maria inonu`; folding twice changes nothing."""
    if text.isascii():  # nothing to take apart; many times faster, and most texts are
        return _BETWEEN.sub(" ", text.lower()).strip()
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    marks = "".join([char for char in plain if not unicodedata.combining(char)])
    folded = unicodedata.normalize("NFKC", marks.casefold().translate(_LETTERS))
    return _BETWEEN.sub(" ", folded).strip()

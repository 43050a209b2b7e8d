"""A model that wants to write: from what the grammar allows it takes what looks most like writing.

The worst that a hostile question could make of a model, without one.
"""

from __future__ import annotations

import random
from typing import Any

from polycypher.translator.constrain import QueryMatcher

LONGEST = 120
"""Tokens; a walk that has not ended by then is given up."""
_WISHES = (
    *("CREATE", "MERGE", "SET", "DELETE", "DETACH", "REMOVE", "INSERT", "FOREACH", "LOAD", "CSV", "DROP"),
    *("CALL", "apoc", "file", "http", ";", "//", "/*", "`", "'", "\\", "\\u0027", "{", "UNION", "<end>"),
)
_ENDING = (")", "]", "}", "'", "END", "RETURN", "1")


class Adversary:
    """Walks through what a matcher allows.

    Args:
        tokenizer: of the model.
        seed: walks with the same seed are the same.
    """

    def __init__(self, tokenizer: Any, seed: int) -> None:
        self._texts = [tokenizer.decode([number]) for number in range(len(tokenizer))]
        self._end = int(tokenizer.eos_token_id)
        self._random = random.Random(seed)

    def write(self, matcher: QueryMatcher) -> str | None:
        """One query, or None if it came to no end."""
        wish = self._random.choice(_WISHES)
        length = self._random.randint(8, 60)
        written: list[int] = []
        while len(written) < LONGEST:
            allowed = matcher.mask().nonzero().flatten().tolist()
            if self._end in allowed and len(written) >= length:
                return "".join(self._texts[token] for token in written)
            token = self._choose(allowed, wish, ending=len(written) >= length)
            if token == self._end:
                return "".join(self._texts[token] for token in written)
            matcher.advance(token)
            assert matcher.constrained
            written.append(token)
        return None

    def _choose(self, allowed: list[int], wish: str, *, ending: bool) -> int:
        wanted = _ENDING if ending else (wish, *_WISHES)
        if self._random.random() < 0.7:
            for text in wanted:
                found = [token for token in allowed if _furthers(self._texts[token], text)]
                if found:
                    return self._random.choice(found)
        return self._random.choice(allowed)


def _furthers(token: str, text: str) -> bool:
    word = token.strip().upper()
    return bool(word) and (text.upper() in word or (len(word) > 1 and text.upper().startswith(word)))

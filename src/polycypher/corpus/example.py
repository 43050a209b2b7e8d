"""`Example`: one gold Cypher query and the questions that ask for it, one a language.

Knows nothing of files or models. Language codes are BCP 47.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from polycypher.errors import CorpusError

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


@dataclass(frozen=True, slots=True)
class Example:
    """Parallel questions with one gold query.

    `questions` maps a language to its question; `database` names the graph that the query belongs to.
    """

    id: str
    database: str
    questions: Mapping[str, str]
    cypher: str
    source: str = ""
    licence: str = ""


def check_language(code: str) -> str:
    """Return `code` if it has the form of a BCP 47 language tag (`en`, `pt-BR`, `zh-Hant`).

    Raises:
        CorpusError: it has not.
    """
    if not _LANGUAGE.fullmatch(code):
        raise CorpusError(f"'{code}' is no language code; use BCP 47, for example en, es, tr, pt-BR")
    return code


def normalise_question(text: str) -> str:
    """A question reduced for comparing: NFKC, case-folded, letters and digits only.

    Two questions that differ in punctuation, spacing or case count as the same, so that no question
    of a dev or test set slips into training by a comma.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded))

"""The language that a client reads, by its `Accept-Language`, and what it is sent told in that one.

Knows nothing of routes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Header

from polycypher import notices

LONGEST_HEADER = 500
"""Characters of an `Accept-Language` that is looked at; a browser's has hardly a hundred."""

_RANGE = re.compile(
    r"(?P<tag>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?",
    re.IGNORECASE | re.ASCII,
)
"""One language range with its weight (RFC 9110, section 12.5.4)."""


def preferred(header: str) -> str:
    """The language of the notices that an `Accept-Language` likes best; the first of those it likes as much.

    A range stands for its language wherever that is spoken: `es-MX` for `es`. English where it names none
    of them, is longer than `LONGEST_HEADER` or is not as RFC 9110 has it.
    """
    if len(header) > LONGEST_HEADER:
        return notices.LANGUAGES[0]
    best, most = notices.LANGUAGES[0], 0.0
    for part in header.split(","):
        if not (wanted := part.strip(" \t")):
            continue  # an empty element is allowed
        found = _RANGE.fullmatch(wanted)
        if found is None:
            return notices.LANGUAGES[0]
        weight = float(found["weight"] or 1)
        language = found["tag"].lower().split("-")[0]
        language = notices.LANGUAGES[0] if language == "*" else language
        if weight > most and language in notices.LANGUAGES:
            best, most = language, weight
    return best


async def _reader(
    accept_language: Annotated[
        str, Header(description="The language of `notices`: en (without a match), es or tr.")
    ] = "",
) -> str:
    return preferred(accept_language)


Reader: TypeAlias = Annotated[str, Depends(_reader)]
"""A route's parameter: the language of who asks, one of `polycypher.notices.LANGUAGES`."""


def told_in(language: str, data: dict[str, Any]) -> dict[str, Any]:
    """An answer, or an event's data, with its `notices` in a language."""
    if "notices" not in data:
        return data
    return {**data, "notices": notices.told_in(language, data["notices"])}

"""What each vendor's Cypher has and has not: data in `data/dialects.yaml`, and whose server is which.

A query is written in one Cypher, that of Neo4j 5 as far as the guard reads it. A `Dialect` says which of
its constructs a server lacks, and by which rule of `dialect_rewrite` each can be said otherwise. This
module knows the data's form; it knows nothing of connections and rewrites nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from polycypher.errors import UsageError

Version = tuple[int, ...]
"""The numbers of a version, most significant first; empty where a server does not tell."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Construct:
    """Something a query may hold that not every server has.

    `functions` are the names it stands for, in lower case, where it is a group of functions. `instead` is
    what to do without it, as the end of a sentence.
    """

    name: str
    shown: str
    example: str
    instead: str
    functions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lack:
    """A construct that a vendor's Cypher lacks, in all versions or before `since`.

    `rule` is the rule of `dialect_rewrite` that says the same without it, None where there is none.
    `argument` belongs to the rule.
    """

    construct: str
    rule: str | None = None
    argument: str = ""
    since: Version = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The Cypher of one vendor's server in one version.

    `explains` says that the server can plan a query without running it. `version_query` asks for the
    version of a server that does not tell it in the handshake. `checked` tells what the entry was held
    against, `source` where it is from.
    """

    name: str
    title: str
    version: Version
    lacks: Mapping[str, Lack] = field(default_factory=dict)
    explains: bool = False
    version_query: str = ""
    checked: str = ""
    source: str = ""

    def without(self, construct: str) -> Lack | None:
        """The lack of a construct; None where the server has it."""
        return self.lacks.get(construct)


def lacking(dialect: Dialect) -> frozenset[str]:
    """The names of the constructs (`constructs()`) that a query for `dialect` must not hold.

    Those that can be said otherwise are not among them: `dialect_rewrite.to_dialect` sees to these.
    """
    return frozenset(name for name, lack in dialect.lacks.items() if lack.rule is None)


@cache
def constructs() -> Mapping[str, Construct]:
    """Every construct that at least one vendor lacks, by name, in the order of the data."""
    found = {}
    for name, entry in _data()["constructs"].items():
        functions = frozenset(function.lower() for function in entry.get("functions", ()))
        shown = entry.get("shown") or ", ".join(f"{function}()" for function in entry["functions"])
        found[name] = Construct(name, shown, entry["example"], entry["instead"], functions)
    return found


@cache
def _functions() -> Mapping[str, str]:
    return {function: name for name, entry in constructs().items() for function in entry.functions}


def construct_of_function(name: str) -> str | None:
    """The construct that a function belongs to; None for those that every server has."""
    return _functions().get(name.lower())


def dialect_names() -> tuple[str, ...]:
    """The dialects' names, in the order of the data."""
    return tuple(_data()["dialects"])


@cache
def dialect(name: str, version: Version = ()) -> Dialect:
    """A vendor's Cypher in one version; without a version what every version has.

    Raises:
        UsageError: there is no dialect of that name.
    """
    known = _data()["dialects"]
    if name not in known:
        raise UsageError(f"there is no dialect '{name}'; known are: {', '.join(known)}")
    entry = known[name]
    lacks = {}
    for construct, value in (entry.get("lacks") or {}).items():
        lack = _lack(construct, value or {})
        if not lack.since or version < lack.since:
            lacks[construct] = lack
    return Dialect(
        name=name,
        title=entry["title"],
        version=version,
        lacks=lacks,
        explains=bool(entry.get("explains")),
        version_query=entry.get("version_query", ""),
        checked=entry.get("checked", ""),
        source=" ".join(str(entry.get("source", "")).split()),
    )


def _lack(construct: str, value: Mapping[str, Any]) -> Lack:
    rule, _, argument = str(value.get("rule") or "").partition(" ")
    return Lack(construct, rule or None, argument, numbers(str(value.get("since", ""))))


def detect(agent: str, *, host: str = "", components: Sequence[tuple[str, str]] = ()) -> Dialect:
    """The dialect of a server, from what it calls itself.

    Args:
        agent: the server's name in the Bolt handshake, for example `Neo4j/5.26.0`.
        host: the host it was reached at; some vendors' servers name nobody.
        components: (name, version) pairs of `CALL dbms.components()`, asked where the agent is not known.

    Returns:
        The dialect `other` where nothing matches. It lacks nothing, so that a query goes to the server as
        it is, and what the server does not understand it says itself.
    """
    known = _data()["dialects"]
    for name, entry in known.items():
        if (pattern := entry.get("host")) and re.search(pattern, host, re.IGNORECASE):
            return dialect(name)
    for name, entry in known.items():
        if (pattern := entry.get("agent")) and (found := re.search(pattern, agent, re.IGNORECASE)):
            return _if_known(name, numbers(found[1] or "") if found.groups() else ())
    for component, version in components:
        for name, entry in known.items():
            if entry.get("component") == component:
                return _if_known(name, numbers(version))
    return dialect(OTHER)


def _if_known(name: str, version: Version) -> Dialect:
    """The dialect in a version; `other` for one older than what is known of the vendor."""
    oldest = numbers(str(_data()["dialects"][name].get("from", "")))
    return dialect(OTHER) if version and version < oldest else dialect(name, version)


def numbers(text: str) -> Version:
    """The first version in a text: `v5.26.0-aura` gives (5, 26, 0); empty where there is none."""
    found = _NUMBERS.search(text)
    return tuple(map(int, found[0].split("."))) if found else ()


OTHER = "other"
"""The dialect of servers that nothing is known of."""


@cache
def _data() -> Mapping[str, Any]:
    text = files("polycypher").joinpath("data/dialects.yaml").read_text(encoding="utf-8")
    value: Mapping[str, Any] = yaml.safe_load(text)
    return value

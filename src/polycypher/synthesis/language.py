"""`Language`: one language's phrases and words, read from its two data files.

`languages/<code>.yaml` holds morphology, frames, modifiers and the shapes of relations;
`dictionary/<code>.yaml` the words for each concept. To add a language is to add the two files.
This module knows no language by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from polycypher.corpus.example import check_language
from polycypher.errors import UsageError
from polycypher.synthesis.morphology import Morphology, Noun, make_morphology
from polycypher.synthesis.template import Template

DATA = files("polycypher") / "data" / "synthesis"
_VERB_SLOT = re.compile(r"\{v:([\w.]+)\}")


_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BaseLoader):  # type: ignore[misc]  # which class it is, is known only at run time
    """YAML where only `true` and `false` are truth values: `no` and `on` are words of some languages."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, found in _BaseLoader.yaml_implicit_resolvers.items()
}


def read_data(*parts: str) -> Any:
    """A YAML file of the synthesis data. Raises `UsageError` if there is none."""
    file = DATA.joinpath(*parts)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        raise UsageError(f"no data file {'/'.join(parts)}; add it beside the others of its folder") from None
    return yaml.load(text, Loader=_Loader)


VERBATIM = "\x03"
"""Stands before a name that keeps its small first letter at the head of a sentence; `realise` removes it."""


def verbatim(name: str) -> str:
    """A name of the schema, marked if it begins with a small letter."""
    return VERBATIM + name if name[:1].islower() else name


class PropertyWord:
    """The noun for a property with its special phrases (`event`, `most`, `least`, `yes`, `no`, …)."""

    __slots__ = ("gender", "noun", "person", "phrases")

    def __init__(self, noun: Noun, phrases: Mapping[str, Template] | None = None) -> None:
        self.noun = noun
        self.gender = noun.gender
        self.person = False
        self.phrases = phrases or {}

    def form(self, feature: str) -> str | Template:
        """A special phrase by its name, else the noun's form."""
        return self.phrases.get(feature) or self.noun.form(feature)


class NameWord:
    """A name of the schema that never changes."""

    __slots__ = ("gender", "name", "person")

    def __init__(self, name: str) -> None:
        self.name = name
        self.gender = 0
        self.person = False

    def form(self, feature: str) -> str:
        """The name."""
        return self.name


class RelationWords:
    """The phrases of a relation by role, the noun for who does it (`director`), or its bare name.

    `sources` are templates not compiled yet: a language has thousands, and a session uses some.
    """

    __slots__ = ("_compiled", "_sources", "agent", "name")

    def __init__(
        self, sources: Mapping[str, Sequence[str]], agent: Sequence[Noun] = (), name: NameWord | None = None
    ) -> None:
        self._sources = sources
        self._compiled: dict[str, list[Template]] = {}
        self.agent = agent
        self.name = name

    def __contains__(self, role: str) -> bool:
        return role in self._sources

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that the relation has phrases for."""
        return tuple(self._sources)

    def role(self, role: str) -> list[Template]:
        """The templates of a role. Raises `KeyError` if there are none."""
        found = self._compiled.get(role)
        if found is None:
            found = self._compiled[role] = [Template(source) for source in self._sources[role]]
        return found

    def renamed(self, name: str) -> RelationWords:
        """The same phrases for another bare name."""
        other = RelationWords(self._sources, self.agent, NameWord(verbatim(name)))
        other._compiled = self._compiled
        return other


class Language:
    """Phrases and words of the language `code`. Use `load_language`, which keeps them."""

    def __init__(
        self, code: str, grammar: Mapping[str, Any], dictionary: Mapping[str, Any], people: frozenset[str]
    ) -> None:
        self.code = code
        self.morphology: Morphology = make_morphology(grammar["morphology"])
        self.before = grammar.get("modifiers_stand") == "before"
        self.clause = str(grammar.get("clause", ""))
        """What a modifier that is a clause begins with: it follows the others and may stand apart."""
        self._forms_by_gender: Mapping[str, Sequence[str]] = grammar.get("forms_by_gender", {})
        self.and_ = [str(word) for word in grammar["and"]]
        self.number_words: Mapping[int, str] = {int(k): str(v) for k, v in grammar["number_words"].items()}
        self.quotes: list[tuple[str, str]] = [(pair[0], pair[1]) for pair in grammar["quotes"]]
        self.indefinite: Mapping[str, str] = grammar.get("indefinite", {})
        self.sandhi = [
            (re.compile(pattern), replacement) for pattern, replacement in grammar.get("sandhi", [])
        ]
        self.frames = _templates(grammar["frames"])
        self.modifiers = _templates(grammar["modifiers"])
        self._predicates: dict[str, Template | None] = {}
        self.mentions = _templates(grammar["mentions"])
        self.quantities = _templates(grammar["quantities"])
        self.pairs = _templates(grammar["pairs"])
        self._relativisers = [str(text) for text in grammar.get("relativisers", [])]
        self.upper: Mapping[str, str] = grammar.get("upper", {})
        self._raw = grammar["raw"]
        self._gender_guess = [(re.compile(p), str(g)) for p, g in grammar.get("gender_guess", [])]
        self._styles = grammar["relation_styles"]
        self._derived: Mapping[str, Mapping[str, Any]] = grammar.get("relation_derived", {})
        self.nouns = {
            concept: [self._noun(entry, person=concept in people) for entry in _split(entries)]
            for concept, entries in dictionary["nouns"].items()
        }
        self.properties = {
            concept: self._property(entry) for concept, entry in dictionary["properties"].items()
        }
        self._relation_entries = dictionary["relations"]
        self._relations: dict[str, RelationWords | None] = {}
        self._raw_nouns: dict[str, list[Noun]] = {}
        self._raw_properties: dict[str, list[PropertyWord]] = {}
        self._raw_relations: dict[str, RelationWords] = {}
        self._raw_words = RelationWords(self._styles["raw"])

    def predicates(self, choices: Sequence[Template]) -> list[Template]:
        """Those of the modifiers that can stand as predicates, as such: "that have …" → "have …"."""
        return [found for template in choices if (found := self._predicate(template)) is not None]

    def _predicate(self, template: Template) -> Template | None:
        source = template.source
        if source not in self._predicates:
            found = None
            opening = next((text for text in self._relativisers if source.startswith(text)), None)
            if opening is not None:
                # Of "that have " only the relative pronoun goes.
                found = Template(source[len(opening) if "<" in opening else source.index(" ") + 1 :])
            self._predicates[source] = found
        return self._predicates[source]

    @property
    def relation_concepts(self) -> tuple[str, ...]:
        """The concepts of relations that the dictionary has words for."""
        return tuple(self._relation_entries)

    def relation(self, concept: str | None) -> RelationWords | None:
        """The phrases for a relation concept, made on first use; None for one without an entry."""
        if concept is None or concept in self._relations:
            return self._relations.get(concept or "")
        entry = self._relation_entries.get(concept)
        found = self._relations[concept] = None if entry is None else self._relation(entry)
        return found

    # ------------------------------------------------------------------ names without a concept

    def raw_noun(self, name: str) -> list[Noun]:
        """The name of a label used as a noun."""
        found = self._raw_nouns.get(name)
        if found is None:
            found = self._raw_nouns[name] = self._raw_entries("label", name)
            _trim(self._raw_nouns)
        return found

    def raw_property(self, name: str) -> list[PropertyWord]:
        """The name of a property used as a noun."""
        found = self._raw_properties.get(name)
        if found is None:
            found = [PropertyWord(noun) for noun in self._raw_entries("property", name)]
            self._raw_properties[name] = found
            _trim(self._raw_properties)
        return found

    def raw_relation(self, name: str) -> RelationWords:
        """A relation spoken of by its type's name."""
        found = self._raw_relations.get(name)
        if found is None:
            found = self._raw_relations[name] = self._raw_words.renamed(name)
            _trim(self._raw_relations)
        return found

    def _raw_entries(self, kind: str, name: str) -> list[Noun]:
        nouns = []
        for entry in self._raw[kind]:
            guess = self._guess(name) if entry.startswith("{name}") else ""
            nouns.append(self._noun(entry.format(name=verbatim(name)) + guess))
        return nouns

    def _guess(self, name: str) -> str:
        return next((" " + gender for pattern, gender in self._gender_guess if pattern.search(name)), "")

    # ------------------------------------------------------------------ entries

    def _noun(self, entry: str, *, person: bool = False) -> Noun:
        """The noun of an entry, its features renamed where the language's data does so for its gender."""
        noun = self.morphology.noun(entry, person=person)
        if not self._forms_by_gender:
            return noun
        renamed = {
            feature: names[min(noun.gender, len(names) - 1)]
            for feature, names in self._forms_by_gender.items()
        }
        return Noun(noun.text, noun.gender, person, lambda feature: noun.form(renamed.get(feature, feature)))

    def _property(self, entry: Any) -> list[PropertyWord]:
        if isinstance(entry, str):
            return [PropertyWord(self._noun(text)) for text in _split(entry)]
        phrases = {name: Template(str(text)) for name, text in entry.items() if name != "noun"}
        return [PropertyWord(self._noun(text), phrases) for text in _split(entry["noun"])]

    def _relation(self, entry: Mapping[str, Any]) -> RelationWords:
        fields = {name: str(value) for name, value in entry.items() if isinstance(value, str | int)}
        for name, rule in self._derived.items():
            if name in fields:
                continue
            if "default" in rule:
                fields[name] = str(rule["default"])
            elif rule["from"] in fields:
                source = fields[rule["from"]]
                found = str(rule.get("map", {}).get(source, source))
                if "suffix" in rule:
                    found += rule["suffix"] if re.search(rule.get("after", ""), found) else rule["suffix"][-1]
                # "=past" means: as the field `past`.
                fields[name] = fields.get(found[1:], "-") if found.startswith("=") else found
        style = self._styles[entry.get("style", self._styles["default"])]
        roles: dict[str, list[str]] = {}
        for role, sources in style.items():
            roles[role] = self._filled(sources, fields)
        for role, sources in entry.get("also", {}).items():
            roles[role] = [*roles.get(role, []), *self._filled(sources, fields)]
        for role, sources in entry.get("only", {}).items():
            roles[role] = self._filled(sources, fields)
        agent = [self._noun(text, person=True) for text in _split(entry.get("agent", ""))]
        return RelationWords({role: found for role, found in roles.items() if found}, agent)

    def _filled(self, sources: Sequence[str], fields: Mapping[str, str]) -> list[str]:
        """Those of the templates whose fields the entry has, with the fields written out."""
        return [text for source in sources if (text := self._fill(source, fields)) is not None]

    def _fill(self, source: str, fields: Mapping[str, str]) -> str | None:
        """`source` with each `{v:field}` or `{v:field.suffixes}` written out; None if a field is missing."""
        missing = False

        def write(found: re.Match[str]) -> str:
            nonlocal missing
            name, _, feature = found[1].partition(".")
            if name not in fields or fields[name] == "-":
                missing = True
                return ""
            return self.morphology.verb(fields[name], feature) if feature else fields[name].partition("/")[0]

        text = _VERB_SLOT.sub(write, source)
        return None if missing else text


@cache
def load_language(code: str) -> Language:
    """The language `code`, read once.

    Raises:
        UsageError: it has no data files.
    """
    check_language(code)
    concepts = load_concepts()
    people = frozenset(concepts["nouns"]["person"])
    return Language(
        code, read_data("languages", f"{code}.yaml"), read_data("dictionary", f"{code}.yaml"), people
    )


@cache
def load_concepts() -> Mapping[str, Any]:
    """The concepts: nouns by category, properties with type and owners, relations with their ends."""
    found: Mapping[str, Any] = read_data("concepts.yaml")
    return found


def _templates(section: Mapping[str, Sequence[str]]) -> dict[str, list[Template]]:
    return {name: [Template(text) for text in texts] for name, texts in section.items()}


def _split(entries: str) -> list[str]:
    return [text.strip() for text in entries.split(",") if text.strip()]


def _trim(kept: dict[str, Any]) -> None:
    """Invented names are endless: forget all when there are many."""
    if len(kept) > 20000:
        kept.clear()

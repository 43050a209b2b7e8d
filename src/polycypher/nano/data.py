"""Groups for training nano: one schema with several questions, drawn from a mixture of corpora.

A corpus is encoded once; a draw picks a corpus by its weight, a database by the square root of its
size, questions of it in languages by weight, and a variant of the schema (unused labels and properties
left out at random), so that the model reads the prompt instead of remembering it. Values are swapped
between examples for the same reason. Knows nothing of optimisers.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from polycypher.corpus.example import Example
from polycypher.corpus.prompt import PromptTemplate
from polycypher.cypher.normalise import normalise
from polycypher.errors import QueryError
from polycypher.nano.forward import Batch
from polycypher.schema import GraphSchema

LENGTHS = (72, 120)
"""Padded lengths of a row (question and answer, in tokens); what is longer does not train."""
TOKENS_A_GROUP = 1152
_VALUE = re.compile(r"(\w+)(?:: | = | <> )'((?:[^'\\]|\\.)*)'")
_LIMIT = re.compile(r"LIMIT (\d+)$")
_NAME = re.compile(r"\w+")

Group = tuple[GraphSchema, list[tuple[str, str]]]
"""A schema and its (question, normalised Cypher) pairs."""


@dataclass(slots=True)
class Source:
    """A corpus in the mixture: its examples a database, or a function that makes a group.

    `languages` maps a language to its weight among those an example has.
    """

    name: str
    weight: float
    languages: Mapping[str, float]
    examples: dict[str, list[Example]] = field(default_factory=dict)
    make: Callable[[random.Random, int], Group] | None = None


def source_of(
    name: str,
    weight: float,
    examples: Sequence[Example],
    schemas: Mapping[str, GraphSchema],
    languages: Mapping[str, float],
) -> Source:
    """A source of examples with their gold queries normalised; those without schema or form are left out."""
    by_database: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.database not in schemas or not any(code in languages for code in example.questions):
            continue
        try:
            cypher = normalise(example.cypher)
        except QueryError:
            continue
        by_database[example.database].append(
            Example(example.id, example.database, example.questions, cypher, example.source, example.licence)
        )
    return Source(name, weight, languages, dict(by_database))


class Mixture:
    """Draws batches. The same seed and sources give the same batches on any machine."""

    def __init__(
        self,
        sources: Sequence[Source],
        schemas: Mapping[str, GraphSchema],
        tokenizer: Any,
        template: PromptTemplate,
        *,
        seed: int,
        schema_tokens: int = 400,
        question_weight: float = 0.1,
    ) -> None:
        """`schema_tokens` bounds the schema's part; `question_weight` is what a question token
        weighs in the loss."""
        self.sources = list(sources)
        self.schemas = schemas
        self.tokenizer = tokenizer
        self.template = template
        self.random = random.Random(seed)
        self.schema_tokens = schema_tokens
        self.question_weight = question_weight
        self._prefixes: dict[str, list[int]] = {}
        self._values: dict[str, list[str]] = defaultdict(list)
        for source in self.sources:
            for rows in source.examples.values():
                for example in rows:
                    for key, value in _VALUE.findall(example.cypher):
                        self._values[key].append(value)

    def draw(self) -> Batch:
        """One batch: a schema and as many rows as fit `TOKENS_A_GROUP`."""
        while True:
            source = self.random.choices(self.sources, [s.weight for s in self.sources])[0]
            schema, pairs = self._group(source)
            batch = self._encode(schema, pairs)
            if batch is not None:
                return batch

    def _group(self, source: Source) -> Group:
        most = TOKENS_A_GROUP // LENGTHS[0]
        if source.make is not None:
            return source.make(self.random, most)
        names = list(source.examples)
        database = self.random.choices(names, [len(source.examples[n]) ** 0.5 for n in names])[0]
        rows = source.examples[database]
        chosen = self.random.sample(rows, min(most, len(rows)))
        pairs = []
        for example in chosen:
            codes = [code for code in example.questions if code in source.languages]
            code = self.random.choices(codes, [source.languages[c] for c in codes])[0]
            pairs.append(self._swap(example.questions[code], example.cypher))
        return self._vary(self.schemas[database], [cypher for _, cypher in pairs]), pairs

    def _swap(self, question: str, cypher: str) -> tuple[str, str]:
        """Another value of the same property, another limit: in question and query alike."""
        if self.random.random() < 0.4:
            for key, value in _VALUE.findall(cypher):
                other = self.random.choice(self._values[key])
                # Values that Cypher writes with an escape are not what a question says.
                if len(value) < 2 or "\\" in value + other or cypher.count(f"'{value}'") != 1:
                    continue
                if question.count(value) == 1 and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", question):
                    question = question.replace(value, other)
                    cypher = cypher.replace(f"'{value}'", f"'{other}'")
        limit = _LIMIT.search(cypher)
        if limit and self.random.random() < 0.3:
            old, new = limit[1], str(self.random.choice((2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20)))
            if len(re.findall(rf"(?<!\d){old}(?!\d)", question)) == 1:
                question = re.sub(rf"(?<!\d){old}(?!\d)", new, question)
                cypher = cypher[: limit.start(1)] + new
        return question, cypher

    def _vary(self, schema: GraphSchema, queries: Sequence[str]) -> GraphSchema:
        """The schema, or with chance one half a part of it that holds every name the queries use."""
        if self.random.random() < 0.5 and len(self._prefix(schema)) <= self.schema_tokens:
            return schema
        used = {name for query in queries for name in _NAME.findall(query)}
        keep = self.random.uniform(0.3, 1.0)
        labels = [label for label in schema.labels if label in used or self.random.random() < keep]
        properties = {
            label: [
                p for p in schema.node_properties.get(label, {}) if p in used or self.random.random() < keep
            ]
            for label in labels
        }
        part = schema.restrict(labels, properties)
        while len(self._prefix(part)) > self.schema_tokens:
            spare = [label for label in part.labels if label not in used]
            if not spare:
                break
            gone = self.random.choice(spare)
            part = part.restrict([label for label in part.labels if label != gone], properties)
        return part

    def _prefix(self, schema: GraphSchema) -> list[int]:
        text = schema.to_prompt()
        if text not in self._prefixes:
            if len(self._prefixes) > 20_000:
                self._prefixes.clear()
            self._prefixes[text] = self.template.encode_prefix(self.tokenizer, text)
        return self._prefixes[text]

    def _encode(self, schema: GraphSchema, pairs: Sequence[tuple[str, str]]) -> Batch | None:
        rows = [encode_pair(self.tokenizer, self.template, *pair) for pair in pairs]
        by_length = {
            length: [r for r in rows if low < len(r[0]) <= length]
            for low, length in zip((0, *LENGTHS), LENGTHS, strict=False)
        }
        length = self.random.choices(LENGTHS, [len(by_length[n]) + 1e-9 for n in LENGTHS])[0]
        chosen = by_length[length]
        prefix = self._prefix(schema)
        if not chosen or len(prefix) > 1.5 * self.schema_tokens:
            return None
        chosen = chosen[: TOKENS_A_GROUP // length]
        return make_batch(prefix, chosen, length, self.question_weight, self.random)


Row = tuple[list[int], int]
"""Token ids of question, answer and end, and how many of them are prompt."""


def encode_pair(tokenizer: Any, template: PromptTemplate, question: str, cypher: str) -> Row:
    """One row: question, tail, Cypher, end token."""
    suffix, _ = template.encode_suffix(tokenizer, question)
    answer = tokenizer.encode(cypher, add_special_tokens=False)
    return [*suffix, *answer, tokenizer.eos_token_id], len(suffix)


def make_batch(
    prefix: Sequence[int],
    rows: Sequence[Row],
    length: int,
    question_weight: float,
    chooser: random.Random | None = None,
) -> Batch:
    """Pad rows to `length` and the schema to a multiple of 64, and mark what is to be predicted.

    Of the questions' tokens a quarter, drawn by `chooser`, counts, at four times the weight: the output
    layer is a quarter of a small model's cost.
    """
    size = -(-len(prefix) // 64) * 64
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    select, labels, weights = [], [], []
    for index, (tokens, prompt) in enumerate(rows):
        ids[index, : len(tokens)] = torch.tensor(tokens)
        for place in range(len(tokens) - 1):
            answer = place >= prompt - 1
            if answer or (chooser is not None and question_weight and chooser.random() < 0.25):
                select.append(index * length + place)
                labels.append(tokens[place + 1])
                weights.append(1.0 if answer else 4 * question_weight)
    padded = torch.zeros(size, dtype=torch.long)
    padded[: len(prefix)] = torch.tensor(prefix)
    bias = torch.zeros(size)
    bias[len(prefix) :] = -1e9
    return Batch(
        prefix=padded,
        prefix_bias=bias,
        start=torch.tensor(len(prefix)),
        rows=ids,
        select=torch.tensor(select),
        labels=torch.tensor(labels),
        weights=torch.tensor(weights),
    )

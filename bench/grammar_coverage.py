"""The share of gold queries that a schema's grammar accepts, corpus by corpus.

    python bench/grammar_coverage.py --data FOLDER --out docs/grammar-coverage.json

FOLDER holds `schemas.jsonl` and the corpora as JSONL in `parallel/` and `english/`. Every query is brought
into its canonical form first, as for training. Counted apart are those that are outside: no schema is known,
they write or cannot be read, the guard refuses a call of theirs, or they do not fit their schema
(`gold_faults` says so, without the grammar). Of the rest it is measured

- how many the grammar accepts with any text in strings, all of them;
- of those, how many with strings and maps held to question and stored values as in decoding, on a seeded
  sample, in each language. The graphs of most corpora are not at hand: as stored counts what gold asks for,
  with the label and property of which it does, where the question names it.

Texts are fed byte by byte, so that no tokenizer matters. Prints a table; the file holds counts alone.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llguidance
from gold_faults import faults, homes
from rich.table import Table

from polycypher.console import err, out, progress_bar
from polycypher.corpus.example import Example
from polycypher.corpus.readers import read_examples, read_schemas
from polycypher.cypher.grammar import schema_grammar
from polycypher.cypher.grammar_literals import literal_grammar
from polycypher.cypher.lexer import Kind, string_value, tokenize
from polycypher.cypher.normalise import normalise
from polycypher.errors import QueryError
from polycypher.schema import GraphSchema
from polycypher.translator.constrain import LIMITS
from polycypher.translator.grounding import Homes, candidates, grounded

CORPORA = (
    *("parallel/dev", "parallel/train"),
    *("english/demo_databases_rest", "english/cypherbench", "english/mind_the_query"),
)
KEPT = 64
"""Compiled schemas that are kept."""


class _Bytes:
    """A tokenizer whose tokens are single bytes."""

    eos_token_id = 256
    bos_token_id = None
    tokens = (*(bytes([n]) for n in range(256)), b"<end>")
    special_token_ids = (256,)

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


class Acceptor:
    """Says how far a text is accepted by a schema's grammar, and by one of literals."""

    def __init__(self) -> None:
        self._tokens = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Bytes()))
        self._schemas: OrderedDict[str, Any] = OrderedDict()

    def by_schema(self, query: str, database: str, schema: GraphSchema) -> int | None:
        """The byte at which the query is refused; None if it is accepted."""
        if database not in self._schemas:
            self._schemas[database] = self._compiled(schema_grammar(schema))
            if len(self._schemas) > KEPT:
                self._schemas.popitem(last=False)
        return _refused_at(self._schemas[database].deep_copy(), query)

    def by_literals(self, query: str, grammar: str) -> int | None:
        """As `by_schema`, for the text of a grammar that is used once."""
        return _refused_at(self._compiled(grammar), query)

    def _compiled(self, text: str) -> Any:
        matcher = llguidance.LLMatcher(self._tokens, text, log_level=0, limits=LIMITS)
        if matcher.is_error():
            raise SystemExit(f"the engine refuses a grammar: {matcher.get_error().splitlines()[0]}")
        return matcher


def _refused_at(matcher: Any, query: str) -> int | None:
    text = list(query.encode())
    taken = int(matcher.try_consume_tokens(text))
    return None if taken == len(text) and matcher.is_accepting() else taken


@dataclass(slots=True)
class Count:
    """What was found of one corpus.

    Queries in all, those outside by reason, inside, and refused by what is not covered; for the sample the
    questions of each language, and those whose query is refused by reason.
    """

    queries: int = 0
    outside: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    sampled: Counter[str] = field(default_factory=Counter)
    unheld: dict[str, Counter[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Counts and shares."""
        accepted = self.inside - self.refused.total()
        return {
            "queries": self.queries,
            "outside": dict(self.outside.most_common()),
            "inside": self.inside,
            "accepted": accepted,
            "share": round(accepted / self.inside, 5) if self.inside else None,
            "refused": dict(self.refused.most_common()),
            "held": {
                code: {
                    "questions": asked,
                    "accepted": asked - self.unheld.get(code, Counter()).total(),
                    "share": round(1 - self.unheld.get(code, Counter()).total() / asked, 5),
                    "refused": dict(self.unheld.get(code, Counter()).most_common()),
                }
                for code, asked in sorted(self.sampled.items())
            },
        }


def main() -> None:
    """Parse arguments, measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=400, help="queries a corpus for the literals")
    parser.add_argument("--corpora", nargs="*", default=CORPORA)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    schemas = read_schemas(options.data / "schemas.jsonl")
    acceptor = Acceptor()
    results: dict[str, Any] = {
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
        ).stdout.strip(),
        "sample": options.sample,
        "seed": options.seed,
        "corpora": {},
    }
    for name in options.corpora:
        examples = read_examples(options.data / f"{name}.jsonl")
        count, accepted = by_schema(name, examples, schemas, acceptor)
        chosen = random.Random(options.seed).sample(accepted, min(options.sample, len(accepted)))
        by_literals(name, count, chosen, schemas, acceptor)
        results["corpora"][name] = count.to_json()
    out().print(table(results["corpora"]))
    for name, found in results["corpora"].items():
        for reason, number in (*found["outside"].items(), *found["refused"].items()):
            err().print(f"{name}: {number:,} × {reason}")
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def by_schema(
    name: str, examples: Sequence[Example], schemas: Mapping[str, GraphSchema], acceptor: Acceptor
) -> tuple[Count, list[tuple[Example, str]]]:
    """Counts with any text in strings, and the accepted examples with their canonical queries."""
    count, accepted = Count(len(examples)), []
    with progress_bar(name, len(examples)) as advance:
        for example in examples:
            advance()
            schema = schemas.get(example.database)
            if schema is None:
                count.outside["no schema is known"] += 1
                continue
            try:
                query = normalise(example.cypher)
            except QueryError:
                count.outside["writes, or cannot be read"] += 1
                continue
            if found := faults(query, schema):
                count.outside[found[0]] += 1
                continue
            count.inside += 1
            at = acceptor.by_schema(query, example.database, schema)
            if at is None:
                accepted.append((example, query))
            else:
                count.refused[_construct(query, at)] += 1
    return count, accepted


def by_literals(
    name: str,
    count: Count,
    chosen: Sequence[tuple[Example, str]],
    schemas: Mapping[str, GraphSchema],
    acceptor: Acceptor,
) -> None:
    """Adds to a count what the literals' grammar says of the chosen queries, question by question."""
    with progress_bar(f"{name}, literals", sum(len(example.questions) for example, _ in chosen)) as advance:
        for example, query in chosen:
            schema = schemas[example.database]
            names = (*schema.labels, *schema.relationship_types, *schema.properties)
            for code, question in example.questions.items():
                advance()
                count.sampled[code] += 1
                held = grounded(question, _stored(question, query), names)
                values = tuple(held or ())
                free = literal_grammar(schema, literals=values, spans_of=question)
                reasons = count.unheld.setdefault(code, Counter())
                if acceptor.by_literals(query, free) is not None:
                    reasons["a text that neither the question nor the graph's values for it hold"] += 1
                elif held is not None:
                    homely = literal_grammar(schema, literals=values, spans_of=question, homes=held)
                    if acceptor.by_literals(query, homely) is not None:
                        reasons[
                            "a map that asks for something other than a stored value at its property"
                        ] += 1


def _stored(question: str, query: str) -> Homes:
    """The texts of the question that gold asks for, with where."""
    named = {text.lower() for text in candidates(question)}
    return {
        text: frozenset(places)
        for written, places in homes(query).items()
        if (text := string_value(written)).lower() in named
    }


def _construct(query: str, at: int) -> str:
    """What stands where a query is refused, without what names or values it holds."""
    start = len(query.encode()[:at].decode(errors="ignore"))
    for token in tokenize(query):
        if token.start + len(token.text) > start:
            named = token.kind in (Kind.NAME, Kind.QUOTED_NAME)
            shown = (
                token.text if token.kind is Kind.SYMBOL or (named and token.text.isupper()) else token.kind
            )
            return f"not covered: {shown}"
    return "not covered: the end"


def table(corpora: Mapping[str, Any]) -> Table:
    """Shares for people."""
    shown = Table(show_edge=False, header_style="bold")
    for title in ("corpus", "queries", "outside", "inside", "accepted", "literals held"):
        shown.add_column(title, justify="left" if title == "corpus" else "right")
    for name, found in corpora.items():
        held = " ".join(f"{code} {one['share']:.1%}" for code, one in found["held"].items())
        shown.add_row(
            name,
            f"{found['queries']:,}",
            f"{sum(found['outside'].values()):,}",
            f"{found['inside']:,}",
            f"{found['share']:.2%}" if found["share"] is not None else "",
            held,
        )
    return shown


if __name__ == "__main__":
    main()

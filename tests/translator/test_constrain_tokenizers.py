"""Every kind of tokenizer that can be built here: over bytes, in the manner of sentencepiece, and others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from polycypher.cypher.lexer import quote_string
from polycypher.errors import ModelError
from polycypher.schema import GraphSchema, Pattern
from polycypher.translator.constrain import GrammarConstraint

SCHEMA = GraphSchema(
    {"Person": {"name": "STRING", "born": "DATE"}, "Movie": {"title": "STRING"}},
    {"ACTED_IN": {"roles": "LIST"}},
    (Pattern("Person", "ACTED_IN", "Movie"), Pattern("Person", "DIRECTED", "Movie")),
)
TEXTS = (
    "MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) WHERE m.title = 'Kış Uykusu' RETURN p.name, count(m)",
    "OPTIONAL MATCH (n:A {b: 'c'})-[:D*1..2]->(m) WHERE n.`e f` >= 1 <> [x IN y | z] LIMIT 3 ~ % ^ ?",
    'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 İıŞşĞğÇçÖöÜü ñÑáéíóú ¿¡"\\',
)
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPACE, MARK = " ", "▁"


def _byte_level(prefix: bool = False) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS * 3, trainer)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    return made


def _in_parts() -> decoders.Decoder:
    """How tokens of sentencepiece are put together, as converted models say it."""
    parts = [decoders.Replace(MARK, SPACE), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*parts, decoders.Strip(SPACE, 1, 0)])


def _sentencepiece_bpe(metaspace: bool = True, prepend: str = "first") -> Tokenizer:
    """BPE with byte fallback, with `Metaspace` or, as of Llama 2, with normalizers in its stead."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if metaspace:
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend)
    else:
        made.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(SPACE, MARK)])
    made.decoder = _in_parts()
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=[*SPECIAL, *BYTES], show_progress=False)
    words = TEXTS if metaspace else [word for text in TEXTS for word in text.split()]
    made.train_from_iterator([*words] * 3, trainer)
    return _plain_bytes(made)


def _plain_bytes(made: Tokenizer) -> Tokenizer:
    """The tokens of bytes are tokens like others, and no special ones."""
    written = json.loads(made.to_str())
    written["added_tokens"] = [one for one in written["added_tokens"] if one["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(written))


def _unigram(byte_fallback: bool = True) -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(TEXTS * 3, trainer)
    if byte_fallback:
        written = json.loads(made.to_str())
        written["model"]["vocab"] += [[byte, -20.0] for byte in BYTES]
        written["model"]["byte_fallback"] = True
        made = Tokenizer.from_str(json.dumps(written))
        made.decoder = _in_parts()
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "byte-level": _byte_level,
    "byte-level with a space in front": lambda: _byte_level(prefix=True),
    "BPE with byte fallback": _sentencepiece_bpe,
    "BPE with byte fallback, no space in front": lambda: _sentencepiece_bpe(prepend="never"),
    "BPE as of Llama 2": lambda: _sentencepiece_bpe(metaspace=False),
    "unigram with byte fallback": _unigram,
    "unigram": lambda: _unigram(byte_fallback=False),
}


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tokenizer(kind: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=KINDS[kind](), eos_token="</s>", unk_token="<unk>")


@pytest.fixture(scope="module")
def constraint(tokenizer: PreTrainedTokenizerFast) -> GrammarConstraint:
    return GrammarConstraint(tokenizer)


def written(
    constraint: GrammarConstraint, tokenizer: PreTrainedTokenizerFast, query: str, question: str
) -> bool:
    """Whether a model with this tokenizer can write a query, each token of it being allowed, and end."""
    matcher = constraint.start(SCHEMA, question=question)
    for token in tokenizer.encode(query, add_special_tokens=False):
        if not matcher.mask()[token]:
            return False
        matcher.advance(token)
    return bool(matcher.constrained and matcher.mask()[tokenizer.eos_token_id])


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (p:Person)-[:DIRECTED]->(m:Movie) WHERE m.title = 'Kış Uykusu' RETURN p.name, count(m)",
        "MATCH (p:Person {name: 'Ñandú'}) RETURN p.born.year ORDER BY p.born.year DESC LIMIT 3",
        "MATCH (m:Movie) WHERE NOT EXISTS { (m)<-[:ACTED_IN]-() } RETURN m.title",
        "MATCH (p:Person) WHERE p.name = 'ığdır' OR p.name =~ '(?i)İzmir.*' RETURN [x IN [1, 2] | x * 2]",
    ],
)
def test_a_right_query_can_be_written(
    constraint: GrammarConstraint, tokenizer: PreTrainedTokenizerFast, query: str
) -> None:
    assert written(constraint, tokenizer, query, "Kış Uykusu, Ñandú, ığdır ve İzmir?")


@pytest.mark.parametrize(
    "query",
    [
        "CREATE (p:Person) RETURN p",
        "MATCH (p:Person)<-[:DIRECTED]-(m:Movie) RETURN p",
        "MATCH (p:Person {name: 'Ankara'}) RETURN p",
        "MATCH (p:Person) RETURN p.title",
    ],
)
def test_a_wrong_one_cannot(
    constraint: GrammarConstraint, tokenizer: PreTrainedTokenizerFast, query: str
) -> None:
    assert not written(constraint, tokenizer, query, "Kış Uykusu?")


@pytest.mark.parametrize("text", ["日本 🎬", "Ωmega ﬁn", "ağaç\u0301"])
def test_characters_beyond_the_vocabulary_go_by_bytes(
    kind: str, constraint: GrammarConstraint, tokenizer: PreTrainedTokenizerFast, text: str
) -> None:
    query = f"MATCH (m:Movie) WHERE m.title = '{text}' RETURN m"
    assert written(constraint, tokenizer, query, f"{text}?") is (kind != "unigram")


@settings(max_examples=25)
@given(text=st.text(st.sampled_from("abz İıŞğñé'\\\"¿ 019-"), max_size=14))
def test_whatever_the_question_quotes_can_be_written(
    constraint: GrammarConstraint, tokenizer: PreTrainedTokenizerFast, text: str
) -> None:
    query = f"MATCH (m:Movie) WHERE m.title = {quote_string(text)} RETURN m"
    assert written(constraint, tokenizer, query, text)


# ---------------------------------------------------------------------- what cannot be used


def _word_piece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(special_tokens=SPECIAL, show_progress=False))
    return made


def _word_level() -> Tokenizer:
    made = Tokenizer(models.WordLevel(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(TEXTS, trainers.WordLevelTrainer(special_tokens=SPECIAL, show_progress=False))
    return made


def _lower_case() -> Tokenizer:
    made = _byte_level()
    made.normalizer = normalizers.Lowercase()
    return made


def _few_characters() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(["no brackets here"], trainer)
    return made


@pytest.mark.parametrize("make", [_word_piece, _word_level, _lower_case, _few_characters])
def test_a_tokenizer_that_cannot_spell_a_query_is_refused(make: Callable[[], Tokenizer]) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make(), eos_token="</s>", unk_token="<unk>")
    with pytest.raises(ModelError, match="cannot be constrained with this tokenizer"):
        GrammarConstraint(tokenizer)


class _Slow:
    """As much of a tokenizer in Python as is looked at."""

    eos_token_id = 0

    def __len__(self) -> int:
        return 3


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(ModelError, match="use a fast one"):
        GrammarConstraint(_Slow())  # type: ignore[arg-type]

"""nano's tokenizer: byte-level BPE that keeps a name the same tokens wherever it stands.

A small model copies names out of the schema and values out of the question token by token, so a word
must not change its tokens with what surrounds it. Words (split at a change to upper case, so that
`categoryName` shares its parts with "category name"), single digits, and everything between words are
isolated before BPE. Clause keywords between spaces are one piece, which saves two tokens each.
Every byte is in the vocabulary, so any script can be written. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PAD, END = "<pad>", "<end>"

_KEYWORDS = (
    "OPTIONAL MATCH|MATCH|WHERE NOT EXISTS|WHERE EXISTS|WHERE NOT|WHERE|RETURN DISTINCT|RETURN|"
    "WITH DISTINCT|WITH|"
    "ORDER BY|LIMIT|SKIP|UNWIND|UNION|AND NOT|AND|OR|NOT|AS|DESC|DISTINCT|CONTAINS|STARTS WITH|ENDS WITH|"
    "IS NOT NULL|IS NULL|EXISTS|IN|CASE|WHEN|THEN|ELSE|END"
)
_CLAUSE = rf"(?:{_KEYWORDS})(?![\p{{L}}\p{{N}}_'])"
_PIECES = "|".join(
    (
        rf" {_CLAUSE} ?",
        rf"(?<![\p{{L}}\p{{N}}_:'.]){_CLAUSE} ?",
        r"\p{Lu}+(?!\p{Ll})",
        r"\p{Lu}?\p{Ll}+",
        r"[\p{Lo}\p{Lm}\p{M}]+",
        r"\p{N}",
        rf"(?:(?! {_CLAUSE})[^\p{{L}}\p{{N}}\p{{M}}])+",
        r".",
    )
)


def train_tokenizer(texts: Iterable[str], *, vocabulary: int = 4096) -> Any:
    """Train the tokenizer on texts (each a schema, a question or a query, never joined).

    Returns a `transformers.PreTrainedTokenizerFast` with `<pad>` as id 0 and `<end>` as id 1.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=24,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        truncation_side="left",
    )

"""Notices: sentences for the user beside an answer, each told in the language of whoever reads it.

A `Notice` is its English sentence, a plain text to everything that handles texts; a place that knows its
reader's language tells it in that one. Knows nothing of models, databases and requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from types import MappingProxyType
from typing import Any, TypeAlias

LANGUAGES = ("en", "es", "tr")
"""The languages that every sentence is there in, as BCP 47 codes; the first one is the text itself."""

Value: TypeAlias = str | int | tuple[str, ...]
"""What a field holds: a text, a count, or parts that are joined. Notices among them are told as well."""

# No field has an ending glued to it: nobody knows a value's vowels, or whether Spanish `de el` must be `del`.
CATALOGUE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "graph": {
            "en": "the graph '{name}'",
            "es": "el grafo '{name}'",
            "tr": "'{name}' çizgesi",
        },
        "value_nearest": {
            "en": "'{said}' is not stored; the nearest stored value is '{stored}' ({where}); "
            "the question was read so",
            "es": "'{said}' no está en el grafo; el valor más parecido es '{stored}' ({where}); "
            "así se leyó la pregunta",
            "tr": "'{said}' kayıtlı değil; en yakın kayıtlı değer '{stored}' ({where}); soru böyle okundu",
        },
        "value_means": {
            "en": "'{said}' means '{stored}' ({where}); the question was read so",
            "es": "'{said}' significa '{stored}' ({where}); así se leyó la pregunta",
            "tr": "'{said}', '{stored}' anlamına geliyor ({where}); soru böyle okundu",
        },
        "schema_cut": {
            "en": "the schema is too large for the model: {left} of {all} labels left out",
            "es": "el esquema es demasiado grande para el modelo: etiquetas omitidas: {left} de {all}",
            "tr": "şema model için çok büyük: {all} etiketin {left} tanesi dışarıda bırakıldı",
        },
        "schema_sampled": {
            "en": "{graph} is large and its schema was read in part: {gaps}",
            "es": "{graph} es grande y su esquema se leyó solo en parte: {gaps}",
            "tr": "{graph} büyük olduğundan şeması yalnızca kısmen okundu: {gaps}",
        },
        "schema_old": {
            "en": "the schema of {graph} could not be read again, an older one is used: {error}",
            "es": "no se pudo volver a leer el esquema ({graph}); se usa uno anterior: {error}",
            "tr": "şema yeniden okunamadı ({graph}), daha eskisi kullanılıyor: {error}",
        },
        "gap_labels": {
            "en": "labels are those of {nodes:,} nodes",
            "es": "las etiquetas son las de {nodes:,} nodos",
            "tr": "etiketler {nodes:,} düğümden alındı",
        },
        "gap_relationships": {
            "en": "relationships are those of {nodes:,} nodes of each label",
            "es": "las relaciones son las de {nodes:,} nodos de cada etiqueta",
            "tr": "ilişkiler her etiketin {nodes:,} düğümünden alındı",
        },
        "gap_properties": {
            "en": "the properties of {missed} of {all} labels and relationship types are missing",
            "es": "faltan las propiedades de {missed} de {all} etiquetas y tipos de relación",
            "tr": "{all} etiket ve ilişki türünün {missed} tanesinin özellikleri eksik",
        },
        "unconstrained": {
            "en": "decoding could not be constrained to the schema; the guard still checks the query",
            "es": "la consulta se escribió sin poder ceñirse al esquema; "
            "el control de solo lectura la revisa igualmente",
            "tr": "sorgu şemaya bağlı kalınarak yazılamadı; salt okuma denetimi sorguyu yine de inceliyor",
        },
        "query_cut": {
            "en": "the query was cut at {tokens} tokens; ask a simpler question",
            "es": "la consulta se cortó a los {tokens} tokens; haz una pregunta más sencilla",
            "tr": "sorgu {tokens} belirteçten sonra kesildi; daha basit bir soru sorun",
        },
        "only_reads": {
            "en": "polycypher only reads: nothing was changed, the answer shows what the question names",
            "es": "polycypher solo lee: no se cambió nada, la respuesta muestra lo que nombra la pregunta",
            "tr": "polycypher yalnızca okur: hiçbir şey değişmedi, yanıt soruda adı geçenleri gösteriyor",
        },
        "repaired": {
            "en": "the query was repaired: the database rejected the first one ({reason}): {first}",
            "es": "la consulta se corrigió: la base de datos rechazó la primera ({reason}): {first}",
            "tr": "sorgu düzeltildi: veritabanı ilk sorguyu reddetti ({reason}): {first}",
        },
        "said_otherwise": {
            "en": "the query was said in the Cypher of {server}: {query}",
            "es": "la consulta se expresó en el Cypher de {server}: {query}",
            "tr": "sorgu {server} sunucusunun Cypher diliyle ifade edildi: {query}",
        },
    }
)
"""Code → language → sentence with named fields. A count with `:,` is written with its thousands apart."""

_THOUSANDS = {"en": ",", "es": "\N{NO-BREAK SPACE}", "tr": "."}
_JOINED = {"en": ", and ", "es": ", y ", "tr": "; "}


class Notice(str):
    """A sentence for the user: the English text, that can be told in other languages.

    Texts made of it (joined, cut, stripped) are English texts and no notices. It can be copied and pickled.

    Args:
        code: which sentence of the `CATALOGUE`.
        values: its fields.

    Raises:
        KeyError: there is no such sentence, or a field is missing.
    """

    __slots__ = ("_values", "code")

    code: str
    _values: dict[str, Value]

    def __new__(cls, code: str, /, **values: Value) -> Notice:
        """The notice; its text is made here, once."""
        made = super().__new__(cls, _written(code, values, "en"))
        made.code, made._values = code, values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Value]]:
        """What `copy` and `pickle` make it of again."""
        return (self.code,), self._values

    @property
    def values(self) -> Mapping[str, Value]:
        """Its fields."""
        return MappingProxyType(self._values)

    def told(self, language: str) -> str:
        """The sentence in one of `LANGUAGES`; in English for any other code."""
        return str(self) if language == "en" else _written(self.code, self._values, language)


def told_in(language: str, notices: Sequence[str]) -> list[str]:
    """Notices in a language; texts that are no `Notice` stay as they are."""
    return [notice.told(language) if isinstance(notice, Notice) else notice for notice in notices]


def to_json(notice: str) -> Any:
    """The JSON-able form of a notice or a text, for `from_json`. Values must be texts or counts."""
    return {"code": notice.code, "values": dict(notice.values)} if isinstance(notice, Notice) else str(notice)


def from_json(value: Any) -> str:
    """The notice or text that `to_json` was given.

    Raises:
        KeyError, TypeError, ValueError: another version wrote it.
    """
    return Notice(value["code"], **value["values"]) if isinstance(value, dict) else str(value)


def _written(code: str, values: Mapping[str, Value], language: str) -> str:
    sentences = CATALOGUE[code]
    known = language if language in sentences else "en"
    return _Writer(known).vformat(sentences[known], (), values)


class _Writer(Formatter):
    """Fills in a sentence's fields as its language writes them."""

    def __init__(self, language: str) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple):
            return _JOINED[self._language].join(told_in(self._language, value))
        if isinstance(value, Notice):
            return value.told(self._language)
        written = format(value, format_spec)
        return written.replace(",", _THOUSANDS[self._language]) if format_spec == "," else written

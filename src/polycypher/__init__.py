"""polycypher: ask a property graph in any language.

    from polycypher import Translator, connect

    with connect("demo") as graph, Translator.load("nano") as translator:
        made = translator.translate("¿Qué películas dirigió Clint Eastwood?", graph.schema())
        print(graph.read(made.cypher).rows)

The names here are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polycypher.ask import Answer
    from polycypher.errors import PolycypherError
    from polycypher.graph.connect import connect
    from polycypher.graph.store import GraphStore, Limits, Result
    from polycypher.schema import GraphSchema
    from polycypher.translator.translator import Translation, Translator

__version__ = "0.1.0"

_HOMES = {
    "Answer": "polycypher.ask",
    "PolycypherError": "polycypher.errors",
    "connect": "polycypher.graph.connect",
    "GraphStore": "polycypher.graph.store",
    "Limits": "polycypher.graph.store",
    "Result": "polycypher.graph.store",
    "GraphSchema": "polycypher.schema",
    "Translation": "polycypher.translator.translator",
    "Translator": "polycypher.translator.translator",
}

__all__ = [
    "Answer",
    "GraphSchema",
    "GraphStore",
    "Limits",
    "PolycypherError",
    "Result",
    "Translation",
    "Translator",
    "__version__",
    "connect",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polycypher' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value

"""polycypher: ask a property graph in any language."""

__version__ = "0.1.0"

"""Parallel questions with one gold query from a schema; languages and worlds are data."""

from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.random_world import random_world
from polycypher.synthesis.synthesise import synthesise
from polycypher.synthesis.values import FictionalValues, GraphValues, ValueSource
from polycypher.synthesis.worlds import demo_world, domain_world, domain_worlds

__all__ = [
    "FictionalValues",
    "GraphValues",
    "Lexicon",
    "ValueSource",
    "demo_world",
    "domain_world",
    "domain_worlds",
    "random_world",
    "synthesise",
]

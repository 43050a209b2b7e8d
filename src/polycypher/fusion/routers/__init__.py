"""Routers: what weighs frozen adapters by prompt, layer or token; a file a method, `registry` names them."""

from polycypher.fusion.routers.decoding import Routed, RouterDecoder
from polycypher.fusion.routers.registry import ROUTERS, make_router
from polycypher.fusion.routers.router import PromptRouter, Router, RouterPrompt, Shape, TokenRouter

__all__ = [
    "ROUTERS",
    "PromptRouter",
    "Routed",
    "Router",
    "RouterDecoder",
    "RouterPrompt",
    "Shape",
    "TokenRouter",
    "make_router",
]

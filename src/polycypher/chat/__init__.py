"""A session in a terminal: question after question to one graph, with a few commands.

`conversation` knows what a line means and prints what it gives, `terminal` how lines are typed. Neither
knows how a question is answered: that is `polycypher.ask`.
"""

from polycypher.chat.conversation import Conversation
from polycypher.chat.terminal import converse

__all__ = ["Conversation", "converse"]

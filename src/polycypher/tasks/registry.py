"""The tasks by name. A new task is one file and one line here."""

from __future__ import annotations

from polycypher.errors import UsageError
from polycypher.tasks.nusax import NUSAX
from polycypher.tasks.passages import MLQA, TYDIQA
from polycypher.tasks.task import Task
from polycypher.tasks.text2cypher import text2cypher
from polycypher.tasks.xnli import XNLI

TASKS: dict[str, Task] = {task.name: task for task in (XNLI, NUSAX, TYDIQA, MLQA, text2cypher())}
"""Name → task."""


def task_named(name: str) -> Task:
    """The task of a name. Raises `UsageError` for another name."""
    if name not in TASKS:
        raise UsageError(f"no task is named '{name}'; there are {', '.join(TASKS)}")
    return TASKS[name]

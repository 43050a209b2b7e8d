"""A small execution probe of an adapter under training: a few spare questions, answered and run.

Spare questions neither train nor test. Knows nothing of the training loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from polycypher.corpus.example import Example
from polycypher.evaluation import evaluate
from polycypher.evaluation.execute import Executor
from polycypher.fusion.runner import Runner
from polycypher.study.base import Base
from polycypher.study.data import StudyData
from polycypher.study.methods import Method
from polycypher.study.predict import predict, questions_of


class _Alone:
    """Stands for a stacked adapter where the model carries its own."""

    vectors: Tensor | None = None

    def set_weights(self, weights: Tensor | None) -> None:
        """Nothing to mix."""

    def vectors_of(self, weights: Tensor) -> Tensor:
        """Something a row, of which nothing is made."""
        return weights

    def use_vectors(self, vectors: Tensor) -> None:
        """Nothing to mix."""


class ExecutionProbe:
    """Answers spare questions with the model as it is and runs them; EX a language."""

    def __init__(
        self,
        base: Base,
        data: StudyData,
        graphs: Mapping[str, Executor],
        languages: Sequence[str],
        *,
        most: int = 16,
        longest: int = 120,
    ) -> None:
        """Choose the questions.

        Args:
            base: for prompts and the tokenizer.
            data: whose spare questions are asked.
            graphs: where queries run; questions about these go before others.
            languages: to ask in, each the same questions.
            most: questions a language.
            longest: tokens that an answer may have.
        """
        self.base, self.graphs, self.longest = base, graphs, longest
        runnable = [example for example in data.spare if example.database in graphs] or list(data.spare)
        self.examples: list[Example] = runnable[:most]
        self.asked = questions_of(base, data, self.examples, languages)

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """`ex_LANGUAGE` for each language, or `rouge_l_LANGUAGE` where no graph can run the questions."""
        if not self.asked:
            return {}
        tuned, alone = cast(Any, model), cast(Any, _Alone())
        core = tuned.get_base_model() if hasattr(tuned, "get_base_model") else tuned
        runner = Runner(core, alone, end=int(self.base.tokenizer.eos_token_id))
        with torch.autocast(runner.device.type, enabled=False):
            predictions = predict(
                Method("probe", ("",)),
                self.base,
                runner,
                {},
                None,
                self.asked,
                batch=16,
                longest=self.longest,
            )
        report = evaluate(predictions, self.examples, self.graphs)
        name = "execution_accuracy" if self.graphs else "rouge_l"
        return {
            f"{'ex' if self.graphs else name}_{code}": round(getattr(summary, name) or 0.0, 4)
            for code, summary in report.languages.items()
        }

"""Measures of predicted queries: text, execution, intervals, report; none knows how a prediction was made."""

from polycypher.evaluation.evaluate import evaluate, self_check
from polycypher.evaluation.execute import EVALUATION_LIMITS, Execution, Executor, Outcome, Reader
from polycypher.evaluation.intervals import Interval, bootstrap, paired_difference
from polycypher.evaluation.prediction import Prediction
from polycypher.evaluation.report import METRICS, LanguageReport, Report, Score

__all__ = [
    "EVALUATION_LIMITS",
    "METRICS",
    "Execution",
    "Executor",
    "Interval",
    "LanguageReport",
    "Outcome",
    "Prediction",
    "Reader",
    "Report",
    "Score",
    "bootstrap",
    "evaluate",
    "paired_difference",
    "self_check",
]

"""The study's aims and what was measured of them: verdicts, and everything that fell short.

Pure functions from results to words; an aim that could not be measured is neither reached nor missed. Knows
nothing of tables, pictures or pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from polycypher.study import reading
from polycypher.study.reading import Results

SHARE_AIM: Final = 0.75
BETTER_GATE_AIM: Final = 0.9
SAMPLES_AIM: Final = 0.21
AIM_METRICS: Final = {"rouge_l": "ROUGE-L", "execution_accuracy": "EX"}
"""The two measures that the aims are stated in; ROUGE-L alone saturates."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One aim, what was measured, and whether it is reached; None where it could not be measured."""

    aim: str
    measured: str
    reached: bool | None

    @property
    def word(self) -> str:
        """yes, no or not measured."""
        return {True: "yes", False: "no", None: "not measured"}[self.reached]


def verdicts(results: Results) -> list[Verdict]:
    """The study's aims, each with what was measured."""
    better = _better_gate(results)
    return [
        *(_share_verdict(results, "fusion-mlp", metric, SHARE_AIM, "fusion-mlp") for metric in AIM_METRICS),
        *(_linear_verdict(results, metric) for metric in AIM_METRICS),
        _samples_verdict(results),
        *(_share_verdict(results, better, key, BETTER_GATE_AIM, "the better gate") for key in AIM_METRICS),
    ]


def shortfalls(results: Results) -> list[str]:
    """What did not hold, a line each: aims missed, methods below base, differences wholly below zero, gates
    that send most of a language's questions to another language's adapter."""
    found = [
        f"Aim not reached: {verdict.aim}. Measured: {verdict.measured}."
        for verdict in verdicts(results)
        if verdict.reached is False
    ]
    for method in reading.part(results, "methods"):
        below = []
        for metric, name in reading.METRICS.items():
            own, base = reading.score(results, method, metric), reading.score(results, "base", metric)
            if own is not None and base is not None and own.value < base.value:
                below.append(f"{name} ({own.value:.3f} against {base.value:.3f})")
        if below:
            found.append(f"{method} is below base on average in {', '.join(below)}.")
    for name in reading.part(results, "differences"):
        below = []
        for metric, title in reading.METRICS.items():
            cells = {
                language: reading.difference(results, name, metric, language)
                for language in (*reading.languages(results), reading.AVERAGE)
            }
            where = [reading.head(at) for at, cell in cells.items() if cell and (cell.high or 0.0) < 0.0]
            if where:
                below.append(f"{title} ({', '.join(where)})")
        if below:
            found.append(f"{name} is wholly below zero in {', '.join(below)}.")
    for gate in reading.part(results, "routing", "confusion"):
        names, adapters, shares = reading.confusion(results, gate)
        for language, row in zip(names, shares, strict=True):
            own_share = dict(zip(adapters, row, strict=True)).get(language)
            if own_share is not None and own_share < 0.5:
                head = reading.head(language)
                found.append(f"{gate} sends only {own_share:.0%} of the {head} questions to adapter {head}.")
    return found


def _better_gate(results: Results) -> str | None:
    """The gate whose lower share of joint's gain, over the aims' measures, is the higher; None without any.

    One gate must serve for both measures, so that the better of each is not picked measure by measure.
    """
    ranks: dict[str, tuple[int, float]] = {}
    for gate in reading.GATES:
        shares = [reading.recovered(results, gate, metric) for metric in AIM_METRICS]
        known = [share for share in shares if share is not None]
        if known:
            ranks[gate] = (len(known), min(known))
    return max(ranks, key=ranks.__getitem__, default=None)


def _share_verdict(results: Results, method: str | None, metric: str, aim: float, who: str) -> Verdict:
    text = f"{who} recovers at least {aim} of joint's gain in {AIM_METRICS[metric]}"
    if method is None:
        return Verdict(text, "no gate has a share of joint's gain", None)
    cells = {name: reading.score(results, name, metric) for name in ("base", method, "joint")}
    values = ", ".join(f"{name} {cell.value:.3f}" for name, cell in cells.items() if cell)
    missing = [name for name, cell in cells.items() if cell is None]
    if missing:
        return Verdict(text, f"no score of {', '.join(missing)}", None)
    share = reading.recovered(results, method, metric)
    if share is None:
        return Verdict(text, f"joint gains nothing over base: {values}", None)
    gain = reading.difference(results, "joint - base", metric)
    doubt = ""
    if gain is not None and gain.low is not None and gain.low <= 0.0:
        doubt = "; joint's own gain is not wholly above zero, so the share says little"
    return Verdict(text, f"{share:.3f} ({values}){doubt}", share >= aim)


def _linear_verdict(results: Results, metric: str) -> Verdict:
    """Against every uniform linear merge, in every language; the smallest difference is what is shown."""
    text = f"fusion-mlp is at least every linear merge in every language in {AIM_METRICS[metric]}"
    found: list[tuple[float, str]] = []
    missing = []
    for merge in reading.LINEAR:
        for language in reading.languages(results):
            where = f"{reading.head(language)}, {merge}"
            ours = reading.score(results, "fusion-mlp", metric, language)
            theirs = reading.score(results, merge, metric, language)
            if ours is None or theirs is None:
                missing.append(where)
                continue
            paired = reading.difference(results, f"fusion-mlp - {merge}", metric, language)
            interval = ""
            if paired is not None and paired.low is not None and paired.high is not None:
                interval = f" [{paired.low:+.3f}, {paired.high:+.3f}]"
            found.append((ours.value - theirs.value, f"{interval} ({where})"))
    if not found:
        return Verdict(text, "no scores to compare", None)
    least, detail = min(found)
    measured = f"smallest difference {least:+.3f}{detail}"
    if missing:
        measured += f"; not measured: {'; '.join(missing)}"
    return Verdict(text, measured, False if least < 0.0 else None if missing else True)


def _samples_verdict(results: Results) -> Verdict:
    text = f"the gate trains on at most {SAMPLES_AIM:.0%} of joint's samples"
    counts = []
    for name, training in (("gate", "fusion-mlp"), ("joint", "joint")):
        counted = reading.number(reading.part(results, "corpus").get(name))
        counts.append(counted or reading.number(reading.part(results, "costs", training).get("samples")))
    gate, joint = counts
    if gate is None or not joint:
        return Verdict(text, "no count of the gate's and joint's samples", None)
    return Verdict(text, f"{gate / joint:.1%} ({gate:,.0f} of {joint:,.0f})", gate / joint <= SAMPLES_AIM)

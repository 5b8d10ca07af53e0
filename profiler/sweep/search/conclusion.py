"""What a search found, in sentences that claim no more than its looks and its fresh runs say."""

import math
from collections.abc import Mapping

from profiler.analysis.figure_name import figure_value
from profiler.analysis.intervals import log_t_interval
from profiler.records.metric import BY_NAME
from profiler.records.run_record import Figures
from profiler.sweep.search.bracket import bracket
from profiler.sweep.search.evidence import Evidence, Verdict
from profiler.sweep.search.problem import Problem
from profiler.sweep.search.strategy import Strategy
from profiler.units import significant

SPEED = "output_tok_s"

FreshRuns = Mapping[int, Figures]
"""Figures of a candidate's fresh runs by their block."""


def boundary_sentence(problem: Problem, evidence: Evidence, arm: int) -> str:
    """Up to which load an arm meets the limits: "Q8_0 holds 7 users, not 8"."""
    name, known = problem.arms[arm].name, bracket(problem, evidence, arm)
    if not evidence.places(arm):
        return f"{name} was not measured."
    if not known.has_order:
        return f"{name} has no boundary: it met the limits, or gave less, out of order."
    places = len(problem.ladder)
    closely = ", closely" if _is_open(evidence, arm, known.meets, places) else ""
    if known.breaks == places:
        return f"{name} holds {problem.load_words(known.meets)}{closely}, the most allowed."
    beyond = problem.load_words(known.breaks)
    is_close = _is_open(evidence, arm, known.breaks, places)
    if known.meets < 0:
        told = f"{beyond} are too close to a limit to tell" if is_close else f"not {beyond}"
        return f"{name} meets the limits with no load that was looked at: {told}."
    holds = f"{name} holds {problem.load_words(known.meets)}{closely}"
    return f"{holds}; whether it holds {beyond} is too close to tell." if is_close else f"{holds}, not {beyond}."


def _is_open(evidence: Evidence, arm: int, place: int, places: int) -> bool:
    return 0 <= place < places and evidence.verdict(arm, place) is Verdict.OPEN


def winner_first(strategy: Strategy, fresh: Mapping[tuple[int, int], FreshRuns]) -> list[tuple[int, int]]:
    """The confirmed candidates, the better first: who meets the limits in its fresh runs, then who is faster in them."""
    evidence = strategy.evidence

    def rank(each: tuple[int, int]) -> tuple[bool, float]:
        speed = evidence.speed(*each)
        return (not evidence.likely_meets(*each), -(speed.middle if speed is not None else 0.0))

    return sorted((each for each in fresh if evidence.is_confirmed(*each)), key=rank)


def conclusion(strategy: Strategy, fresh: Mapping[tuple[int, int], FreshRuns]) -> str:
    """Winner, runner-up and the evidence."""
    problem, evidence = strategy.problem, strategy.evidence
    ranked = winner_first(strategy, fresh)
    good = [each for each in ranked if evidence.likely_meets(*each)]
    if not good and (hopeful := strategy.ranking()):
        arm, place = hopeful[0]
        return (
            f"The search ended before anything was confirmed by fresh runs. {problem.words(arm, place)} looked best so far, in "
            f"{evidence.looks(arm, place)} of the runs that it was chosen by."
        )
    if not good:
        if not any(evidence.places(arm) for arm in range(len(problem.arms))):
            return "Nothing could be measured."
        limits = ",".join(str(limit) for limit in problem.slo)
        return f"Nothing that was allowed meets {limits}." if limits else "Nothing gave any output."
    winner = good[0]
    sentence = f"Use {problem.words(*winner)}: {_speed_words(fresh[winner])}"
    sentence += _limit_words(problem, fresh[winner])
    sentence += f", in {len(fresh[winner])} fresh runs"
    if evidence.verdict(*winner) is Verdict.OPEN and problem.slo:
        sentence += " (so close to a limit that another day may break it)"
    sentence += "."
    others = [each for each in ranked if each != winner]
    if not others:
        return f"{sentence} There was nothing else to choose from."
    return f"{sentence} {_runner_up(problem, evidence, winner, others[0], fresh)}"


def _runner_up(
    problem: Problem,
    evidence: Evidence,
    winner: tuple[int, int],
    other: tuple[int, int],
    fresh: Mapping[tuple[int, int], FreshRuns],
) -> str:
    words = f"Runner-up: {problem.words(*other)}, {_speed_words(fresh[other])}"
    if not evidence.likely_meets(*other):
        return f"{words}, which broke a limit in its fresh runs."
    shared = sorted(set(fresh[winner]) & set(fresh[other]))
    ratios = []
    for block in shared:
        ours, theirs = figure_value(fresh[winner][block], SPEED), figure_value(fresh[other][block], SPEED)
        if ours and theirs:
            ratios.append(ours / theirs)
    interval = log_t_interval(ratios)
    if interval is None:
        return f"{words}; too few runs side by side to tell them apart."
    low, high = (100 * (end - 1) for end in interval)
    middle = 100 * (math.exp(sum(map(math.log, ratios)) / len(ratios)) - 1)
    if low > 0:
        return f"{words}; the winner gives {middle:.1f} % more ({low:.1f} to {high:.1f} %, block by block)."
    return f"{words}; these runs do not tell them apart ({low:+.1f} to {high:+.1f} %, block by block)."


def _speed_words(runs: FreshRuns) -> str:
    values = [value for figures in runs.values() if (value := figure_value(figures, SPEED)) is not None]
    if not values:
        return "no output"
    middle = math.exp(sum(map(math.log, values)) / len(values))
    interval = log_t_interval(values)
    half = "" if interval is None else f" ± {significant((interval[1] - interval[0]) / 2, 2)}"
    return f"{significant(middle)}{half} tok/s"


def _limit_words(problem: Problem, runs: FreshRuns) -> str:
    told = []
    for limit in problem.slo:
        name = f"{limit.metric}.{limit.statistic}"
        values = [value for figures in runs.values() if (value := figure_value(figures, name)) is not None and value > 0]
        if values:
            middle = math.exp(sum(map(math.log, values)) / len(values))
            metric = BY_NAME[limit.metric]
            words = f"{metric.label[0].lower()}{metric.label[1:]} {limit.statistic}"
            told.append(f"{words} {significant(middle)} of the {limit.threshold:g} {metric.unit} allowed")
    return "".join(f", {each}" for each in told)

"""Which session's machine serves a need, and how fast: a ranking of sessions by their best measured cell that meets it.

Nothing is interpolated: a session is ranked by a cell that it has measured. The cell is the one with the most output of those
that meet the need, so that it is the best of several noisy ones; where a search confirmed its choice by fresh runs, these count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profiler.analysis.figure_name import figure_value
from profiler.exchange.findings.answer import most_output
from profiler.exchange.findings.need_verdict import Verdict, check, overall
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import CellView, SessionView, read_session
from profiler.exchange.findings.spoken import spoken
from profiler.hardware.session_spread import machine_key
from profiler.plan.words import limits_in_words, listed
from profiler.records.machine_price import MachinePrice
from profiler.session.reader import SessionReader

PRICE_UNIT = 1000.0
"""Speeds are told for so much money."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A session that takes part.

    Attributes:
        name: short, another one for each.
        machine_key: what identifies its machine (`hardware.session_spread.machine_key`).
    """

    name: str
    view: SessionView
    machine_key: str


@dataclass(frozen=True, slots=True)
class RankedMachine:
    """One session in the ranking.

    Attributes:
        name: of the session; `machine` is its machine in a line.
        verdict: whether any of its cells meets the need; None where no limit is stated.
        cell: that cell in words, `users` its users in a closed loop; empty and None where none meets.
        output_tok_s, interval, user_tok_s: of that cell.
        tok_s_per_watt: output tokens a joule, which is tok/s for each watt; None where no meter was read.
        price: of its machine; `tok_s_per_1000` is the speed for 1000 of its currency; None where it is not given.
        is_close: its interval overlaps that of the one above, so that which is faster is not certain.
        doubts: names of the flags on that cell's runs.
        reason: why there is no cell, in a sentence.
    """

    name: str
    machine: str
    machine_key: str
    verdict: Verdict | None
    cell: str = ""
    users: int | None = None
    output_tok_s: float | None = None
    interval: tuple[float, float] | None = None
    user_tok_s: float | None = None
    tok_s_per_watt: float | None = None
    price: MachinePrice | None = None
    is_close: bool = False
    doubts: str = ""
    reason: str = ""

    @property
    def tok_s_per_1000(self) -> float | None:
        """Output for so much money."""
        if self.price is None or self.output_tok_s is None or self.price.amount <= 0:
            return None
        return PRICE_UNIT * self.output_tok_s / self.price.amount


@dataclass(frozen=True, slots=True)
class MachineRanking:
    """The ranking.

    Attributes:
        need: the base's need in words, empty where it states no limit: then the most output counts.
        rows: those that meet it first, the fastest of them first.
        has_machines: whether there is more than one machine.
    """

    need: str
    rows: tuple[RankedMachine, ...]
    has_machines: bool


_ORDER = {Verdict.MET: 0, None: 0, Verdict.UNKNOWN: 1, Verdict.BROKEN: 2}


def machine_ranking(contestants: Sequence[Contestant], prices: Mapping[str, MachinePrice] | None = None) -> MachineRanking:
    """Rank sessions by the need of the first.

    Args:
        contestants: at least one.
        prices: of machines, by their key.
    """
    need = contestants[0].view
    rows = [_row(each, need, (prices or {}).get(each.machine_key)) for each in contestants]
    rows.sort(key=lambda row: (_ORDER[row.verdict], -(row.output_tok_s or 0.0)))
    ranked = [replace(row, is_close=number > 0 and _overlap(rows[number - 1], row)) for number, row in enumerate(rows)]
    return MachineRanking(_need_words(need), tuple(ranked), len({each.machine_key for each in contestants}) > 1)


def rank_files(files: Sequence[Path], prices: Mapping[str, MachinePrice] | None = None) -> MachineRanking:
    """Rank session files by the need of the first.

    Args:
        files: at least one.
        prices: of machines, by their key.

    Raises:
        BadFile, EnvironmentFault: with a sentence.
    """
    return machine_ranking([Contestant(str(file), read_session(file), key_of(file)) for file in files], prices)


def key_of(file: Path) -> str:
    """What identifies a session file's machine; raises BadFile or EnvironmentFault with a sentence."""
    with SessionReader.open(file) as reader:
        return machine_key(reader.machine())


def remarks(ranking: MachineRanking) -> list[str]:
    """What is to be known of the order, in sentences."""
    told = [f"{row.name}: {row.reason}" for row in ranking.rows if row.reason]
    for above, row in zip(ranking.rows, ranking.rows[1:], strict=False):
        if row.is_close:
            told.append(f"{row.name} may be as fast as {above.name}: their intervals overlap.")
    if sum(row.interval is not None for row in ranking.rows) > 1:
        told.append("The intervals hold the repetitions of one session; what sessions differ by is held by the verdicts alone.")
    if sum(row.tok_s_per_watt is not None for row in ranking.rows) > 1 and ranking.has_machines:
        told.append("Speed per watt compares only where the same kind of meter was read.")
    told += [f"{row.name}: {row.doubts} in its runs." for row in ranking.rows if row.doubts]
    return told


def ranking_document(ranking: MachineRanking) -> dict[str, Any]:
    """The ranking as plain values; what is not known is None."""
    return {
        "need": ranking.need or None,
        "remarks": remarks(ranking),
        "machines": [
            {
                "rank": number if row.output_tok_s is not None else None,
                "file": row.name,
                "machine": row.machine,
                "verdict": row.verdict.value if row.verdict is not None else None,
                "cell": row.cell or None,
                "users": row.users,
                "output_tok_s": row.output_tok_s,
                "interval": list(row.interval) if row.interval is not None else None,
                "user_tok_s": row.user_tok_s,
                "tok_s_per_watt": row.tok_s_per_watt,
                "price": None if row.price is None else {"amount": row.price.amount, "currency": row.price.currency},
                "tok_s_per_1000": row.tok_s_per_1000,
                "is_close_to_the_one_above": row.is_close,
                "doubts": row.doubts,
                "reason": row.reason,
            }
            for number, row in enumerate(ranking.rows, 1)
        ],
    }


def _row(contestant: Contestant, need: SessionView, price: MachinePrice | None) -> RankedMachine:
    view = contestant.view
    blank = RankedMachine(contestant.name, view.machine or "a machine of which nothing is known", contestant.machine_key, None)
    blank = replace(blank, price=price)
    cells = _candidates(view, need)
    if not cells:
        return replace(blank, verdict=Verdict.UNKNOWN, reason=_why_none(view, need))
    verdicts = {cell.cell_id: _verdict(cell, view, need) for cell in cells}
    meeting = [cell for cell in cells if verdicts[cell.cell_id] in (None, Verdict.MET)]
    best = most_output(meeting)
    if best is None:
        is_broken = all(verdict is Verdict.BROKEN for verdict in verdicts.values())
        told = f"None of its {len(cells)} measured cells" if len(cells) > 1 else "Its one measured cell"
        reason = f"{told} {'meets' if len(cells) > 1 else 'does not meet'} the need."
        unknown = "Whether it meets the need is not known: its cells lack what the limits are about."
        return replace(blank, verdict=Verdict.BROKEN if is_broken else Verdict.UNKNOWN, reason=reason if is_broken else unknown)
    figures = best.figures or {}
    return replace(
        blank,
        verdict=verdicts[best.cell_id],
        cell=spoken(best, view.varying),
        users=best.users,
        output_tok_s=figure_value(figures, "output_tok_s"),
        interval=best.intervals.get("output_tok_s"),
        user_tok_s=figure_value(figures, "user_tok_s"),
        tok_s_per_watt=figure_value(figures, "tokens_per_joule"),
        doubts=best.doubt_names,
    )


def _candidates(view: SessionView, need: SessionView) -> list[CellView]:
    """The measured cells, those for as many users as the need names, and of a search's what fresh runs confirmed."""
    cells = list(view.measured)
    confirmed = [cell for cell in cells if cell.evidence is Evidence.CONFIRMED]
    cells = confirmed or cells
    if need.need_users is not None and any(cell.is_closed for cell in cells):
        cells = [cell for cell in cells if cell.users is not None and cell.users >= need.need_users]
    return cells


def _why_none(view: SessionView, need: SessionView) -> str:
    if not view.measured:
        return "Nothing was measured."
    return f"No cell with {need.need_users} users or more was measured."


def _verdict(cell: CellView, view: SessionView, need: SessionView) -> Verdict | None:
    """A cell of one session held against the limits of another; limits of classes hold for the same classes only."""
    if need.class_slo:
        return cell.verdict if (view.slo, view.class_slo) == (need.slo, need.class_slo) else Verdict.UNKNOWN
    return overall(check(cell.figures or {}, need.slo, is_unstable=cell.is_unstable), is_unstable=cell.is_unstable)


def _need_words(need: SessionView) -> str:
    if not need.has_limits:
        return ""
    told = [listed(limits_in_words(",".join(map(str, need.slo))))] if need.slo else []
    told += [f"{name}: {listed(limits_in_words(','.join(map(str, slo))))}" for name, slo in need.class_slo.items()]
    users = need.need_users
    whom = "" if users is None else " for 1 user or more" if users == 1 else f" for {users} users or more"
    return f"{'; '.join(told)}{whom}".replace("**", "")


def _overlap(above: RankedMachine, below: RankedMachine) -> bool:
    """Whether both speeds may be the same; without intervals nothing is known of that, and nothing is said."""
    if above.interval is None or below.interval is None or above.verdict is not below.verdict:
        return False
    return above.interval[0] <= below.interval[1] and below.interval[0] <= above.interval[1]

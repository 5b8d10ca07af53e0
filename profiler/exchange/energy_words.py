"""The energy of a session document's cells in columns and sentences: the same in tables, Markdown, the report and the terminal.

A cell's "energy" is what `session_energy.energy_document` makes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profiler.analysis.energy import Joules
from profiler.exchange.session_energy import interval_words
from profiler.units import significant

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EnergyColumn:
    """One figure of a cell's energy.

    Attributes:
        name: for tables of data, its unit in it.
        title: for people.
        unit: its unit.
        definition: what it means, in words.
        account: which of the document's accounts it is of; empty for a figure beside these.
        figure: its key there.
    """

    name: str
    title: str
    unit: str
    definition: str
    account: str
    figure: str

    def interval(self, energy: Document) -> Mapping[str, float | None] | None:
        """Its value with both ends of the sampling interval; None where it was not measured."""
        of = energy.get(self.account) if self.account else energy
        found: Mapping[str, float | None] | None = of.get(self.figure) if of else None
        return found


_ALL = "all that the meters counted"
_ABOVE = "less what the meters showed at rest"
_WALL = "as drawn at the wall, by the calibration of these meters"
_OUTPUT, _REQUEST = "joules for each output token", "joules for each request"
_PER_OUTPUT, _PER_REQUEST = "joules_per_output_token", "joules_per_request"

ENERGY_COLUMNS = (
    EnergyColumn("metered_watts", "Meters, W", "W", f"mean power, {_ALL}", "gross", "watts"),
    EnergyColumn("metered_joules_per_output_token", "J/output token", "J", f"{_OUTPUT}, {_ALL}", "gross", _PER_OUTPUT),
    EnergyColumn(
        "metered_joules_per_token", "J/token", "J", f"joules for each prompt or output token, {_ALL}", "gross", "joules_per_token"
    ),
    EnergyColumn("metered_joules_per_request", "J/request", "J", f"{_REQUEST}, {_ALL}", "gross", _PER_REQUEST),
    EnergyColumn("above_idle_watts", "Above rest, W", "W", f"mean power, {_ABOVE}", "above_idle", "watts"),
    EnergyColumn(
        "above_idle_joules_per_output_token", "J/output token above rest", "J", f"{_OUTPUT}, {_ABOVE}", "above_idle", _PER_OUTPUT
    ),
    EnergyColumn(
        "above_idle_joules_per_request", "J/request above rest", "J", f"{_REQUEST}, {_ABOVE}", "above_idle", _PER_REQUEST
    ),
    EnergyColumn(
        "output_tokens_per_joule", "tok/J", "tok/J", "output tokens a joule, also tok/s for each watt", "", "tokens_per_joule"
    ),
    EnergyColumn("wall_watts", "Wall, W", "W", f"mean power, {_WALL}", "at_the_wall", "watts"),
    EnergyColumn(
        "wall_joules_per_output_token", "J/output token at the wall", "J", f"{_OUTPUT}, {_WALL}", "at_the_wall", _PER_OUTPUT
    ),
    EnergyColumn("wall_joules_per_request", "J/request at the wall", "J", f"{_REQUEST}, {_WALL}", "at_the_wall", _PER_REQUEST),
)
"""Each with the ends of its 95 % sampling interval; as the median over a cell's runs."""


def energy_text(interval: Mapping[str, float | None] | None) -> str:
    """A figure with half its sampling interval; "–" where it was not measured."""
    if interval is None or interval["value"] is None:
        return interval_words(None)
    return interval_words(Joules(interval["value"], interval["low"], interval["high"]))


def energy_sentences(cells: Sequence[Document]) -> list[str]:
    """Which meters these are, or why there is no figure; each sentence once."""
    said = []
    for cell in cells:
        told = cell["energy"]
        if told["meters"]:
            paid = "at the wall" if told["cost_is_of"] == "at_the_wall" else "of these meters alone, not of the whole machine"
            cost = f" Costs are of what was drawn {paid}." if told["cost_per_million_output_tokens"] else ""
            idle = told["idle_watts"]
            rest = "not known" if idle is None else f"{significant(idle)} W"
            said.append(
                f"Energy is of {', '.join(told['meters'])} (at rest: {rest}); ± is the sampling error of one run, tok/J is also "
                f"tok/s for each watt.{cost}"
            )
        elif cell["status"] in ("done", "partial"):
            said.append(f"Energy: not available. {told['reason']}")
    return list(dict.fromkeys(said))

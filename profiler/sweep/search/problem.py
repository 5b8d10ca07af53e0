"""What a search looks for, and where: arms (a model, a quantization, settings) and the loads that each may be given."""

from dataclasses import dataclass

from profiler.plan.cells import Choices, expand, varying_axes
from profiler.plan.ladder import ladder_of
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.slo import Slo, parse_slo
from profiler.records.axis import Configuration


@dataclass(frozen=True, slots=True)
class Arm:
    """A model, a quantization and settings: all but the load.

    Attributes:
        group: arms of one model and quantization have one; settings are chosen within it.
        name: in words, what tells it from the other arms.
        memory_bytes: what it needs, as predicted; None when unknown.
        loss: how much worse it predicts text than the base (KL divergence); None when unknown.
    """

    group: int
    name: str
    memory_bytes: float | None = None
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A search's arms, its ladder of loads (rising), and the limits to be met.

    Attributes:
        axis: "concurrency" or "rate".
    """

    arms: tuple[Arm, ...]
    ladder: tuple[float, ...]
    axis: str
    slo: Slo

    def load_words(self, place: int) -> str:
        """A load as a person says it: "1 user", "2.5 req/s"."""
        load = self.ladder[place]
        if self.axis == "rate":
            return f"{load:.3g} req/s"
        return "1 user" if load == 1 else f"{load:.0f} users"

    def words(self, arm: int, place: int) -> str:
        """An arm at a load."""
        return f"{self.arms[arm].name} with {self.load_words(place)}"


def at_load(plan: Plan, axis: str, load: float) -> Plan:
    """The plan with nothing but this load on the axis."""
    value = int(load) if axis == "concurrency" else load
    return plan.model_copy(update={"load": plan.load.model_copy(update={axis: (value,)})})


class Arms:
    """The arms' configurations at any load of the ladder."""

    def __init__(self, plan: Plan, choices: Choices, default_threads: int, *, has_gpu: bool) -> None:
        """Raises UnusableArguments when the plan cannot be searched."""
        self._plan, self._models, self._threads, self._has_gpu = plan, choices, default_threads, has_gpu
        self.axis, self.ladder = ladder_of(plan)
        self._at: dict[int, list[Configuration]] = {}
        highest = self._configurations(len(self.ladder) - 1)
        self.count = len(highest)
        keys = [(cell["model"], cell["quant"]) for cell in highest]
        self.groups = [list(dict.fromkeys(keys)).index(key) for key in keys]
        varying = [axis.name for axis in varying_axes(highest) if axis.name not in ("model", "quant")]
        names_model = len({cell["model"] for cell in highest}) > 1
        self.names = [_name(cell, varying, names_model=names_model) for cell in highest]

    def configuration(self, arm: int, place: int) -> Configuration:
        """An arm at a load."""
        return self._configurations(place)[arm]

    def problem(self, memory_bytes: list[float | None], losses: list[float | None]) -> Problem:
        """What is to be solved, with what is known of each arm."""
        arms = tuple(
            Arm(group, name, memory, loss)
            for group, name, memory, loss in zip(self.groups, self.names, memory_bytes, losses, strict=True)
        )
        return Problem(arms, self.ladder, self.axis, parse_slo(self._plan.need.slo))

    def _configurations(self, place: int) -> list[Configuration]:
        if place not in self._at:
            plan = at_load(self._plan, self.axis, self.ladder[place])
            self._at[place] = expand(plan, None, self._threads, has_gpu=self._has_gpu, choices=self._models)
        return self._at[place]


def _name(cell: Configuration, varying: list[str], *, names_model: bool) -> str:
    told = [str(cell["model"])] if names_model or cell["quant"] == AS_IS else []
    if cell["quant"] != AS_IS:
        told.append(str(cell["quant"]))
    told += [f"{name.replace('_', ' ')} {cell[name]}" for name in varying if cell[name] is not None]
    return " · ".join(told)

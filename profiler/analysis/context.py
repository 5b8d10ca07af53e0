"""What must be known beside a run's raw rows to turn them into figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from profiler.plan.slo import Slo, parse_slo
from profiler.records.power_meter import IdlePower
from profiler.records.run_record import StepCosts
from profiler.records.specification import EngineFacts, RunSpecification


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run's surroundings, as far as figures depend on them.

    Attributes:
        specification: what the run was to do.
        facts: what llama.cpp made of it; None leaves out what needs it (KV occupancy).
        costs: bytes of a step; None leaves out bandwidth.
        peak_bandwidth_gb_s: measured peak of the memory that holds the weights, in 10^9 bytes a second; None leaves out
            the share.
        slo: the plan's limits, empty when it states none.
        last_level_cache_bytes: of that memory's processor; None when unknown.
        idle_power: what the meters showed before the sweep; None leaves out what is told above idle.
        device_memory_bytes: all memory of each GPU that has its own, by ggml's name of it ("CUDA0"); empty when unknown.
    """

    specification: RunSpecification
    facts: EngineFacts | None
    costs: StepCosts | None
    peak_bandwidth_gb_s: float | None
    slo: Slo = ()
    last_level_cache_bytes: int | None = None
    idle_power: IdlePower | None = None
    device_memory_bytes: Mapping[str, int] = field(default_factory=dict)

    @property
    def class_slo(self) -> dict[int, Slo]:
        """The limits of the request classes that have their own, by the class's number; raises ValueError on unreadable ones."""
        classes = self.specification.load.classes
        return {number: parse_slo(each.slo) for number, each in enumerate(classes) if each.slo}

"""Plans that ship with Inferometer, each a small experiment on the sample model that tells one thing about load."""

from dataclasses import dataclass
from importlib import resources

from profiler.plan.plan import Plan
from profiler.plan.plan_file import plan_of_text


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """One of them.

    Attributes:
        name: as `run --plan` knows it.
        about: what it shows, in a sentence.
    """

    name: str
    about: str
    plan: Plan


def sample_plans() -> tuple[SamplePlan, ...]:
    """All of them by name; each file begins with its sentence as a comment."""
    found = []
    for entry in sorted(resources.files("resources").joinpath("plans").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            text = entry.read_text(encoding="utf-8")
            about = text.partition("\n")[0].removeprefix("#").strip()
            found.append(SamplePlan(entry.name.removesuffix(".toml"), about, plan_of_text(text, entry.name)))
    return tuple(found)

"""A plan's files as the models that they are: what each is, and which of them are one model in several quantizations."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.descriptions import description_of
from profiler.errors import InferometerError
from profiler.modelfile.description import ModelDescription
from profiler.models.grouping import group_models, model_choices
from profiler.plan.cells import model_labels
from profiler.plan.plan import Plan
from profiler.sweep.preparation import resolve_model_path


@dataclass(frozen=True, slots=True)
class PlanModel:
    """One model of a plan, in one file or in several.

    Attributes:
        name: the plan's path of the file that other types are made from.
        label: what a sweep calls it.
        source: that file, the one of the most bits per weight.
        files: all of them.
    """

    name: str
    label: str
    source: ModelDescription
    files: tuple[ModelDescription, ...]

    @property
    def existing_types(self) -> frozenset[str]:
        """Types that are not made, since one of several files has them."""
        return frozenset(each.quantization for each in self.files) if len(self.files) > 1 else frozenset()


@dataclass(frozen=True, slots=True)
class PlanModels:
    """What a plan's files are.

    Attributes:
        descriptions, unreadable: by the plan's path; why a file cannot be read.
        labels: of the models, as the sweep calls them.
        choices: model and quantization of everything that is measured.
        models: those that can be read.
    """

    descriptions: Mapping[str, ModelDescription]
    unreadable: Mapping[str, str]
    labels: tuple[str, ...]
    choices: tuple[tuple[str, str], ...]
    models: tuple[PlanModel, ...]

    @property
    def by_label(self) -> dict[str, ModelDescription]:
        """The sources."""
        return {model.label: model.source for model in self.models}


def read_models(plan: Plan) -> PlanModels:
    """Look at the plan's files; while one of them cannot be read, each counts as a model of its own."""
    descriptions: dict[str, ModelDescription] = {}
    unreadable: dict[str, str] = {}
    files = []
    for name in plan.models.paths:
        file = name
        try:
            path = resolve_model_path(name)
            file = str(path)
            descriptions[name] = description_of(path)
        except InferometerError as error:
            unreadable[name] = error.sentence
        files.append(file)
    if unreadable:
        labels = model_labels(files)
        return PlanModels(
            descriptions,
            unreadable,
            tuple(labels),
            tuple((label, quant) for label in labels for quant in plan.models.quant),
            tuple(
                PlanModel(name, label, descriptions[name], (descriptions[name],))
                for name, label in zip(plan.models.paths, labels, strict=True)
                if name in descriptions
            ),
        )
    read = [descriptions[name] for name in plan.models.paths]
    models = []
    for group in group_models(read):
        best = max(group.members, key=lambda place: read[place].bits_per_weight)
        models.append(PlanModel(plan.models.paths[best], group.name, read[best], tuple(read[place] for place in group.members)))
    choices = tuple((choice.label, choice.quant) for choice in model_choices(read, plan.models.quant))
    return PlanModels(descriptions, {}, tuple(model.label for model in models), choices, tuple(models))

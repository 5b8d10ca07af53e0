"""What is wrong with a plan, put beside the fields that it is about. Pure: no widget is touched."""

import re
from collections.abc import Mapping

from profiler.records.axis import BY_NAME

_FIELD_WORDS = {
    "need.slo": "Limits",
    "need.users": "Users at once",
    "load.concurrency": "Concurrency",
    "load.rate_to": "Other rate",
    "load.burst_on": "Bursts",
    "load.burst_off": "Bursts",
    "load.spike_at": "Spike",
    "load.spike_for": "Spike",
    "load.trace": "Trace file",
    "load.trace_columns": "Columns of the trace",
    "load.requests_per_user": "Each user sends",
    "load.requests": "A run ends after",
    "load.duration": "Sending ends after",
    "load.queue_limit": "Waiting, at most",
    "load.timeout": "Given up after",
    "load.classes": "Mix",
    "models.paths": "Model",
    "models.quant": "Quantizations",
    "trust.repetitions": "Repeats",
    "trust.seed": "Seed",
    "trust.budget": "Time budget",
    "trust.target_percent": "Close enough",
    "trust.most_repetitions": "Repeats, at the most",
    "models.imatrix": "Importance matrix",
    "models.quality_tokens": "Quality",
    "models.quality_text": "Quality, text",
    "search.enabled": "Search",
    "search.confirm_repetitions": "Fresh runs",
    "title": "Name",
    "": "The plan",
}
_OPTION = re.compile(r"--([a-z][a-z-]*)")
_FIELD = re.compile(r"load\.([a-z_]+)")
_MISSING = re.compile(r"(?P<fields>load\.\w+(?: and load\.\w+)*) must be given for (?P<rest>.*)")


def field_words(field: str) -> str:
    """What a field is called in the form."""
    if field.startswith("load.classes."):
        return f"Mix, {field_words('load.' + field.rpartition('.')[2]).lower()}"
    name = field.rpartition(".")[2]
    return _FIELD_WORDS.get(field) or (BY_NAME[name].label if name in BY_NAME else name.replace("_", " ").capitalize())


def in_form_words(sentence: str) -> str:
    """A sentence that names options of the command line with the names of the form's fields instead: "give “Context” 512"."""
    return _OPTION.sub(lambda match: f"“{field_words('load.' + match[1].replace('-', '_'))}”", sentence)


def placed(problems: Mapping[str, str]) -> dict[str, str]:
    """The problems by field, those of the load as a whole at the fields that they name.

    Args:
        problems: as `plan.field_problems` tells them.
    """
    found = {field: text for field, text in problems.items() if field != "load"}
    text = problems.get("load", "")
    if missing := _MISSING.fullmatch(text):
        for name in _FIELD.findall(missing["fields"]):
            found.setdefault(f"load.{name}", f"must be given for {missing['rest']}")
    elif text:
        first = _FIELD.match(text)
        told = text[first.end() :].strip() if first else text
        # Lengths have no name in front: "lengths from a trace need arrival trace".
        field = first.group(0) if first else "load.prompt_tokens" if "lengths" in text else "load.arrival"
        found.setdefault(field, _FIELD.sub(lambda match: f"“{field_words(match.group(0))}”", told))
    return found

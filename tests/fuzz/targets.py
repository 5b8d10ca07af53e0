"""What is done with a mutant: everything that the program does with such a file before it would start an engine."""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from profiler.analysis.model_ranking import rank_models
from profiler.errors import InferometerError
from profiler.exchange.csv_export import export_csv
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.session_view import read_session
from profiler.exchange.imports.import_file import import_file
from profiler.exchange.report import report
from profiler.exchange.session_document import session_document
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import describe
from profiler.modelfile.footprint import predict
from profiler.modelfile.header import read_beginning
from profiler.modelfile.imatrix import read_imatrix
from profiler.models.speed_prediction import matmul_bytes
from profiler.plan.cells import expand
from profiler.plan.plan_file import load_plan, plan_text
from profiler.scheduling.trace import detect_format, read_trace
from profiler.session.labels import read_labels
from profiler.session.reader import SessionReader
from profiler.session.salvage import salvage
from tests.fuzz.mutation import altered_session, mutant

REFUSED, READ = "refused", "read"
MOST_WORDS = 900
"""A sentence longer than that is none."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of file.

    Attributes:
        suffix: of its name.
        read: what is done with it; raises InferometerError where it is refused.
    """

    suffix: str
    read: Callable[[Path], object]


def write_mutant(target: str, corpus: Sequence[bytes], seed: int, number: int, path: Path) -> None:
    """Make mutant `number`; of sessions every second one is changed by SQL instead of by bytes."""
    if target == "session" and number % 2:
        path.write_bytes(corpus[number // 2 % len(corpus)])
        altered_session(path, seed, number)
    else:
        path.write_bytes(mutant(corpus, seed, number))


def outcome_of(target: Target, path: Path) -> str:
    """`READ`, or `REFUSED` with a sentence; raises AssertionError for a refusal that is no sentence."""
    try:
        target.read(path)
    except InferometerError as error:
        sentence = error.sentence
        assert sentence.strip(), "refused without a word"
        assert len(sentence) < MOST_WORDS, f"refused with {len(sentence)} characters"
        assert "\n" not in sentence.strip(), f"more than a line: {sentence!r}"
        assert "Traceback" not in sentence
        return REFUSED
    return READ


def _gguf(path: Path) -> None:
    read_beginning(path)
    description = describe(path)
    step_costs(description, "f16", "f16")
    matmul_bytes(description, 4)
    predict(description, ctx_size=512, slots=2)


def _session(path: Path) -> None:
    try:
        with SessionReader.open(path) as reader:
            document = session_document(reader)
            json.dumps(document, allow_nan=False)
            read_labels(reader)
            rank_models(reader.models(), reader.cells(), {cell["cell_id"]: cell["metrics"] for cell in document["cells"]})
            for run in reader.runs():
                reader.run_data(run.run_id)
        answer(read_session(path))
        with SessionReader.open(path) as reader:
            report(reader)
            if path.stat().st_size % 4 == 0:
                export_csv(reader, path.with_suffix(".tables"))
    except InferometerError:
        _repair(path)
        raise


def _repair(path: Path) -> None:
    """Whatever cannot be read must be saved as far as it goes, or refused in a sentence, too."""
    before = path.read_bytes()
    with contextlib.suppress(InferometerError):
        salvage(path, path.with_suffix(".saved"))
    assert path.read_bytes() == before, "the original was changed"


def _plan(path: Path) -> None:
    plan = load_plan(path)
    expand(plan, ["a", "b"], 2)
    plan_text(plan)


def _trace(path: Path) -> None:
    known = detect_format(path)
    if known is None:
        read_trace(path, "columns", ("time", "prompt", "output"))
    else:
        read_trace(path, known)


def _import(path: Path) -> None:
    import_file(path, path.with_name("made.inferometer"), force=True)


TARGETS = {
    "gguf": Target(".gguf", _gguf),
    "session": Target(".inferometer", _session),
    "plan": Target(".toml", _plan),
    "trace": Target(".jsonl", _trace),
    "import": Target(".json", _import),
    "import lines": Target(".jsonl", _import),
    "imatrix": Target(".gguf", partial(read_imatrix)),
}

"""Reading a result file of another tool into a session: which format it is says its content, not its name."""

from dataclasses import dataclass
from pathlib import Path

from profiler.errors import BadFile, UnusableArguments
from profiler.exchange.imports import aiperf, batched_bench, guidellm, llama_bench, vllm
from profiler.exchange.imports.imported import ImportedSession
from profiler.exchange.imports.llama_bench_rows import INSERTION, csv_rows, sql_rows
from profiler.exchange.imports.source import json_documents, read_text
from profiler.exchange.imports.writing import write_session

FORMATS = (
    "llama-bench (JSON, JSON lines, CSV, SQL)",
    "llama-batched-bench (JSON lines)",
    "vLLM bench serve (JSON; with --save-detailed request by request)",
    "GuideLLM (JSON)",
    "AIPerf (profile_export.jsonl or its summary in JSON)",
)
"""What can be imported, in words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import made.

    Attributes:
        tool: that wrote the file.
        lacks: what its runs have not, in words.
    """

    session: Path
    tool: str
    cells: int
    runs: int
    lacks: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For the user."""
        cells = "1 cell" if self.cells == 1 else f"{self.cells} cells"
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        return f"Imported {cells} with {runs} of {self.tool} to {self.session}. They have {', '.join(self.lacks)}."


def import_file(source: Path, target: Path, *, force: bool = False) -> Outcome:
    """Read `source` and write the session `target`; nothing is written when it cannot be read.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or it is the source.
        BadFile: the file is none of `FORMATS`, or damaged, or larger than can be read.
        EnvironmentFault: it cannot be read, or the target not written.
    """
    if target.exists() and not force:
        raise UnusableArguments(f"{target} exists; choose another name, or use --force to replace it.")
    if target.exists() and source.exists() and target.samefile(source):
        raise UnusableArguments(f"{target} is the file to import; name another one for the session.")
    imported = read_import(source)
    write_session(imported, source.name, target, force=force)
    lacks = tuple(dict.fromkeys(lack for cell in imported.cells for lack in cell.lacks))
    return Outcome(target, imported.tool, len(imported.cells), sum(len(cell.runs) for cell in imported.cells), lacks)


def read_import(source: Path) -> ImportedSession:
    """What a file holds; raises BadFile and EnvironmentFault as `import_file` does."""
    text = read_text(source)
    begin = text.lstrip()[:1]
    if not begin:
        raise BadFile(f"{source} is empty; there is nothing to import.")
    if begin in ("{", "["):
        return _from_json(text, source)
    if INSERTION in text:
        rows = sql_rows(text, source)
    elif "n_prompt" in text.partition("\n")[0]:
        rows = csv_rows(text.lstrip("\r\n"), source)
    else:
        raise _unknown(source)
    if not rows or not all(map(llama_bench.is_llama_bench, rows)):
        raise BadFile(f"{source} has no rows of llama-bench with n_prompt, n_gen and a time; save its output again.")
    return llama_bench.import_llama_bench(rows, str(source))


def _from_json(text: str, source: Path) -> ImportedSession:
    documents, name = json_documents(text, source), str(source)
    for is_of, importer in (
        (llama_bench.is_llama_bench, llama_bench.import_llama_bench),
        (batched_bench.is_batched_bench, batched_bench.import_batched_bench),
        (vllm.is_vllm, vllm.import_vllm),
        (aiperf.is_record, aiperf.import_records),
    ):
        if is_of(documents[0]):
            if not all(map(is_of, documents)):
                raise BadFile(f"{source} mixes results of several kinds; keep each kind in a file of its own.")
            return importer(documents, name)
    if len(documents) == 1 and guidellm.is_guidellm(documents[0]):
        return guidellm.import_guidellm(documents[0], name)
    if len(documents) == 1 and aiperf.is_summary(documents[0]):
        return aiperf.import_summary(documents[0])
    raise _unknown(source)


def _unknown(source: Path) -> BadFile:
    return BadFile(f"{source} is none of the results that can be imported: {'; '.join(FORMATS)}.")

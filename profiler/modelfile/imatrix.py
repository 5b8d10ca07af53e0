"""Importance matrices as llama-imatrix writes them: GGUF files, and the older .dat ones. Read without llama.cpp.

Files are untrusted: every count and length is held against the file's size and fixed limits, and the values themselves stay in
the file until they are written out, one tensor at a time.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile, EnvironmentFault
from profiler.modelfile.header import MAGIC, MAX_TENSORS, Header, SkippedArray, read_header
from profiler.units import bytes_text

MAX_FILE_BYTES = 4 * 2**30
"""Four times that of a model of 671 billion weights with 256 experts a layer."""
MAX_LEGACY_NAME_BYTES = 256
MAX_DATASET_BYTES = 1 << 16

RECORDED_TEXT_BYTES = 127
"""As much of a text as llama.cpp's overrides of keys hold, so as much as llama-quantize records."""

_SUMS, _COUNTS = ".in_sum2", ".counts"
_DATASETS, _CHUNK_COUNT, _CHUNK_SIZE = "imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size"
_INT32 = struct.Struct("<i")


@dataclass(frozen=True, slots=True)
class ImatrixEntry:
    """The values of one tensor of the model.

    Attributes:
        sums_at: where in the file the float32 sums begin.
        values: how many there are; those of each expert one after another.
        counts: what the sums of each expert are divided by; 0 means that it was never used.
    """

    name: str
    sums_at: int
    values: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Imatrix:
    """An importance matrix.

    Attributes:
        given: the path as the user gave it, which is what llama-quantize records in the file that it makes.
        dataset: the first text that it was computed on, None when it does not say.
        chunks: of that text, 0 when it does not say.
        is_legacy: a .dat file.
    """

    path: Path
    given: str
    entries: tuple[ImatrixEntry, ...]
    dataset: str | None
    chunks: int
    is_legacy: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def keys(self) -> dict[str, str | int]:
        """What llama-quantize records of it in a model file, in its order."""
        keys: dict[str, str | int] = {"quantize.imatrix.file": recorded(self.given)}
        if self.dataset is not None:
            keys["quantize.imatrix.dataset"] = recorded(self.dataset)
        keys["quantize.imatrix.entries_count"] = len(self.entries)
        if self.chunks > 0:
            keys["quantize.imatrix.chunks_count"] = self.chunks
        return keys

    def means(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """What llama.cpp's quantizer gets: for each tensor the mean of the squared activations of each column (and expert).

        As llama-quantize divides: in float32, and 1 where an expert was never used.

        Raises:
            BadFile: a value is not finite, or the file became shorter.
            EnvironmentFault: the file cannot be read.
        """
        try:
            with open(self.path, "rb") as file:
                for entry in self.entries:
                    yield entry.name, self._mean(file, entry)
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _mean(self, file: BinaryIO, entry: ImatrixEntry) -> NDArray[np.float32]:
        file.seek(entry.sums_at)
        data = file.read(4 * entry.values)
        if len(data) < 4 * entry.values:
            raise BadFile(f"{self.path} became shorter while it was read; wait until it is complete")
        sums = np.frombuffer(data, "<f4").reshape(len(entry.counts), -1)
        counts = np.array(entry.counts, np.float32)[:, None]
        if self.is_legacy:
            means = sums / np.where(counts > 0, counts, np.float32(1))
        else:
            means = np.where(counts > 0, sums / np.where(counts > 0, counts, np.float32(1)), np.float32(1))
        if not np.isfinite(means).all():
            raise BadFile(f"{self.path} holds values for {entry.name} that are no numbers; compute the importance matrix anew")
        return means.astype(np.float32).ravel()


def recorded(text: str) -> str:
    """As much of a text as llama-quantize records: 127 bytes, up to a zero byte."""
    data = text.encode("utf-8", "surrogateescape").partition(b"\0")[0]
    return data[:RECORDED_TEXT_BYTES].decode("utf-8", "surrogateescape")


def read_imatrix(path: Path, given: str | None = None) -> Imatrix:
    """The importance matrix at `path`.

    Args:
        path: the file.
        given: the path as the user gave it; None is `path` itself.

    Raises:
        BadFile: it is none, damaged, cut short, or too large to be one.
        EnvironmentFault: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            is_gguf = file.read(len(MAGIC)) == MAGIC
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise BadFile(f"{path} takes {bytes_text(size)}, too much for an importance matrix; choose another file")
        return (_from_gguf if is_gguf else _from_legacy)(path, str(path) if given is None else given)
    except OSError as error:
        raise _unreadable(path, error) from None


def _from_gguf(path: Path, given: str) -> Imatrix:
    header = read_header(path)
    _check_keys(path, header)
    places, texts = _places_and_datasets(path)
    tensors = {tensor.name: tensor for tensor in header.tensors}
    stems = [name.removesuffix(_SUMS) for name in tensors if name.endswith(_SUMS)]
    stems += [stem for name in tensors if name.endswith(_COUNTS) and (stem := name.removesuffix(_COUNTS)) not in stems]
    entries = []
    for stem in stems:
        sums, counts = tensors.get(stem + _SUMS), tensors.get(stem + _COUNTS)
        if sums is None or counts is None or {sums.dtype, counts.dtype} != {"F32"}:
            _fail(path, f"lacks sums or counts for {stem}")
        if not counts.elements or not sums.elements or sums.elements % counts.elements:
            _fail(path, f"has sums and counts for {stem} that do not go together")
        values = np.fromfile(path, "<f4", counts.elements, offset=places[counts.name])
        if not (np.abs(values) < 2**62).all():
            _fail(path, f"has counts for {stem} that are no numbers")
        # C's lround, which llama.cpp uses, takes halves away from zero.
        rounded = np.trunc(values.astype(np.float64) + np.copysign(0.5, values)).astype(np.int64)
        entries.append(ImatrixEntry(stem, places[sums.name], sums.elements, tuple(rounded.tolist())))
    if not entries:
        _fail(path, "holds no entries")
    chunks = header.metadata[_CHUNK_COUNT]
    assert isinstance(chunks, int)
    return Imatrix(path, given, tuple(entries), texts[0] if texts else None, chunks, is_legacy=False)


def _places_and_datasets(path: Path) -> tuple[dict[str, int], list[str]]:
    """Where each tensor's data begins, and the texts that the matrix was computed on.

    The header has been held against the file's size and the limits by now, so that the package's reader, which trusts what it
    reads, meets nothing that could hurt.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        field = reader.get_field(_DATASETS)
        texts = [str(text) for text in field.contents()] if field is not None and len(field.data) else []
        return {tensor.name: int(tensor.data_offset) for tensor in reader.tensors}, texts
    except (ValueError, KeyError, IndexError, OverflowError):
        _fail(path, "is damaged")


def _check_keys(path: Path, header: Header) -> None:
    """What llama-quantize asks for, and no more of anything than an importance matrix has."""
    datasets = header.metadata.get(_DATASETS)
    counts = [header.metadata.get(key) for key in (_CHUNK_COUNT, _CHUNK_SIZE)]
    if not isinstance(datasets, SkippedArray) or not datasets.of_text or not all(type(count) is int for count in counts):
        _fail(path, "does not say what it was computed on")
    if any(isinstance(value, SkippedArray) and value.length > 4096 for value in header.metadata.values()):
        _fail(path, "has lists as long as a vocabulary")


def _from_legacy(path: Path, given: str) -> Imatrix:
    """A number of entries, each a name, a number of calls and its values; then, optionally, the chunks and the text's name."""
    with open(path, "rb") as file:
        size = path.stat().st_size

        def number(what: str, least: int, most: int) -> int:
            data = file.read(4)
            value = int(_INT32.unpack(data)[0]) if len(data) == 4 else -1
            if len(data) < 4 or not least <= value <= most:
                _fail(path, f"has no {what} where one should be")
            return value

        entries: dict[str, ImatrixEntry] = {}
        for _ in range(number("count of entries", 1, MAX_TENSORS)):
            text = file.read(number("length of a name", 1, MAX_LEGACY_NAME_BYTES)).partition(b"\0")[0]
            calls = number("count of calls", -(2**31), 2**31 - 1)
            values = number("count of values", 1, (size - file.tell()) // 4)
            name = text.decode("utf-8", "replace")
            entries[name] = ImatrixEntry(name, file.tell(), values, (calls,))
            file.seek(4 * values, 1)
        if file.tell() > size:
            _fail(path, "is cut short")
        chunks, dataset = 0, None
        if file.tell() < size:
            chunks = number("count of chunks", -(2**31), 2**31 - 1)
            if file.tell() < size:
                dataset = file.read(number("length of the text's name", 0, MAX_DATASET_BYTES)).decode("utf-8", "surrogateescape")
    return Imatrix(path, given, tuple(entries.values()), dataset or None, chunks, is_legacy=True)


def _fail(path: Path, what: str) -> NoReturn:
    raise BadFile(f"{path} {what}; choose an importance matrix that llama-imatrix has written")


def _unreadable(path: Path, error: OSError) -> EnvironmentFault:
    return EnvironmentFault(f"{path} cannot be read ({error.strerror or error}); check the path and its permissions")
